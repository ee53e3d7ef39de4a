//! Countries: ISO 3166-1 codes and English names.
//!
//! In: cleaned text. Out: [`Country`]. The table `countries.csv` holds alpha-2, alpha-3, numeric
//! and the folded English names of each; `UK` is the United Kingdom, `NA` is Namibia.

use super::text;
use crate::engine::identifier::Identifier;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// A country by its ISO 3166-1 alpha-2 code; also `AC`, `TA` and `XK`, which have phone numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

/// Every code and folded name. Built once; read only.
static TABLE: LazyLock<HashMap<&'static str, Country>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for line in include_str!("countries.csv").lines().skip(1) {
        let mut fields = line.split(',');
        let Some(&[a, b]) = fields.next().map(str::as_bytes) else { continue };
        let country = Country([a, b]);
        table.insert(&line[..2], country);
        for name in fields.flat_map(|field| field.split('|')).filter(|name| !name.is_empty()) {
            table.insert(name, country);
        }
    }
    table
});

/// Which pairs of letters are a country's code: every row has one.
static PAIRS: LazyLock<[[bool; 26]; 26]> = LazyLock::new(|| {
    let mut pairs = [[false; 26]; 26];
    for line in include_str!("countries.csv").lines().skip(1) {
        if let [a @ b'A'..=b'Z', b @ b'A'..=b'Z', ..] = line.as_bytes() {
            pairs[usize::from(a - b'A')][usize::from(b - b'A')] = true;
        }
    }
    pairs
});

impl Country {
    /// The country of two letters, in any case.
    fn of_pair(pair: [u8; 2]) -> Option<Country> {
        let [a, b] = pair.map(|letter| letter.to_ascii_uppercase());
        let place = |letter: u8| usize::from(letter.wrapping_sub(b'A'));
        let is_known = PAIRS.get(place(a)).and_then(|row| row.get(place(b)));
        is_known.is_some_and(|is_known| *is_known).then_some(Country([a, b]))
    }

    /// Reads alpha-2, alpha-3, a numeric code of three digits, `UK`, or an English name, in any
    /// case and with any punctuation.
    ///
    /// ```
    /// use matchkey::normalize::Country;
    ///
    /// let germany = Country::parse("DE");
    /// assert_eq!(Country::parse("deu"), germany);
    /// assert_eq!(Country::parse(" Germany "), germany);
    /// assert_eq!(Country::parse("Atlantis"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Country> {
        if let Some(country) = text.as_bytes().try_into().ok().and_then(Country::of_pair) {
            return Some(country);
        }
        let text = text.trim();
        let mut code = [0; 3];
        if let Some(code) = code.get_mut(..text.len()) {
            code.copy_from_slice(text.as_bytes());
            code.make_ascii_uppercase();
            let known = std::str::from_utf8(code).ok().and_then(|code| TABLE.get(code));
            if let Some(country) = known {
                return Some(*country);
            }
        }
        TABLE.get(FoldedName::default().fold(text)).copied()
    }

    /// The country that a row's cell names, for the row's phone numbers: a code of letters or a
    /// name. A number is none, since it is as often a calling code as an ISO code.
    pub fn from_cell(cell: &[u8]) -> Option<Country> {
        if let Some(country) = cell.try_into().ok().and_then(Country::of_pair) {
            return Some(country);
        }
        let text = text::clean(cell, Identifier::Country).ok()?;
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        (!is_number).then(|| Country::parse(&text)).flatten()
    }

    /// The country that a row's cell names in any way, numeric codes included.
    pub(crate) fn from_any_cell(cell: &[u8]) -> Option<Country> {
        Country::parse(&text::clean(cell, Identifier::Country).ok()?)
    }

    pub(super) fn letters(self) -> [u8; 2] {
        self.0
    }

    /// The two upper-case letters.
    pub fn alpha2(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha2())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha2())
    }
}

/// A name as the tables have it: lower-case ASCII words with one space between, accents gone, `&`
/// spelled `and`. On the stack, since every row has some; longer names are in no table.
pub(super) struct FoldedName {
    bytes: [u8; NAME_BYTES_MAX],
    length: usize,
}

const NAME_BYTES_MAX: usize = 80;

impl Default for FoldedName {
    fn default() -> FoldedName {
        FoldedName { bytes: [0; NAME_BYTES_MAX], length: 0 }
    }
}

impl FoldedName {
    /// The folded text; empty if it is too long to be a name that is known.
    pub(super) fn fold(&mut self, text: &str) -> &str {
        use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
        self.length = 0;
        let mut fits = true;
        if text.is_ascii() {
            text.chars().for_each(|c| fits &= self.push(c));
        } else {
            let letters = text.nfkd().filter(|c| !is_combining_mark(*c));
            letters.for_each(|c| fits &= self.push(c));
        }
        let folded = std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default();
        if fits { folded.trim_end() } else { "" }
    }

    fn push(&mut self, c: char) -> bool {
        match c {
            '&' => [' ', 'a', 'n', 'd', ' '].into_iter().all(|c| self.push(c)),
            _ if c.is_ascii_alphanumeric() => self.append(c.to_ascii_lowercase() as u8),
            _ if self.length == 0 || self.bytes[self.length - 1] == b' ' => true,
            _ => self.append(b' '),
        }
    }

    fn append(&mut self, byte: u8) -> bool {
        match self.bytes.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names() {
        for (text, code) in [
            ("us", "US"),
            ("USA", "US"),
            ("U.S.A.", "US"),
            ("840", "US"),
            ("UK", "GB"),
            ("uk", "GB"),
            ("England", "GB"),
            ("NA", "NA"),
            ("C\u{f4}te d\u{2019}Ivoire", "CI"),
            ("T\u{fc}rkiye", "TR"),
            ("South Korea", "KR"),
            ("Trinidad & Tobago", "TT"),
        ] {
            assert_eq!(Country::parse(text).map(|c| c.to_string()), Some(code.into()), "{text}");
        }
        for text in ["", "ZZ", "001", "XX", "Nowhere", "U"] {
            assert_eq!(Country::parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_name_of_the_tables_is_folded_and_fits() {
        for table in [include_str!("countries.csv"), include_str!("states.csv")] {
            let names = table.lines().skip(1).filter_map(|line| line.rsplit(',').next());
            for name in names.flat_map(|names| names.split('|')) {
                assert_eq!(FoldedName::default().fold(name), name);
            }
        }
        assert_eq!(FoldedName::default().fold(&"x".repeat(81)), "");
        assert_eq!(FoldedName::default().fold(" A&B--c. "), "a and b c");
    }

    #[test]
    fn the_table_is_whole() {
        let lines: Vec<_> = include_str!("countries.csv").lines().skip(1).collect();
        assert_eq!(lines.len(), 252);
        let mut seen = std::collections::HashSet::new();
        for line in lines {
            assert_eq!(line.matches(',').count(), 3);
            for name in line.split([',', '|']).filter(|name| !name.is_empty()) {
                assert!(seen.insert(name), "{name} stands twice");
            }
        }
    }
}
