//! Second readings: what people mean where libphonenumber is formally right and somebody else is
//! called.
//!
//! In: a text, its country, what libphonenumber makes of it. Out: another number, if there is one
//! that is valid. The first reading stays exactly libphonenumber's. The cases (found on lists, and
//! named in libphonenumber's own FAQ for calling codes 49 and 62):
//!
//! - `4915123456789` under DE: the calling code without `+`, which is also a number of the country;
//! - `0044 20 ...` under US: `00` where another prefix is dialled abroad;
//! - `+52 1 55 ...`: the 1 that Mexican mobiles once had;
//! - `+1 (0) 415 ...`: a trunk zero that the country does not have;
//! - `4155552671.0`: a spreadsheet's decimal.

use super::{Country, Phone, Reader, text, usable};
use crate::engine::options::{PhonePolicy, Placeholders};

/// Another valid number that the text may mean, by the same policy as the first.
pub(in crate::engine::normalize) fn read(
    reader: &mut Reader,
    text: &str,
    country: Option<Country>,
    placeholders: Placeholders,
) -> Option<Phone> {
    let first = reader.read(text.as_bytes(), country);
    let has_plus = text.contains(['+', '\u{ff0b}']);
    let digits = || text.char_indices().filter(|(_, c)| text::digit(*c).is_some());
    let mut meant = Vec::new();
    if let Some(whole) = text.strip_suffix(".0") {
        meant.push(whole.to_owned());
    }
    if has_plus && text.contains("(0)") {
        meant.push(text.replacen("(0)", "", 1));
    }
    // What follows the digits stays: libphonenumber cuts an extension off.
    let behind = |digit: usize| digits().nth(digit).map(|(at, _)| &text[at..]);
    let starts: String =
        digits().take(3).filter_map(|(_, c)| text::digit(c)).map(char::from).collect();
    let mobile = first.e164().strip_prefix("+521").filter(|rest| has_plus && rest.len() == 10);
    meant.extend(mobile.map(|mobile| format!("+52{mobile}")));
    if !has_plus && starts.starts_with("00") {
        meant.extend(behind(2).map(|rest| format!("+{rest}")));
    }
    let own = country.and_then(|country| reader.calling_code(country));
    if own.is_some_and(|own| !has_plus && starts.starts_with(&own.to_string())) {
        meant.extend(behind(0).map(|rest| format!("+{rest}")));
    }
    meant.into_iter().find_map(|text| {
        let phone = usable(reader, &text, country, PhonePolicy::Valid, placeholders).ok()?;
        (first.e164() != phone.e164()).then_some(phone)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_mean() {
        let mut reader = Reader::new();
        for (text, country, first, second) in [
            ("4915123456789", "DE", "+494915123456789", Some("+4915123456789")),
            ("0044 20 7946 0958", "US", "", Some("+442079460958")),
            ("+52 1 55 1234 5678", "MX", "+5215512345678", Some("+525512345678")),
            ("+1 (0) 415 555 2671", "", "+104155552671", Some("+14155552671")),
            ("4155552671.0", "US", "+141555526710", Some("+14155552671")),
            ("+49 (0) 30 901820", "", "+4930901820", None),
            ("(415) 555-2671", "US", "+14155552671", None),
            ("+14155552671", "US", "+14155552671", None),
            ("0044 20 7946 0958", "DE", "+442079460958", None),
            ("555", "US", "+1555", None),
            ("", "US", "", None),
            ("49301234567 ext 89", "DE", "+49301234567", None),
            ("00493012345 ext 67", "US", "", Some("+493012345")),
            ("+52 1 55 5555 5555", "MX", "+5215555555555", None),
            ("81 00 66 7777777777777", "JP", "+8100667777777777777", None),
        ] {
            let country = Country::parse(country);
            let phone = reader.read(text.as_bytes(), country);
            if !first.is_empty() {
                assert_eq!(phone.e164(), first, "{text}");
            }
            let other = read(&mut reader, text, country, Placeholders::Reject);
            assert_eq!(other.as_ref().map(Phone::e164), second, "{text}");
        }
    }
}
