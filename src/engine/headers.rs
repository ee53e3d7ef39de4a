//! A header's name -> the identifier that its column holds; and what of a name may be shown.
//!
//! In: the cells of a header. Out: an [`Identifier`] for each known spelling, in the languages of
//! `headers.csv`. Data in the place of a header must not reach a terminal or a log.

use super::identifier::Identifier;
use std::collections::HashMap;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The identifier that a header means, if it is a known spelling; a number at its end is of no
/// matter (`email_2`).
pub(super) fn recognize(header: &str) -> Option<Identifier> {
    const NUMBER_DIGITS_MAX: usize = 2;
    let folded = fold(header);
    let bare = folded.trim_end_matches(|c: char| c.is_ascii_digit());
    if bare.is_empty() {
        return None;
    }
    let known = KNOWN_HEADERS.get(folded.as_str());
    let numbered = folded.len() - bare.len() <= NUMBER_DIGITS_MAX;
    known.or_else(|| numbered.then(|| KNOWN_HEADERS.get(bare)).flatten()).copied()
}

/// `headers.csv`: the usual spellings of each field, by language, folded: folding them takes longer
/// than reading a short list.
static KNOWN_HEADERS: LazyLock<HashMap<&'static str, Identifier>> = LazyLock::new(|| {
    let lines = include_str!("headers.csv").lines().skip(1);
    let fields = lines.filter_map(|line| {
        let (field, headers) = line.split_once(',')?;
        Some((field.parse().ok()?, headers.split_once(',')?.1))
    });
    fields.flat_map(|(field, headers)| headers.split('|').map(move |it| (it, field))).collect()
});

/// Letters and digits in lower case, without accents and in their usual width: `E-mail Address`
/// becomes `emailaddress`.
pub(super) fn fold(header: &str) -> String {
    match header.is_ascii() {
        // Many cells are tried when a header is looked for.
        true => {
            let bytes = header.bytes().filter(u8::is_ascii_alphanumeric);
            bytes.map(|byte| char::from(byte.to_ascii_lowercase())).collect()
        }
        false => fold_any(header),
    }
}

fn fold_any(header: &str) -> String {
    let mut folded = String::new();
    for c in header.to_lowercase().nfkd().filter(|c| c.is_alphanumeric()) {
        match c {
            _ if is_combining_mark(c) => {}
            '\u{131}' => folded.push('i'),
            '\u{142}' => folded.push('l'),
            '\u{f8}' => folded.push('o'),
            '\u{111}' => folded.push('d'),
            '\u{df}' => folded.push_str("ss"),
            '\u{e6}' => folded.push_str("ae"),
            '\u{153}' => folded.push_str("oe"),
            _ => folded.push(c),
        }
    }
    folded
}

/// A header as it may be shown: data in the place of a header must not reach a terminal or log.
pub(super) fn display_name(index: usize, header: &str) -> String {
    shown(header).unwrap_or_else(|| format!("column {}", index + 1))
}

/// A name that looks like one, cut to 40 characters; `None` if it may be personal data.
pub(super) fn shown(header: &str) -> Option<String> {
    const DIGITS_MAX: usize = 6;
    const CHARS_MAX: usize = 40;
    let header = header.trim();
    let digits = header.chars().filter(|c| c.is_numeric()).count();
    if header.is_empty() || header.contains('@') || digits > DIGITS_MAX {
        return None;
    }
    Some(header.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_are_recognized() {
        for (header, identifier) in [
            ("Email", Identifier::Email),
            ("e-mail address", Identifier::Email),
            ("\u{feff}E_MAIL", Identifier::Email),
            ("Phone Number", Identifier::Phone),
            ("mobile", Identifier::Phone),
            ("fn", Identifier::FirstName),
            ("First Name", Identifier::FirstName),
            ("postal code", Identifier::Zip),
            ("phone_3", Identifier::Phone),
            ("Date Of Birth", Identifier::Dob),
        ] {
            assert_eq!(recognize(header), Some(identifier), "{header}");
        }
        assert_eq!(recognize("Email opt-in"), None);
        assert_eq!(recognize(""), None);
    }

    #[test]
    fn ascii_is_folded_as_anything_else() {
        let header: String = (0..128).map(char::from).collect();
        assert_eq!(fold(&header), fold_any(&header));
    }

    #[test]
    fn the_list_of_spellings_is_whole() {
        let lines = include_str!("headers.csv").lines().skip(1);
        let words: usize = lines.map(|line| line.split('|').count()).sum();
        assert_eq!(KNOWN_HEADERS.len(), words, "two spellings are one");
        assert!(KNOWN_HEADERS.keys().all(|header| fold(header) == **header));
        for identifier in Identifier::ALL {
            assert_eq!(recognize(identifier.name()), Some(identifier));
        }
    }
}
