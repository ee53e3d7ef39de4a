//! Identifiers in their canonical forms: what is hashed, or why a value is unusable.
//!
//! In: one cell's bytes, what the cell holds, the row's country. Out: an [`Outcome`]; the
//! canonical bytes go to the end of a buffer of the caller's. A service that gets one customer at
//! a time calls [`Normalizer::normalize`] and gets exactly what the batch makes of it.
//!
//! Every value is cleaned first, see `text.rs`; then comes the rule of its identifier, one file
//! each.

pub mod country;
mod date;
pub mod email;
mod name;
pub mod phone;
mod place;
pub(crate) mod text;
mod value;

use super::identifier::Identifier;
use super::options::{Options, PhonePolicy, Placeholders};
use super::sha256::{Digest, OF_EMPTY};
use std::borrow::Cow;
use std::fmt;

pub use country::Country;

/// What became of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing in it: blank, or a token that means nothing, such as `N/A`.
    Empty,
    /// Usable; the canonical form, which is to be hashed, was appended to the buffer.
    Hash,
    /// Usable and sent as it is; it was appended to the buffer.
    Plain,
    /// Hashed already: 64 hexadecimal digits. Never to be hashed again.
    Passthrough(Digest),
    /// Unusable.
    Rejected(Rejection),
}

/// Why a non-empty cell is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Rejection {
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// A control character inside.
    ControlChar,
    /// The SHA-256 of nothing: somebody hashed a blank.
    HashOfEmpty,
    /// An e-mail without `@`.
    NoAt,
    /// An e-mail with two or more `@`.
    SeveralAt,
    /// An e-mail with nothing before the `@`.
    NoLocalPart,
    /// An e-mail with nothing after the `@`.
    NoDomain,
    /// An e-mail whose domain has no dot.
    NoDotInDomain,
    /// An e-mail with white space inside.
    WhiteSpace,
    /// A phone: not a number.
    NotANumber,
    /// A phone without `+` in a row without a country.
    NoCountry,
    /// A phone whose calling code does not exist.
    UnknownCallingCode,
    /// A phone shorter than any of its country.
    TooShort,
    /// A phone longer than any of its country, or over 15 digits.
    TooLong,
    /// A phone of a length that its country does not have.
    InvalidLength,
    /// A phone that only works inside its area.
    LocalOnly,
    /// A phone whose range is not assigned; only under [`PhonePolicy::Valid`].
    NotValid,
    /// A filler such as `0000000000`.
    Placeholder,
    /// A number whose digits a spreadsheet has lost, such as `1.4E+10`.
    Spreadsheet,
    /// No letter or digit that the form keeps.
    NothingLeft,
    /// A word that the field does not know.
    Unknown,
    /// A date that may be read as day/month or month/day.
    Ambiguous,
    /// Not in any form that the field has.
    Malformed,
}

impl Rejection {
    /// How many there are.
    pub(crate) const COUNT: usize = Rejection::ALL.len();

    pub(crate) const ALL: [Rejection; 23] = [
        Rejection::InvalidUtf8,
        Rejection::ControlChar,
        Rejection::HashOfEmpty,
        Rejection::NoAt,
        Rejection::SeveralAt,
        Rejection::NoLocalPart,
        Rejection::NoDomain,
        Rejection::NoDotInDomain,
        Rejection::WhiteSpace,
        Rejection::NotANumber,
        Rejection::NoCountry,
        Rejection::UnknownCallingCode,
        Rejection::TooShort,
        Rejection::TooLong,
        Rejection::InvalidLength,
        Rejection::LocalOnly,
        Rejection::NotValid,
        Rejection::Placeholder,
        Rejection::Spreadsheet,
        Rejection::NothingLeft,
        Rejection::Unknown,
        Rejection::Ambiguous,
        Rejection::Malformed,
    ];

