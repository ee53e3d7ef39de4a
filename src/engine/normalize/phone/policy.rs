//! Which numbers may be hashed.
//!
//! In: a text, its country, the caller's policy. Out: the number, or why it is unusable: its length
//! must be one that the country has, it has at most 15 digits, and it is no filler.

use super::{Phone, Reader, Reason, text};
use crate::engine::options::{PhonePolicy, Placeholders};
use crate::normalize::{Country, Rejection};

/// A number that may be hashed: its reason is exactly `IS_POSSIBLE`, it has at most 15 digits, and
/// it is no placeholder. `text` has no blanks around it.
///
/// ```
/// use matchkey::normalize::phone::{Reader, usable};
/// use matchkey::normalize::{Country, Rejection};
/// use matchkey::{PhonePolicy, Placeholders};
///
/// let (mut reader, us) = (Reader::new(), Country::parse("US"));
/// let (policy, placeholders) = (PhonePolicy::default(), Placeholders::default());
/// let phone = usable(&mut reader, "(415) 555-2671", us, policy, placeholders)?;
/// assert_eq!(phone.e164(), "+14155552671");
/// let filler = usable(&mut reader, "1234567890", us, policy, placeholders);
/// assert_eq!(filler, Err(Rejection::Placeholder));
/// # Ok::<(), Rejection>(())
/// ```
///
/// # Errors
///
/// Why it may not be hashed.
pub fn usable(
    reader: &mut Reader,
    text: &str,
    country: Option<Country>,
    policy: PhonePolicy,
    placeholders: Placeholders,
) -> Result<Phone, Rejection> {
    let phone = reader.read(text.as_bytes(), country);
    let rejection = match phone.reason {
        Reason::IsPossible if phone.as_bytes().len() > 1 + E164_DIGITS_MAX => Rejection::TooLong,
        Reason::IsPossible
            if placeholders == Placeholders::Reject && is_placeholder(text, &phone) =>
        {
            Rejection::Placeholder
        }
        Reason::IsPossible if policy == PhonePolicy::Valid && !phone.is_valid => {
            Rejection::NotValid
        }
        Reason::IsPossible => return Ok(phone),
        _ if is_scientific(text) => Rejection::Spreadsheet,
        Reason::IsPossibleLocalOnly => Rejection::LocalOnly,
        Reason::InvalidCountryCode => Rejection::UnknownCallingCode,
        Reason::TooShort | Reason::ParseTooShortAfterIdd | Reason::ParseTooShortNsn => {
            Rejection::TooShort
        }
        Reason::InvalidLength => Rejection::InvalidLength,
        Reason::TooLong | Reason::ParseTooLong => Rejection::TooLong,
        Reason::ParseInvalidCountryCode
            if country.is_none() && !text.contains(['+', '\u{ff0b}']) =>
        {
            Rejection::NoCountry
        }
        Reason::ParseInvalidCountryCode => Rejection::UnknownCallingCode,
        Reason::ParseNotANumber => Rejection::NotANumber,
    };
    Err(rejection)
}

/// The most digits of a number in E.164.
pub(super) const E164_DIGITS_MAX: usize = 15;

/// What people type to get past a form.
pub(super) const COUNTING: &[u8] = b"1234567890";

/// A number without `+` in a row without any country, read as Meta and Google ask for it: with
/// its calling code in front ("always include the country code", Meta, customer list custom
/// audiences, read 2026-09-12; Google's Data Manager utilities put `+` before the digits). Fewer
/// than eleven digits, or a zero in front, are a national number of an unknown country.
pub(in crate::engine::normalize) fn usable_international(
    reader: &mut Reader,
    text: &str,
    policy: PhonePolicy,
    placeholders: Placeholders,
) -> Result<Phone, Rejection> {
    const DIGITS_MIN: usize = 11;
    let digits: String = text.chars().filter_map(text::digit).map(char::from).collect();
    if digits.len() < DIGITS_MIN || digits.starts_with('0') || text.contains(char::is_alphabetic) {
        return Err(Rejection::NoCountry);
    }
    usable(reader, &format!("+{digits}"), None, policy, placeholders)
}

/// True if all digits of the national number are the same, or the cell's digits are 1234567890
/// and it has no `+`.
fn is_placeholder(text: &str, phone: &Phone) -> bool {
    let all_same = match phone.national_digits() {
        [first, rest @ ..] => rest.iter().all(|digit| digit == first),
        [] => false,
    };
    all_same || (counts_to_ten(text) && !text.contains(['+', '\u{ff0b}']))
}

fn counts_to_ten(text: &str) -> bool {
    match text.is_ascii() {
        true => text.bytes().filter(u8::is_ascii_digit).eq(COUNTING.iter().copied()),
        false => text.chars().filter_map(text::digit).eq(COUNTING.iter().copied()),
    }
}

/// `1.4155E+10`: what a spreadsheet makes of a long number.
fn is_scientific(text: &str) -> bool {
    let Some(at) = memchr::memchr2(b'e', b'E', text.as_bytes()) else { return false };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let mut parts = mantissa.trim_start_matches(['\'', '+']).splitn(2, ['.', ',']);
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or_default();
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    whole.len() == 1
        && is_digits(whole)
        && is_digits(fraction)
        && matches!(exponent.len(), 1 | 2)
        && is_digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str, country: &str) -> Result<String, Rejection> {
        let country = Country::parse(country);
        usable(&mut Reader::new(), text, country, PhonePolicy::default(), Placeholders::default())
            .map(|phone| phone.e164().to_owned())
    }

    #[test]
    fn policy() {
        for (text, country, expected) in [
            ("(415) 555-2671", "US", Ok("+14155552671")),
            ("+44 (0)20 7946 0958", "", Ok("+442079460958")),
            ("+39 06 698 12345", "", Ok("+390669812345")),
            ("+11234567890", "", Ok("+11234567890")),
            ("415 555 2671", "", Err(Rejection::NoCountry)),
            ("+999 1234567", "", Err(Rejection::UnknownCallingCode)),
            ("1234567890", "US", Err(Rejection::Placeholder)),
            ("123-456-7890", "DE", Err(Rejection::Placeholder)),
            ("\u{ff11}\u{ff12}34567890", "US", Err(Rejection::Placeholder)),
            ("0000000000", "US", Err(Rejection::Placeholder)),
            ("+1 555 555 5555", "", Err(Rejection::Placeholder)),
            ("555-1212", "US", Err(Rejection::LocalOnly)),
            ("1.4155552671E+10", "US", Err(Rejection::Spreadsheet)),
            ("1,4E10", "US", Err(Rejection::Spreadsheet)),
            ("4155552671.0", "US", Err(Rejection::TooLong)),
            ("+8141882297019423276", "", Err(Rejection::TooLong)),
            ("2671", "US", Err(Rejection::TooShort)),
            ("asdf", "US", Err(Rejection::NotANumber)),
        ] {
            assert_eq!(outcome(text, country), expected.map(str::to_owned), "{text:?} {country}");
        }
    }

    #[test]
    fn policies_may_be_turned() {
        let us = Country::parse("US");
        let kept =
            usable(&mut Reader::new(), "0000000000", us, PhonePolicy::Possible, Placeholders::Keep);
        assert_eq!(kept.unwrap().e164(), "+10000000000");
        let strict = usable(
            &mut Reader::new(),
            "+11234567890",
            us,
            PhonePolicy::Valid,
            Placeholders::Reject,
        );
        assert_eq!(strict, Err(Rejection::NotValid));
    }
}
