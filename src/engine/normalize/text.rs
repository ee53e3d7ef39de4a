//! Cleaning, before any rule: what a spreadsheet, a form or a copy has left around a value.
//!
//! In: a cell's bytes. Out: text in NFC without white space, zero-width and bidirectional marks
//! at its ends (nor, in e-mails and phones, inside), or the word that it is not UTF-8.
//! The isolates U+2066 to U+2069 are among the marks, since phones put them around numbers.
//! The set is a superset of what the vendors' own code trims (Java `String.trim`, JavaScript
//! `trim`, Python `strip`, PHP `trim`, as of 2026-11), so that a value any of them would clean
//! comes out the same.

use super::Rejection;
use crate::engine::identifier::Identifier;
use std::borrow::Cow;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfkc_quick};

/// Characters of no width, and marks that only steer the direction of text.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn is_trimmed(c: char) -> bool {
    c == '\0' || c.is_whitespace() || is_mark(c)
}

/// The cleaned text of a cell. A phone, a name or a place that is not UTF-8 is read as
/// Windows-1252; anything else that is not UTF-8 is unusable.
pub(super) fn clean(raw: &[u8], identifier: Identifier) -> Result<Cow<'_, str>, Rejection> {
    if raw.is_ascii()
        && let Ok(text) = std::str::from_utf8(raw)
    {
        return Ok(Cow::Borrowed(text.trim_matches(is_trimmed)));
    }
    let text = match std::str::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if may_be_windows_1252(identifier) => Cow::Owned(windows_1252(raw)),
        Err(_) => return Err(Rejection::InvalidUtf8),
    };
    Ok(match text {
        Cow::Borrowed(text) => clean_unicode(text, identifier),
        Cow::Owned(text) => Cow::Owned(clean_unicode(&text, identifier).into_owned()),
    })
}

fn clean_unicode(text: &str, identifier: Identifier) -> Cow<'_, str> {
    let text = text.trim_matches(is_trimmed);
    let strips = matches!(identifier, Identifier::Email | Identifier::Phone);
    let text = match strips && text.contains(is_mark) {
        true => Cow::Owned(text.chars().filter(|c| !is_mark(*c)).collect::<String>()),
        false => Cow::Borrowed(text),
    };
    let text = narrow(text, identifier);
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// Digits and signs in other widths as the usual ones, where a field is a number.
fn narrow(text: Cow<'_, str>, identifier: Identifier) -> Cow<'_, str> {
    let is_number = matches!(identifier, Identifier::Zip | Identifier::Dob | Identifier::Ltv);
    let is_other = |c: char| !c.is_ascii() && digit(c).is_some();
    match is_number && (text.contains(is_other) || is_nfkc_quick(text.chars()) != IsNormalized::Yes)
    {
        true => Cow::Owned(text.nfkc().map(|c| digit(c).map_or(c, char::from)).collect()),
        false => text,
    }
}

/// Where the ten digits of each script start, those of the first plane, which Java reads as well.
const ZEROS: [char; 37] = [
    '\u{30}', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}',
    '\u{b66}', '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{de6}', '\u{e50}', '\u{ed0}',
    '\u{f20}', '\u{1040}', '\u{1090}', '\u{17e0}', '\u{1810}', '\u{1946}', '\u{19d0}', '\u{1a80}',
    '\u{1a90}', '\u{1b50}', '\u{1bb0}', '\u{1c40}', '\u{1c50}', '\u{a620}', '\u{a8d0}', '\u{a900}',
    '\u{a9d0}', '\u{a9f0}', '\u{aa50}', '\u{abf0}', '\u{ff10}',
];

/// The ASCII digit of a digit of any script.
pub(crate) fn digit(c: char) -> Option<u8> {
    let script = ZEROS.partition_point(|zero| *zero <= c).checked_sub(1)?;
    let distance = c as u32 - ZEROS[script] as u32;
    (distance < 10).then(|| b'0' + distance as u8)
}

fn may_be_windows_1252(identifier: Identifier) -> bool {
    matches!(
        identifier,
        Identifier::Phone
            | Identifier::FirstName
            | Identifier::LastName
            | Identifier::City
            | Identifier::State
            | Identifier::Country
            | Identifier::Gender
            | Identifier::Ltv
    )
}

/// Text of any bytes: UTF-8, else Windows-1252. Nothing is lost.
pub(crate) fn lossless(raw: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(windows_1252(raw)),
    }
}

