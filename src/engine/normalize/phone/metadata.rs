//! Phone metadata as Google publishes it: what each territory's numbers look like.
//!
//! In: nothing; these are the values that `build.rs` fills from its dependency, and that a newer
//! file fills at run time. Out: [`Territory`], from which `compile.rs` makes the tables and
//! `reference.rs` reads the patterns themselves.

/// Bits of the lengths that a number may have, bit N for N digits.
pub type Lengths = u32;

/// The patterns of one territory, as the metadata spells them, without white space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Territory {
    /// ISO alpha-2, or `001` for a calling code that belongs to no country.
    pub id: String,
    /// The calling code.
    pub code: u16,
    /// True for the main territory of a calling code that several share.
    pub is_main: bool,
    /// Prefixes for dialling abroad.
    pub international_prefix: String,
    /// What may stand in front of a national number; empty if nothing.
    pub national_prefix_for_parsing: String,
    /// What the number becomes where that prefix has a group that took part.
    pub transform_rule: String,
    /// What tells this territory from others of its calling code; empty if nothing.
    pub leading_digits: String,
    /// Every number of the territory.
    pub general: String,
    /// The ten types of numbers: their patterns, and the lengths of each.
    pub types: Vec<(String, Lengths)>,
    /// Lengths of whole numbers.
    pub possible: Lengths,
    /// Lengths of numbers without their area code only.
    pub local: Lengths,
}

/// A territory as the build writes it down.
pub(crate) struct Spelled {
    pub(crate) id: &'static str,
    pub(crate) code: u16,
    pub(crate) is_main: bool,
    /// Dialling abroad, before national numbers, its rule, leading digits.
    pub(crate) prefixes: [&'static str; 4],
    pub(crate) general: &'static str,
    pub(crate) types: &'static [(&'static str, Lengths)],
    pub(crate) possible: Lengths,
    pub(crate) local: Lengths,
}

impl Spelled {
    pub(crate) fn territory(&self) -> Territory {
        let [international_prefix, national_prefix_for_parsing, transform_rule, leading_digits] =
            self.prefixes.map(str::to_owned);
        let own = |(pattern, lengths): &(&str, Lengths)| ((*pattern).to_owned(), *lengths);
        Territory {
            id: self.id.to_owned(),
            code: self.code,
            is_main: self.is_main,
            international_prefix,
            national_prefix_for_parsing,
            transform_rule,
            leading_digits,
            general: self.general.to_owned(),
            types: self.types.iter().map(own).collect(),
            possible: self.possible,
            local: self.local,
        }
    }
}

/// Bits of some lengths.
pub fn lengths(of: impl IntoIterator<Item = u16>) -> Lengths {
    of.into_iter().fold(0, |bits, length| bits | 1 << u32::from(length).min(31))
}
