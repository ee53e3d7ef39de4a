//! The tables that numbers are read with: built when the crate is, or at run time from newer
//! metadata.
//!
//! In: `compile.rs` makes them. Out: one look-up for each question of libphonenumber's algorithm.

use super::metadata::Lengths;
use super::program::Step;
use std::borrow::Cow;

/// The most digits of a national number that is read.
pub(crate) const DIGITS_MAX: usize = 17;

/// A place in the automaton: for each digit the next place. A place is the number of its node
/// twice, plus 1 if a number that ends there matches. Place 0 leads nowhere.
pub(crate) type Node = [u16; 10];

/// One territory.
#[derive(Clone, Debug)]
pub(crate) struct Dialling {
    /// ISO alpha-2; zeros for a calling code of no country.
    pub(crate) id: [u8; 2],
    /// The calling code.
    pub(crate) code: u16,
    /// Its digits, in ASCII, zeros behind.
    pub(crate) code_digits: [u8; 3],
    /// Root of the numbers that match the territory's general pattern.
    pub(crate) general: u16,
    /// Lengths of whole numbers.
    pub(crate) possible: Lengths,
    /// Lengths of numbers without their area code only.
    pub(crate) local: Lengths,
    /// The program of prefixes for dialling abroad.
    pub(crate) abroad: u32,
    /// The digits that such a prefix may start with, as bits.
    pub(crate) abroad_first: u16,
    /// The program of national prefixes; 0 if there is none.
    pub(crate) prefix: u32,
    /// The digits that such a prefix may start with, as bits.
    pub(crate) prefix_first: u16,
    /// How many groups that program has.
    pub(crate) groups: u8,
    /// What a number with such a prefix becomes; empty if it only loses it.
    pub(crate) transform: Cow<'static, str>,
}

/// What a calling code leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallingCode {
    /// Its main territory; [`u16::MAX`] if there is no such code.
    pub(crate) main: u16,
    /// Root of the numbers that are valid under it.
    pub(crate) valid: u16,
}

impl CallingCode {
    /// No such code.
    pub(crate) const NONE: CallingCode = CallingCode { main: u16::MAX, valid: 0 };
}

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// The metadata's version.
    pub(crate) version: Cow<'static, str>,
    /// The automaton.
    pub(crate) nodes: Cow<'static, [Node]>,
    /// The territories.
    pub(crate) territories: Cow<'static, [Dialling]>,
    /// The territory of each pair of capital letters; [`u16::MAX`] if there is none.
    pub(crate) countries: Cow<'static, [u16]>,
    /// By calling code.
    pub(crate) codes: Cow<'static, [CallingCode]>,
    /// The programs.
    pub(crate) steps: Cow<'static, [Step]>,
    /// Sets of bytes that the programs share.
    pub(crate) sets: Cow<'static, [u128]>,
    /// The program of what may follow a number: an extension.
    pub(crate) extension: u32,
}

impl Tables {
    /// True if these digits, in ASCII, match what starts at this root.
    pub(crate) fn matches(&self, root: u16, digits: &[u8]) -> bool {
        let nodes = &self.nodes[..];
        let mut at = root;
        for digit in digits {
            at = nodes[usize::from(at >> 1)][usize::from(digit - b'0')];
        }
        at & 1 != 0
    }

    /// The main territory of a calling code.
    pub(crate) fn main_of(&self, code: u16) -> Option<(&Dialling, CallingCode)> {
        let known = *self.codes.get(usize::from(code))?;
        Some((self.territories.get(usize::from(known.main))?, known))
    }

    /// The territory of a country.
    pub(crate) fn country(&self, letters: [u8; 2]) -> Option<&Dialling> {
        let index = pair(&letters).and_then(|pair| self.countries.get(pair))?;
        self.territories.get(usize::from(*index))
    }
}

/// Pairs of capital letters.
pub(crate) const PAIRS: usize = 26 * 26;

/// The number of a pair of capital letters.
pub(crate) fn pair(letters: &[u8]) -> Option<usize> {
    match letters {
        [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => {
            Some(usize::from(a - b'A') * 26 + usize::from(b - b'A'))
        }
        _ => None,
    }
}
