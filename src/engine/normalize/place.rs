//! City, state and postal code, in the spellings that platforms hash or take plain.
//!
//! In: cleaned text, and for state and postal code the row's country. Out, by [`Form`]:
//!
//! - Meta, also generic (customer list custom audiences, read 2026-09-12): a city as letters a-z
//!   only (Meta's Parameter Builder, upload screen and SDK mixin agree; its Conversions SDK keeps
//!   accents). A state as two letters for the US and Canada, else as letters a-z, never cut: the
//!   Parameter Builder cuts any other name to two letters, which is a bug. A postal code in lower
//!   case without white space, up to the hyphen; five digits for the US; area, district and sector
//!   for Great Britain, as the page says and no code of Meta's does.
//! - Google: the postal code trimmed, nothing else (Data Manager utilities, executed 2026-11).
//! - Amazon: letters a-z and digits; states and US postal codes as Meta has them. Second-hand.

use super::country::FoldedName;
use super::text::{lower, push};
use super::{Country, Rejection};
use crate::engine::rules::Form;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Folded names and codes of the states of a country (`US`, `CA`) -> code.
static STATES: LazyLock<HashMap<(&'static str, &'static str), &'static str>> =
    LazyLock::new(|| {
        let mut states = HashMap::new();
        for line in include_str!("states.csv").lines().skip(1) {
            let mut fields = line.split(',');
            let (Some(country), Some(code)) = (fields.next(), fields.next()) else { continue };
            for name in fields.flat_map(|names| names.split('|')).chain([code]) {
                states.insert((country, name), code);
            }
        }
        states
    });

/// Appends a city.
pub(super) fn write_city(form: Form, text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    match form {
        Form::Amazon => write_kept(text, |c| c.is_ascii_alphanumeric(), out),
        _ => write_kept(text, |c| c.is_ascii_alphabetic(), out),
    }
}

/// The two letters of a state of the US or Canada. It is looked for in the row's country first,
/// then in the other one: a list's default country is not every row's. In a row of a third country
/// there is none.
pub(super) fn state_code(text: &str, country: Option<Country>) -> Option<&'static str> {
    let mut folded = FoldedName::default();
    let folded = folded.fold(text);
    let of = |country| STATES.get(&(country, folded)).copied();
    // `US-CA`, as ISO 3166-2 spells it.
    let coded = |country: &'static str| {
        let rest = folded.strip_prefix(country.to_ascii_lowercase().as_str())?;
        let code = rest.strip_prefix(' ').filter(|code| code.len() == 2)?;
        STATES.get(&(country, code)).copied()
    };
    match country.as_ref().map(Country::alpha2) {
        Some("CA") => coded("CA").or_else(|| of("CA")).or_else(|| of("US")),
        None | Some("US") => {
            coded("US").or_else(|| coded("CA")).or_else(|| of("US")).or_else(|| of("CA"))
        }
        Some(_) => None,
    }
}

/// Appends a state that has no code.
pub(super) fn write_state(form: Form, text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    write_city(form, text, out)
}

