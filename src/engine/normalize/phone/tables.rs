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
/// twice, plus 1 if a number that ends there matches; or [`TAIL`] and the number of a tail. There
/// is one for each half of a byte: nothing has to be checked.
pub(crate) type Node = [u16; 16];

/// From such a place on only the count of the digits decides: a tail has a bit for each count that
/// matches.
pub(crate) const TAIL: u16 = 1 << 15;

/// The tail from which nothing matches.
pub(crate) const DEAD: u16 = TAIL;

/// One territory.
#[derive(Clone, Debug)]
pub(crate) struct Dialling {
    /// ISO alpha-2; zeros for a calling code of no country.
    pub(crate) id: [u8; 2],
    /// The calling code.
    pub(crate) code: u16,
    /// Its digits, in ASCII, zeros behind.
    pub(crate) code_digits: [u8; 3],
    /// The code's main territory.
    pub(crate) main: u16,
    /// Root of the numbers that are valid under the code.
    pub(crate) valid: u16,
    /// Root of the numbers that match the territory's general pattern.
    pub(crate) general: u16,
    /// Lengths of whole numbers.
    pub(crate) possible: Lengths,
    /// Lengths of numbers without their area code only.
    pub(crate) local: Lengths,
    /// The program of prefixes for dialling abroad.
    pub(crate) abroad: u32,
    /// What such a prefix may start with.
    pub(crate) abroad_start: Starts,
    /// The program of national prefixes; 0 if there is none.
    pub(crate) prefix: u32,
    /// What such a prefix may start with.
    pub(crate) prefix_start: Starts,
    /// How many groups that program has.
    pub(crate) groups: u8,
    /// What a number with such a prefix becomes; empty if it only loses it.
    pub(crate) transform: Cow<'static, str>,
}

/// Pairs of digits that a match may start with, as bits.
pub(crate) type Starts = u128;

/// True if a match may start the digits, which are ASCII.
pub(crate) fn may_start(starts: Starts, digits: &[u8]) -> bool {
    match digits {
        [first, second, ..] => {
            starts >> (u32::from(first & 15) * 10 + u32::from(second & 15)) & 1 != 0
        }
        _ => true,
    }
}

/// No territory.
pub(crate) const NONE: u16 = u16::MAX;

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// The metadata's version.
    pub(crate) version: Cow<'static, str>,
    /// The automaton.
    pub(crate) nodes: Cow<'static, [Node]>,
    /// Its tails.
    pub(crate) tails: Cow<'static, [u32]>,
    /// The territories.
    pub(crate) territories: Cow<'static, [Dialling]>,
    /// The territory of each pair of capital letters, or [`NONE`].
    pub(crate) countries: Cow<'static, [u16]>,
    /// The main territory of the calling code that three digits start with, or [`NONE`].
    pub(crate) leads: Cow<'static, [u16]>,
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
        let mut left = digits.iter();
        while at & TAIL == 0 {
            let Some(digit) = left.next() else { return at & 1 != 0 };
            at = nodes[usize::from(at >> 1)][usize::from(digit & 15)];
        }
        let counts = self.tails[usize::from(at & !TAIL)];
        u32::try_from(left.len()).is_ok_and(|left| counts.checked_shr(left).unwrap_or(0) & 1 != 0)
    }

    /// The main territory of the calling code at the front of the digits, which are three or more.
    pub(crate) fn lead(&self, digits: &[u8]) -> Option<&Dialling> {
        let three = digits.first_chunk::<3>()?;
        let number = three.iter().fold(0, |number, digit| number * 10 + usize::from(digit & 15));
        self.territories.get(usize::from(*self.leads.get(number)?))
    }

    /// The main territory of a territory's calling code.
    pub(crate) fn main_of(&self, territory: &Dialling) -> Option<&Dialling> {
        self.territories.get(usize::from(territory.main))
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
