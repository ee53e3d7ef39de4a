//! City, state and postal code in Meta's form.
//!
//! In: cleaned text, and for state and postal code the row's country. Out: what Meta's docs ask
//! for (customer list custom audiences, read 2026-09-12): a city as letters a-z only; a state as
//! two letters for the US and Canada, else as letters; a postal code in lower case without white
//! space, five digits for the US, area, district and sector for Great Britain.

use super::country::FoldedName;
use super::text::{lower, push};
use super::{Country, Rejection};
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

/// Appends the canonical form of a city.
pub(super) fn write_city(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    write_letters(text, out)
}

/// Appends the canonical form of a state. Without a country it is looked for in the US, then in
/// Canada.
pub(super) fn write_state(
    text: &str,
    country: Option<Country>,
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    let mut folded = FoldedName::default();
    let folded = folded.fold(text);
    let code = match country.as_ref().map(Country::alpha2) {
        Some(country @ ("US" | "CA")) => STATES.get(&(country, folded)),
        Some(_) => None,
        None => ["US", "CA"].iter().find_map(|country| STATES.get(&(*country, folded))),
    };
    match code {
        Some(code) => {
            out.extend_from_slice(code.as_bytes());
            Ok(())
        }
        None => write_letters(text, out),
    }
}

/// Appends the canonical form of a postal code.
pub(super) fn write_zip(
    text: &str,
    country: Option<Country>,
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    const US_DIGITS: usize = 5;
    let start = out.len();
    // The part behind a hyphen only narrows the place down.
    let first = text.split('-').next().unwrap_or_default();
    lower(first, |c| {
        if !c.is_whitespace() {
            push(out, c);
        }
    });
    let zip = &out[start..];
    match country.as_ref().map(Country::alpha2) {
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

fn write_letters(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let start = out.len();
    lower(text, |c| {
        if c.is_ascii_lowercase() {
            push(out, c);
        }
    });
    if out.len() == start { Err(Rejection::NothingLeft) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(&str, Option<Country>, &mut Vec<u8>) -> Result<(), Rejection>;

    fn form(write: Write, text: &str, country: &str) -> String {
        let mut out = Vec::new();
        match write(text, Country::parse(country), &mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(rejection) => format!("{rejection:?}"),
        }
    }

    #[test]
    fn states() {
        for (text, country, expected) in [
            ("California", "US", "ca"),
            ("N.Y.", "US", "ny"),
            ("ON", "CA", "on"),
            ("Qu\u{e9}bec", "CA", "qc"),
            ("Ontario", "", "on"),
            ("Baden-W\u{fc}rttemberg", "DE", "badenwrttemberg"),
            ("CA", "DE", "ca"),
            ("\u{6771}\u{4eac}", "JP", "NothingLeft"),
        ] {
            assert_eq!(form(write_state, text, country), expected, "{text} {country}");
        }
    }

    #[test]
    fn postal_codes() {
        for (text, country, expected) in [
            ("94025-1234", "US", "94025"),
            ("2139", "US", "02139"),
            ("94025 1234", "US", "94025"),
            ("SW1A 1AA", "GB", "sw1a1"),
            ("SW1A", "GB", "sw1a"),
            ("L3T 5M7", "CA", "l3t5m7"),
            ("123", "US", "TooShort"),
            ("ABCDE", "US", "Malformed"),
            ("80331", "DE", "80331"),
        ] {
            assert_eq!(form(write_zip, text, country), expected, "{text} {country}");
        }
    }

    #[test]
    fn cities() {
        let city: Write = |text, _, out| write_city(text, out);
        assert_eq!(form(city, "S\u{e3}o Paulo", ""), "sopaulo");
        assert_eq!(form(city, "St. Louis 3", ""), "stlouis");
    }
}