    /// The stable reason for a cell of this identifier: `invalid_email:no_at`, `invalid_utf8`.
    pub fn reason(self, identifier: Identifier) -> Cow<'static, str> {
        match self {
            Rejection::InvalidUtf8 => "invalid_utf8".into(),
            Rejection::ControlChar => "control_char".into(),
            _ => format!("invalid_{}:{}", identifier.name(), self.detail()).into(),
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Rejection::InvalidUtf8 => "invalid_utf8",
            Rejection::ControlChar => "control_char",
            Rejection::HashOfEmpty => "hash_of_empty",
            Rejection::NoAt => "no_at",
            Rejection::SeveralAt => "several_at",
            Rejection::NoLocalPart => "no_local_part",
            Rejection::NoDomain => "no_domain",
            Rejection::NoDotInDomain => "no_dot_in_domain",
            Rejection::WhiteSpace => "white_space",
            Rejection::NotANumber => "not_a_number",
            Rejection::NoCountry => "no_country",
            Rejection::UnknownCallingCode => "unknown_calling_code",
            Rejection::TooShort => "too_short",
            Rejection::TooLong => "too_long",
            Rejection::InvalidLength => "invalid_length",
            Rejection::LocalOnly => "local_only",
            Rejection::NotValid => "not_valid",
            Rejection::Placeholder => "placeholder",
            Rejection::Spreadsheet => "spreadsheet",
            Rejection::NothingLeft => "nothing_left",
            Rejection::Unknown => "unknown",
            Rejection::Ambiguous => "ambiguous",
            Rejection::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Rejection {
    /// What is wrong and what to do, as one sentence without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rejection::InvalidUtf8 => "not UTF-8; save the file as UTF-8",
            Rejection::ControlChar => "a control character inside",
            Rejection::HashOfEmpty => "the SHA-256 of nothing; leave blank cells blank",
            Rejection::NoAt => "an e-mail needs an @",
            Rejection::SeveralAt => "more than one @; put one address in a cell",
            Rejection::NoLocalPart => "nothing before the @",
            Rejection::NoDomain => "nothing after the @",
            Rejection::NoDotInDomain => "the domain has no dot",
            Rejection::WhiteSpace => "white space inside the address",
            Rejection::NotANumber => "not a phone number",
            Rejection::NoCountry => "no + and no country; give a country column or --country",
            Rejection::UnknownCallingCode => "no country has this calling code",
            Rejection::TooShort => "too short for its country",
            Rejection::TooLong => "too long for its country",
            Rejection::InvalidLength => "of a length its country does not have",
            Rejection::LocalOnly => "the area code is missing",
            Rejection::NotValid => "no range of its country holds it",
            Rejection::Placeholder => "a filler, nobody's own value",
            Rejection::Spreadsheet => "a spreadsheet has cut off digits; export the column as text",
            Rejection::NothingLeft => "nothing is left of it in this form",
            Rejection::Unknown => "not a value that is known for this field",
            Rejection::Ambiguous => "day and month cannot be told apart; use YYYY-MM-DD",
            Rejection::Malformed => "not in a form that this field has",
        })
    }
}

/// The text of a cell that is only carried through: UTF-8, else Windows-1252. Nothing is lost.
pub fn text_of(cell: &[u8]) -> Cow<'_, str> {
    text::lossless(cell)
}

/// Turns cells into canonical identifiers. Holds buffers only; one for each thread.
///
/// ```
/// use matchkey::normalize::{Normalizer, Outcome};
/// use matchkey::{Identifier, Options};
///
/// let mut normalizer = Normalizer::new(&Options::new());
/// let mut canonical = Vec::new();
/// let outcome =
///     normalizer.normalize(Identifier::Email, b" Mary@Example.com ", None, &mut canonical);
/// assert_eq!(outcome, Outcome::Hash);
/// assert_eq!(canonical, b"mary@example.com");
/// ```
#[derive(Debug)]
pub struct Normalizer {
    phone_policy: PhonePolicy,
    placeholders: Placeholders,
    valid_phones: u64,
}