/// Windows-1252 as the WHATWG encoding standard has it (read 2026-11): every byte is a character.
fn windows_1252(raw: &[u8]) -> String {
    const HIGH: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}',
        '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}',
        '\u{8f}', '\u{90}', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}',
        '\u{2014}', '\u{2dc}', '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}',
        '\u{178}',
    ];
    raw.iter()
        .map(|&byte| match byte {
            0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
            _ => char::from(byte),
        })
        .collect()
}

/// True if there is a control character inside.
pub(super) fn has_control(text: &str) -> bool {
    match text.is_ascii() {
        true => text.bytes().any(|byte| byte.is_ascii_control()),
        false => text.chars().any(char::is_control),
    }
}

/// Calls `each` for every character of a text in lower case, by Unicode's default rules, without
/// a new string.
pub(super) fn lower(text: &str, mut each: impl FnMut(char)) {
    if text.is_ascii() {
        return text.bytes().for_each(|byte| each(char::from(byte.to_ascii_lowercase())));
    }
    // Only the capital sigma's lower case depends on its neighbours.
    match text.contains('\u{3a3}') {
        true => text.to_lowercase().chars().for_each(each),
        false => text.chars().flat_map(char::to_lowercase).for_each(each),
    }
}

/// Appends a character in UTF-8.
pub(super) fn push(out: &mut Vec<u8>, c: char) {
    match c.is_ascii() {
        true => out.push(c as u8),
        false => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// True for a cleaned value that means nothing. `NA` is Namibia as a country and a name, `Null`
/// a surname: those fields have fewer such tokens.
pub(super) fn is_null(text: &str, identifier: Identifier) -> bool {
    const ALWAYS: [&str; 7] = ["-", "--", "n/a", "#n/a", "#ref!", "(null)", "\\n"];
    const OFTEN: [&str; 9] = ["na", "null", "none", "nan", "nil", "undefined", ".", "?", "unknown"];
    if text.len() > 9 {
        return false;
    }
    let is_token = |token: &str| token.eq_ignore_ascii_case(text);
    let often = matches!(
        identifier,
        Identifier::Email
            | Identifier::Phone
            | Identifier::Madid
            | Identifier::Zip
            | Identifier::Dob
            | Identifier::Gender
            | Identifier::ExternalId
            | Identifier::Ltv
    );
    text.is_empty()
        || ALWAYS.iter().any(|t| is_token(t))
        || (often && OFTEN.iter().any(|t| is_token(t)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dirt_goes_from_the_ends_and_marks_from_within() {
        let raw = "\u{feff} \u{a0}a\u{200b}b@x\u{ad}.org\u{202c}\0\r\n".as_bytes();
        assert_eq!(clean(raw, Identifier::Email).unwrap(), "ab@x.org");
        assert_eq!(clean(raw, Identifier::City).unwrap(), "a\u{200b}b@x\u{ad}.org");
        assert_eq!(clean(b" \t a \x0b", Identifier::City).unwrap(), "a");
        assert_eq!(clean("e\u{301}".as_bytes(), Identifier::City).unwrap(), "\u{e9}");
    }

    #[test]
    fn digits_of_other_scripts_are_digits_in_numbers() {
        let text = "\u{661}\u{662}\u{ff13}\u{96a}";
        assert_eq!(clean(text.as_bytes(), Identifier::Zip).unwrap(), "1234");
        assert_eq!(clean(text.as_bytes(), Identifier::City).unwrap(), text);
    }

    #[test]
    fn bytes_that_are_not_utf8() {
        assert_eq!(clean(b"Jos\xe9", Identifier::FirstName).unwrap(), "Jos\u{e9}");
        assert_eq!(clean(b"\x80", Identifier::City).unwrap(), "\u{20ac}");
        assert_eq!(clean(b"\xe9@x.org", Identifier::Email), Err(Rejection::InvalidUtf8));
    }

    #[test]
    fn lower_case_is_the_default_one() {
        for text in
            ["\u{39f}\u{394}\u{3a5}\u{3a3}\u{3a3}\u{395}\u{3a3}", "\u{130}x", "STRA\u{1e9e}E", "a"]
        {
            let mut lowered = String::new();
            lower(text, |c| lowered.push(c));
            assert_eq!(lowered, text.to_lowercase());
        }
    }

    #[test]
    fn null_tokens_differ_by_field() {
        assert!(is_null("N/A", Identifier::LastName));
        assert!(is_null("#REF!", Identifier::Country));
        assert!(is_null("\\N", Identifier::Email));
        assert!(is_null("Null", Identifier::Email));
        assert!(!is_null("Null", Identifier::LastName));
        assert!(!is_null("NA", Identifier::Country));
        assert!(!is_null("x", Identifier::Email));
    }
}