/// Appends a postal code.
pub(super) fn write_zip(
    form: Form,
    text: &str,
    country: Option<Country>,
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    let country = country.as_ref().map(Country::alpha2);
    match form {
        Form::Google | Form::Plain => {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
        Form::Amazon if country != Some("US") => {
            write_kept(text, |c| c.is_ascii_alphanumeric(), out)
        }
        _ => write_meta_zip(text, country, out),
    }
}

fn write_meta_zip(text: &str, country: Option<&str>, out: &mut Vec<u8>) -> Result<(), Rejection> {
    const US_DIGITS: usize = 5;
    let start = out.len();
    let is_hyphen = |c: char| matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    // The part behind a hyphen only narrows the place down, but in Great Britain.
    let first = match country {
        Some("GB") => text,
        _ => text.split(is_hyphen).next().unwrap_or_default(),
    };
    lower(first, |c| {
        if !c.is_whitespace() && !is_hyphen(c) {
            push(out, c);
        }
    });
    let zip = &out[start..];
    match country {
        _ if zip.is_empty() => return Err(Rejection::NothingLeft),
        Some("US") if !zip.iter().all(u8::is_ascii_digit) => return Err(Rejection::Malformed),
        // A spreadsheet drops the zero in front.
        Some("US") if zip.len() == US_DIGITS - 1 => out.insert(start, b'0'),
        Some("US") if zip.len() < US_DIGITS => return Err(Rejection::TooShort),
        Some("US") => out.truncate(start + US_DIGITS),
        Some("GB") if is_full_british(zip) => out.truncate(out.len() - 2),
        _ => {}
    }
    Ok(())
}

/// A whole British postcode: two to four characters, then digit, letter, letter.
fn is_full_british(zip: &[u8]) -> bool {
    matches!(zip, [_, _, rest @ .., digit, a, b]
        if rest.len() <= 2
            && digit.is_ascii_digit()
            && a.is_ascii_alphabetic()
            && b.is_ascii_alphabetic())
        && zip.is_ascii()
}

/// Appends what `is_kept` keeps of the lower-cased text.
fn write_kept(
    text: &str,
    is_kept: impl Fn(char) -> bool,
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    let start = out.len();
    lower(text, |c| {
        if is_kept(c) {
            push(out, c);
        }
    });
    if out.len() == start { Err(Rejection::NothingLeft) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Rejection>) -> String {
        let mut out = Vec::new();
        match write(&mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(rejection) => format!("{rejection:?}"),
        }
    }

    #[test]
    fn states() {
        for (text, country, expected) in [
            ("California", "US", Some("ca")),
            ("N.Y.", "US", Some("ny")),
            ("ON", "CA", Some("on")),
            ("Qu\u{e9}bec", "CA", Some("qc")),
            ("Ontario", "", Some("on")),
            ("Ontario", "US", Some("on")),
            ("California", "CA", Some("ca")),
            ("US-CA", "US", Some("ca")),
            ("CA-ON", "CA", Some("on")),
            ("Washington", "DE", None),
            ("Baja California", "MX", None),
            ("CA", "DE", None),
        ] {
            assert_eq!(state_code(text, Country::parse(country)), expected, "{text} {country}");
        }
        let state = |form, text| written(|out| write_state(form, text, out));
        assert_eq!(state(Form::Meta, "Baden-W\u{fc}rttemberg"), "badenwrttemberg");
        assert_eq!(state(Form::Meta, "\u{6771}\u{4eac}"), "NothingLeft");
    }

    #[test]
    fn postal_codes() {
        for (text, country, meta, amazon) in [
            ("94025-1234", "US", "94025", "94025"),
            ("2139", "US", "02139", "02139"),
            ("94025 1234", "US", "94025", "94025"),
            ("SW1A 1AA", "GB", "sw1a1", "sw1a1aa"),
            ("SW1A", "GB", "sw1a", "sw1a"),
            ("SW1A-1AA", "GB", "sw1a1", "sw1a1aa"),
            ("94025\u{2013}1234", "US", "94025", "94025"),
            ("L3T 5M7", "CA", "l3t5m7", "l3t5m7"),
            ("123", "US", "TooShort", "TooShort"),
            ("ABCDE", "US", "Malformed", "Malformed"),
            ("1229-076", "PT", "1229", "1229076"),
        ] {
            let country = Country::parse(country);
            for (form, expected) in [(Form::Meta, meta), (Form::Amazon, amazon)] {
                assert_eq!(written(|out| write_zip(form, text, country, out)), expected, "{text}");
            }
            assert_eq!(written(|out| write_zip(Form::Google, text, country, out)), text);
        }
    }

    #[test]
    fn cities() {
        let city = |form, text| written(|out| write_city(form, text, out));
        assert_eq!(city(Form::Meta, "S\u{e3}o Paulo"), "sopaulo");
        assert_eq!(city(Form::Generic, "St. Louis 3"), "stlouis");
        assert_eq!(city(Form::Amazon, "St. Louis 3"), "stlouis3");
    }
}
