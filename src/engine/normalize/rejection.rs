//! Why a value is unusable.
//!
//! In: what a rule has against a value. Out: [`Rejection`], with the stable reason that reports,
//! rejects and the service share, and a sentence for a person. Never the value itself.

use crate::engine::identifier::Identifier;
use std::borrow::Cow;
use std::fmt;

/// Why a non-empty cell is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Rejection {
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// A control character inside.
    ControlChar,
    /// The digest of nothing: somebody hashed a blank.
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
    /// A phone whose range is not assigned; only under the policy `valid`.
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
    /// A date in the future, a negative amount.
    OutOfRange,
    /// Usable, but not by this platform: hashed in a form or by a hash that it does not know.
    NotAccepted,
    /// Hashed already, and nobody has said what was hashed.
    PrehashedFormUnknown,
}

impl Rejection {
    /// How many there are.
    pub(crate) const COUNT: usize = Rejection::ALL.len();

    pub(crate) const ALL: [Rejection; 26] = [
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
        Rejection::OutOfRange,
        Rejection::NotAccepted,
        Rejection::PrehashedFormUnknown,
    ];

    /// The stable reason for a cell of this identifier: `invalid_email:no_at`, `invalid_utf8`.
    pub fn reason(self, identifier: Identifier) -> Cow<'static, str> {
        self.reason_for(identifier.name())
    }

    /// The stable reason for a value of a field with this name.
    pub fn reason_for(self, field: &str) -> Cow<'static, str> {
        match self {
            Rejection::InvalidUtf8 => "invalid_utf8".into(),
            Rejection::ControlChar => "control_char".into(),
            Rejection::NotAccepted => "not_accepted_by_platform".into(),
            Rejection::PrehashedFormUnknown => "prehashed_form_unknown".into(),
            _ => format!("invalid_{field}:{}", self.detail()).into(),
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
            Rejection::OutOfRange => "out_of_range",
            Rejection::NotAccepted => "not_accepted_by_platform",
            Rejection::PrehashedFormUnknown => "prehashed_form_unknown",
        }
    }
}

impl fmt::Display for Rejection {
    /// What is wrong and what to do, as one sentence without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rejection::InvalidUtf8 => "not UTF-8; save the file as UTF-8",
            Rejection::ControlChar => "a control character inside",
            Rejection::HashOfEmpty => "the digest of nothing; leave blank cells blank",
            Rejection::NoAt => "an e-mail needs an @",
            Rejection::SeveralAt => "more than one @; put one address in a cell",
            Rejection::NoLocalPart => "nothing before the @",
            Rejection::NoDomain => "nothing after the @",
            Rejection::NoDotInDomain => "the domain has no dot",
            Rejection::WhiteSpace => "white space inside the address",
            Rejection::NotANumber => "not a phone number",
            Rejection::NoCountry => "no + and no country; give a country column or --country",
            Rejection::UnknownCallingCode => "no country has this calling code",
            Rejection::TooShort => "too short",
            Rejection::TooLong => "too long",
            Rejection::InvalidLength => "of a length its country does not have",
            Rejection::LocalOnly => "the area code is missing",
            Rejection::NotValid => "no range of its country holds it",
            Rejection::Placeholder => "a filler, nobody's own value",
            Rejection::Spreadsheet => "a spreadsheet has cut off digits; export the column as text",
            Rejection::NothingLeft => "nothing is left of it in this form",
            Rejection::Unknown => "not a value that is known for this field",
            Rejection::Ambiguous => {
                "it can be read in two ways; use YYYY-MM-DD and plain numbers, or say the format"
            }
            Rejection::Malformed => "not in a form that this field has",
            Rejection::OutOfRange => "in the future, or negative",
            Rejection::NotAccepted => {
                "hashed already, in a form or by a hash that this platform does not match"
            }
            Rejection::PrehashedFormUnknown => {
                "hashed already, and nobody says what was hashed; see --prehashed-as"
            }
        })
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
}