impl Normalizer {
    /// A normalizer that follows the phone rules of these options.
    pub fn new(options: &Options) -> Normalizer {
        Normalizer {
            phone_policy: options.phone_policy,
            placeholders: options.placeholders,
            valid_phones: 0,
        }
    }

    /// Appends the canonical form of `raw` to `out` and says what became of it. With any outcome
    /// but [`Outcome::Hash`] and [`Outcome::Plain`] `out` stays as it was.
    pub fn normalize(
        &mut self,
        identifier: Identifier,
        raw: &[u8],
        country: Option<Country>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let text = match text::clean(raw, identifier) {
            Ok(text) => text,
            Err(rejection) => return Outcome::Rejected(rejection),
        };
        let text = text.as_ref();
        if text::is_null(text, identifier) {
            return Outcome::Empty;
        }
        if identifier != Identifier::Ltv
            && let Some(digest) = Digest::from_hex(text.as_bytes())
        {
            return match digest == OF_EMPTY {
                true => Outcome::Rejected(Rejection::HashOfEmpty),
                false => Outcome::Passthrough(digest),
            };
        }
        if identifier != Identifier::Phone && text::has_control(text) {
            return Outcome::Rejected(Rejection::ControlChar);
        }
        let start = out.len();
        match self.render(identifier, text, country, out) {
            Ok(()) if identifier == Identifier::Ltv => Outcome::Plain,
            Ok(()) => Outcome::Hash,
            Err(rejection) => {
                out.truncate(start);
                Outcome::Rejected(rejection)
            }
        }
    }

    /// Usable phones since the last call that libphonenumber calls valid.
    pub(crate) fn take_valid_phones(&mut self) -> u64 {
        std::mem::take(&mut self.valid_phones)
    }

    fn render(
        &mut self,
        identifier: Identifier,
        text: &str,
        country: Option<Country>,
        out: &mut Vec<u8>,
    ) -> Result<(), Rejection> {
        match identifier {
            Identifier::Email => email::write(text, out),
            Identifier::Phone => {
                let usable = phone::usable(text, country, self.phone_policy, self.placeholders)?;
                self.valid_phones += u64::from(usable.is_valid());
                out.extend_from_slice(usable.e164().as_bytes());
                Ok(())
            }
            Identifier::FirstName | Identifier::LastName => name::write(text, out),
            Identifier::City => place::write_city(text, out),
            Identifier::State => place::write_state(text, country, out),
            Identifier::Zip => place::write_zip(text, country, out),
            Identifier::Country => {
                let country = Country::parse(text).ok_or(Rejection::Unknown)?;
                out.extend_from_slice(country.alpha2().to_ascii_lowercase().as_bytes());
                Ok(())
            }
            Identifier::Dob => date::write(text, out),
            Identifier::Gender => value::write_gender(text, out),
            Identifier::Madid => value::write_madid(text, out),
            Identifier::ExternalId => {
                out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Identifier::Ltv => value::write_ltv(text, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejections_are_listed_in_the_order_of_their_numbers() {
        for (number, rejection) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(rejection as usize, number);
        }
    }

    #[test]
    fn the_digest_of_nothing_is_refused_and_others_pass() {
        let mut normalizer = Normalizer::new(&Options::new());
        let mut out = Vec::new();
        let empty = OF_EMPTY.to_hex().to_ascii_uppercase();
        let other = Digest::of(b"x").to_hex().to_ascii_uppercase();
        for identifier in Identifier::ALL {
            if identifier == Identifier::Ltv {
                continue;
            }
            assert_eq!(
                normalizer.normalize(identifier, &empty, None, &mut out),
                Outcome::Rejected(Rejection::HashOfEmpty)
            );
            assert_eq!(
                normalizer.normalize(identifier, &other, None, &mut out),
                Outcome::Passthrough(Digest::of(b"x"))
            );
        }
        assert!(out.is_empty());
    }
}
