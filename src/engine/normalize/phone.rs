//! Phone numbers, read as Google's libphonenumber reads them.
//!
//! In: text as somebody typed it, and the country of a number that names none. Out: [`Phone`]
//! with libphonenumber's four labels, and [`usable`], our policy on top of them.
//!
//! The parsing is rlibphonenumber's, with the metadata of [`METADATA_VERSION`]. It differs from
//! Google's Java code in three corners, none of which changes a valid number: two digits with an
//! extension (`06#671`) are taken for a number, U+FF5E is no punctuation, and of two `/x` marks
//! the last cuts. The fourth known difference, the limit of 250 characters, is kept here.
//! Policy: platforms ask for E.164 only, and a number that is possible but not assigned costs
//! nothing, while a real number that is dropped is a lost person (Google Ads API forum,
//! GLqSCji7Hx0; Snap Conversions API parameters; both read 2026-11).

use super::{Country, PhonePolicy, Placeholders, Rejection};
use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, Region, ValidationError,
};

/// The version of Google's phone metadata that numbers are read with.
pub const METADATA_VERSION: &str = "9.0.42";

/// What libphonenumber says of a number's length, or of a text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A length that numbers of this country have.
    IsPossible,
    /// A length that only numbers without area code have.
    IsPossibleLocalOnly,
    /// A calling code that does not exist.
    InvalidCountryCode,
    /// Shorter than any number of this country.
    TooShort,
    /// A length between others that this country does not have.
    InvalidLength,
    /// Longer than any number of this country.
    TooLong,
    /// Not read: neither a calling code nor a default country, or an unknown calling code.
    ParseInvalidCountryCode,
    /// Not read: no number.
    ParseNotANumber,
    /// Not read: nothing behind the prefix for dialling abroad.
    ParseTooShortAfterIdd,
    /// Not read: fewer than two digits.
    ParseTooShortNsn,
    /// Not read: more than 17 digits, or more than 250 characters.
    ParseTooLong,
}

impl Reason {
    /// libphonenumber's name of it; the five of its parser start with `PARSE_`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::IsPossible => "IS_POSSIBLE",
            Reason::IsPossibleLocalOnly => "IS_POSSIBLE_LOCAL_ONLY",
            Reason::InvalidCountryCode => "INVALID_COUNTRY_CODE",
            Reason::TooShort => "TOO_SHORT",
            Reason::InvalidLength => "INVALID_LENGTH",
            Reason::TooLong => "TOO_LONG",
            Reason::ParseInvalidCountryCode => "PARSE_INVALID_COUNTRY_CODE",
            Reason::ParseNotANumber => "PARSE_NOT_A_NUMBER",
            Reason::ParseTooShortAfterIdd => "PARSE_TOO_SHORT_AFTER_IDD",
            Reason::ParseTooShortNsn => "PARSE_TOO_SHORT_NSN",
            Reason::ParseTooLong => "PARSE_TOO_LONG",
        }
    }
}

/// A text read as a phone number: libphonenumber's labels, no policy.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    e164: String,
    calling_code_digits: usize,
    reason: Reason,
    is_valid: bool,
}

impl Phone {
    /// `+` and digits; empty where no number was read. Exists for impossible numbers too: never
    /// hash it without asking for [`usable`].
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// Why the number is possible or not, or why none was read.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// True also for numbers that only work inside their area.
    pub fn is_possible(&self) -> bool {
        matches!(self.reason, Reason::IsPossible | Reason::IsPossibleLocalOnly)
    }

    /// True if a range of its country holds the number.
    pub fn is_valid(&self) -> bool {
        self.is_valid
    }

    fn national_digits(&self) -> &str {
        self.e164.get(1 + self.calling_code_digits..).unwrap_or_default()
    }
}

impl std::fmt::Debug for Phone {
    /// Without the number: it is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({}, valid: {})", self.reason.name(), self.is_valid)
    }
}

