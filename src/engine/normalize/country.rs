//! Countries: ISO 3166-1 codes and English names.
//!
//! In: cleaned text. Out: [`Country`]. The table `countries.csv` holds alpha-2, alpha-3, numeric
//! and the folded English names of each; `UK` is the United Kingdom, `NA` is Namibia.

use super::text;
use crate::engine::columns::Identifier;
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

impl Country {
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
        const NAME_BYTES_MAX: usize = 200;
        let text = text.trim();
        if text.len() <= 3 && text.is_ascii() {
            let code = text.to_ascii_uppercase();
            return TABLE.get(code.as_str()).copied().or_else(|| named(text));
        }
        (text.len() <= NAME_BYTES_MAX).then(|| named(text)).flatten()
    }

    /// The country that a row's cell names, for the row's phone numbers: a code of letters or a
    /// name. A number is none, since it is as often a calling code as an ISO code.
    pub(crate) fn from_cell(cell: &[u8]) -> Option<Country> {
        let text = text::clean(cell, Identifier::Country).ok()?;
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        (!is_number).then(|| Country::parse(&text)).flatten()
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

fn named(text: &str) -> Option<Country> {
    TABLE.get(fold(text).as_str()).copied()
}

/// Lower-case ASCII words with one space between: accents go, `&` is `and`.
pub(super) fn fold(text: &str) -> String {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        match c {
            '&' => folded.push_str(" and "),
            _ if c.is_ascii_alphanumeric() => folded.push(c.to_ascii_lowercase()),
            _ => folded.push(' '),
        }
    }
    folded.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
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