/// Reads a text as libphonenumber does. Without a country only numbers with `+` are read.
///
/// ```
/// use matchkey::normalize::{Country, phone};
///
/// let phone = phone::read("(0)20 7946 0958", Country::parse("GB"));
/// assert_eq!(phone.e164(), "+442079460958");
/// assert_eq!(phone.reason().name(), "IS_POSSIBLE");
/// ```
pub fn read(text: &str, country: Option<Country>) -> Phone {
    const UTF16_UNITS_MAX: usize = 250;
    // No more UTF-16 units than bytes: only long texts need counting.
    if text.len() > UTF16_UNITS_MAX && text.encode_utf16().nth(UTF16_UNITS_MAX).is_some() {
        return unread(Reason::ParseTooLong);
    }
    let region = country.and_then(|country| Region::try_from(country.alpha2()).ok());
    let number = match PHONE_NUMBER_UTIL.parse(text, region) {
        Ok(number) => number,
        Err(error) => {
            return unread(match error {
                ParseError::InvalidCountryCode => Reason::ParseInvalidCountryCode,
                ParseError::NotANumber(_) => Reason::ParseNotANumber,
                ParseError::TooShortAfterIdd => Reason::ParseTooShortAfterIdd,
                ParseError::TooShortNsn => Reason::ParseTooShortNsn,
                ParseError::TooLongNsn => Reason::ParseTooLong,
            });
        }
    };
    let reason = match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossible) => Reason::IsPossible,
        Ok(NumberLengthType::IsPossibleLocalOnly) => Reason::IsPossibleLocalOnly,
        Err(ValidationError::InvalidCountryCode) => Reason::InvalidCountryCode,
        Err(ValidationError::TooShort) => Reason::TooShort,
        Err(ValidationError::InvalidLength) => Reason::InvalidLength,
        Err(ValidationError::TooLong) => Reason::TooLong,
    };
    Phone {
        e164: PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned(),
        calling_code_digits: match number.country_code {
            ..=9 => 1,
            10..=99 => 2,
            _ => 3,
        },
        reason,
        is_valid: PHONE_NUMBER_UTIL.is_valid_number(&number),
    }
}

/// Reads a cell's bytes as they stand; Windows-1252 where they are not UTF-8.
pub fn read_bytes(cell: &[u8], country: Option<Country>) -> Phone {
    read(&super::text::lossless(cell), country)
}

fn unread(reason: Reason) -> Phone {
    Phone { e164: String::new(), calling_code_digits: 0, reason, is_valid: false }
}

/// A number that may be hashed, or why it may not: its reason must be exactly `IS_POSSIBLE`, it
/// has at most 15 digits, and it is no placeholder.
pub fn usable(
    text: &str,
    country: Option<Country>,
    policy: PhonePolicy,
    placeholders: Placeholders,
) -> Result<Phone, Rejection> {
    const E164_DIGITS_MAX: usize = 15;
    let phone = read(text, country);
    let rejection = match phone.reason {
        Reason::IsPossible if phone.e164.len() > 1 + E164_DIGITS_MAX => Rejection::TooLong,
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

/// A number without `+` in a row without any country, read as Meta and Google ask for it: with
/// its calling code in front ("always include the country code", Meta, customer list custom
/// audiences, read 2026-09-12; Google's Data Manager utilities put `+` before the digits). Fewer
/// than eleven digits, or a zero in front, are a national number of an unknown country.
pub(super) fn usable_international(
    text: &str,
    policy: PhonePolicy,
    placeholders: Placeholders,
) -> Result<Phone, Rejection> {
    const DIGITS_MIN: usize = 11;
    let digits = PHONE_NUMBER_UTIL.normalize_digits_only(text);
    if digits.len() < DIGITS_MIN || digits.starts_with('0') || text.contains(char::is_alphabetic) {
        return Err(Rejection::NoCountry);
    }
    usable(&format!("+{digits}"), None, policy, placeholders)
}

/// True if all digits of the national number are the same, or the cell's digits are 1234567890
/// and it has no `+`.
fn is_placeholder(text: &str, phone: &Phone) -> bool {
    let national = phone.national_digits();
    let mut digits = national.bytes();
    let all_same = digits.next().is_some_and(|first| digits.all(|digit| digit == first));
    all_same || (counts_to_ten(text) && !text.contains(['+', '\u{ff0b}']))
}

fn counts_to_ten(text: &str) -> bool {
    const COUNTING: &str = "1234567890";
    match text.is_ascii() {
        true => text.bytes().filter(u8::is_ascii_digit).eq(COUNTING.bytes()),
        false => PHONE_NUMBER_UTIL.normalize_digits_only(text) == COUNTING,
    }
}

/// `1.4155E+10`: what a spreadsheet makes of a long number.
fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
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
        usable(text, country, PhonePolicy::default(), Placeholders::default())
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
        let kept = usable("0000000000", us, PhonePolicy::Possible, Placeholders::Keep);
        assert_eq!(kept.unwrap().e164(), "+10000000000");
        let strict = usable("+11234567890", us, PhonePolicy::Valid, Placeholders::Reject);
        assert_eq!(strict, Err(Rejection::NotValid));
    }

    #[test]
    fn the_limit_counts_utf16_units() {
        assert_eq!(read(&"1".repeat(251), None).reason(), Reason::ParseTooLong);
        let marks = "\u{ff11}".repeat(250);
        assert_ne!(marks.len(), 250);
        assert_ne!(read(&marks, Country::parse("US")).reason(), Reason::ParseNotANumber);
    }
}
