//! Phone numbers, read as Google's libphonenumber reads them.
//!
//! In: what somebody typed, and the country of a number that names none. Out: [`Phone`] with
//! libphonenumber's four labels, and [`usable`], our policy on top of them.
//!
//! The algorithm is that of Google's Java code (PhoneNumberUtil, 9.0.33), run over tables that
//! `build.rs` makes of Google's metadata ([`METADATA_VERSION`]); newer metadata may be given at run
//! time ([`Metadata::from_xml`]). [`reference::Reference`] does the same the plain way, on the
//! metadata's own patterns; both agree on every text, and with another port of libphonenumber, but
//! for that port's own corners (two digits with an extension, U+FF5E, two `/x` marks, texts over
//! 250 characters).
//!
//! Policy: platforms ask for E.164 only, and a number that is possible but not assigned costs
//! nothing, while a real number that is dropped is a lost person (Google Ads API forum,
//! GLqSCji7Hx0; Snap Conversions API parameters; both read 2026-11).

mod alternate;
mod compile;
mod core;
mod digits;
mod front;
pub mod metadata;
mod plain;
mod policy;
mod program;
pub mod reference;
mod tables;
mod unicode;
mod xml;

use self::core::Buffers;
use super::{Country, Rejection, text};
use crate::engine::digest::{Digest, Encoding};
use crate::engine::rules::Form;
pub(super) use alternate::read as alternate;
use front::Front;
pub(super) use plain::Plain;
pub use policy::usable;
pub(super) use policy::usable_international;
use std::sync::Arc;
use tables::{DIGITS_MAX, Dialling, Tables};
use unicode::Patterns;

include!(concat!(env!("OUT_DIR"), "/phone.rs"));

/// What libphonenumber says of a number's length, or of a text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A length that numbers of this country have.
    IsPossible,
    /// A length that only numbers without area code have.
    IsPossibleLocalOnly,
    /// A calling code that does not exist. libphonenumber has it for numbers that were made
    /// otherwise; a text that was read never gets it.
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

/// `+`, a calling code, a national number.
const E164_MAX: usize = 1 + 3 + DIGITS_MAX;

/// A text read as a phone number: libphonenumber's labels, no policy.
#[derive(Clone, Copy)]
pub struct Phone {
    e164: [u8; E164_MAX],
    length: u8,
    calling_code_digits: u8,
    reason: Reason,
    is_valid: bool,
}

impl Phone {
    /// `national` has `length` digits and room behind.
    fn new(
        code: [u8; 3],
        national: &[u8; DIGITS_MAX],
        length: usize,
        reason: Reason,
        is_valid: bool,
    ) -> Phone {
        let code_length = core::code_length(code);
        let mut e164 = [b'+'; E164_MAX];
        e164[1..4].copy_from_slice(&code);
        // Whole arrays: shorter copies take longer.
        e164[1 + code_length..][..DIGITS_MAX].copy_from_slice(national);
        let length = (1 + code_length + length) as u8;
        Phone { e164, length, calling_code_digits: code_length as u8, reason, is_valid }
    }

    fn unread(reason: Reason) -> Phone {
        Phone { e164: [b'+'; E164_MAX], length: 0, calling_code_digits: 0, reason, is_valid: false }
    }

    /// `+` and digits; empty where no number was read. Exists for impossible numbers too: never
    /// hash it without asking for [`usable`].
    pub fn e164(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.e164[..usize::from(self.length)]
    }

    /// The calling code; 0 where no number was read.
    pub fn calling_code(&self) -> u16 {
        let code = self.e164().get(1..1 + usize::from(self.calling_code_digits));
        code.and_then(|digits| digits.parse().ok()).unwrap_or(0)
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

    fn national_digits(&self) -> &[u8] {
        self.as_bytes().get(1 + usize::from(self.calling_code_digits)..).unwrap_or_default()
    }
}

impl PartialEq for Phone {
    fn eq(&self, other: &Phone) -> bool {
        let labels = |phone: &Phone| (phone.reason, phone.is_valid, phone.calling_code_digits);
        self.e164() == other.e164() && labels(self) == labels(other)
    }
}

impl Eq for Phone {}

impl std::fmt::Debug for Phone {
    /// Without the number: it is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Phone({}, valid: {})", self.reason.name(), self.is_valid)
    }
}

/// The built-in metadata's own patterns, for [`reference::Reference`].
pub fn territories() -> Vec<metadata::Territory> {
    PATTERNS.iter().map(metadata::Spelled::territory).collect()
}

/// Google's phone metadata: what each country's numbers look like. Cloning is cheap.
#[derive(Clone)]
pub struct Metadata(Loaded);

#[derive(Clone)]
enum Loaded {
    BuiltIn,
    File(Arc<Tables>),
}

impl Metadata {
    /// The metadata of [`METADATA_VERSION`].
    pub fn built_in() -> Metadata {
        Metadata(Loaded::BuiltIn)
    }

    /// Newer metadata: the text of PhoneNumberMetadata.xml as Google publishes it
    /// (github.com/google/libphonenumber, resources). Takes about a tenth of a second. The file
    /// names no version: its SHA-256 stands for it.
    ///
    /// ```
    /// use matchkey::normalize::phone::{Metadata, Reader};
    ///
    /// # fn read(text: &str) -> Result<(), String> {
    /// let reader = Reader::with(Metadata::from_xml(text)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is another file, or has patterns that cannot be read.
    pub fn from_xml(text: &str) -> Result<Metadata, String> {
        let digest = Digest::of(text.as_bytes()).text(Encoding::Hex);
        let tables = compile::compile(&format!("sha256:{digest}"), &xml::territories(text)?)?;
        Ok(Metadata(Loaded::File(Arc::new(tables))))
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.tables().version
    }

    fn tables(&self) -> &Tables {
        match &self.0 {
            Loaded::BuiltIn => &BUILT_IN,
            Loaded::File(tables) => tables,
        }
    }
}

impl Default for Metadata {
    fn default() -> Metadata {
        Metadata::built_in()
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Metadata) -> bool {
        self.version() == other.version()
    }
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metadata({})", self.version())
    }
}

/// Reads phone numbers. Owns its buffers: one for each thread, nothing is shared.
///
/// ```
/// use matchkey::normalize::{Country, phone::Reader};
///
/// let mut reader = Reader::new();
/// let phone = reader.read(b"(0)20 7946 0958", Country::parse("GB"));
/// assert_eq!(phone.e164(), "+442079460958");
/// assert_eq!(phone.reason().name(), "IS_POSSIBLE");
/// ```
pub struct Reader {
    metadata: Metadata,
    buffers: Buffers,
    spelled: [u8; UTF16_UNITS_MAX],
    /// Compiled when the first text comes that needs them.
    patterns: Option<Box<Patterns>>,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

impl Reader {
    /// A reader with the metadata of [`METADATA_VERSION`].
    pub fn new() -> Reader {
        Reader::with(Metadata::built_in())
    }

    /// A reader with this metadata.
    pub fn with(metadata: Metadata) -> Reader {
        let spelled = [0; UTF16_UNITS_MAX];
        Reader { metadata, buffers: Buffers::new(), spelled, patterns: None }
    }

    /// A country's calling code.
    fn calling_code(&self, country: Country) -> Option<u16> {
        self.metadata.tables().country(country.letters()).map(|territory| territory.code)
    }

    /// Reads a cell's bytes as libphonenumber does; Windows-1252 where they are not UTF-8. Without
    /// a country only numbers with `+` are read.
    pub fn read(&mut self, cell: &[u8], country: Option<Country>) -> Phone {
        self.parse(cell, country).unwrap_or_else(Phone::unread)
    }

    fn parse(&mut self, cell: &[u8], country: Option<Country>) -> Result<Phone, Reason> {
        let tables = self.metadata.tables();
        if cell.len() > UTF16_UNITS_MAX && is_too_long(&text::lossless(cell)) {
            return Err(Reason::ParseTooLong);
        }
        let mut front = front::plain(cell, &mut self.buffers);
        if let Front::Unknown = front {
            front = front::ascii(cell, tables, &mut self.buffers);
        }
        if let Front::Unknown = front
            && !cell.is_ascii()
        {
            let text = text::lossless(cell);
            if let Some(spelled) = front::in_ascii(&text, &mut self.spelled) {
                front = front::plain(spelled, &mut self.buffers);
                if let Front::Unknown = front {
                    front = front::ascii(spelled, tables, &mut self.buffers);
                }
            }
        }
        if let Front::Unknown = front {
            let mut digits = Vec::new();
            let patterns = self.patterns.get_or_insert_with(|| Box::new(Patterns::new()));
            front = patterns.read(&text::lossless(cell), &mut digits);
            self.buffers.clear();
            digits.into_iter().for_each(|digit| self.buffers.push(digit));
        }
        let has_plus = match front {
            Front::Digits(has_plus) => has_plus,
            Front::None(reason) => return Err(reason),
            Front::Unknown => return Err(Reason::ParseNotANumber),
        };
        let default = country.and_then(|country| tables.country(country.letters()));
        if default.is_none() && !has_plus {
            return Err(Reason::ParseInvalidCountryCode);
        }
        let number = match core::read_simple(tables, &mut self.buffers, has_plus, default) {
            Some(number) => number,
            None => core::read(tables, &mut self.buffers, has_plus, default)?,
        };
        let code = number.main.code_digits;
        let (national, length) = (self.buffers.national(), self.buffers.digits().len());
        Ok(Phone::new(code, national, length, number.reason, number.is_valid))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({:?})", self.metadata)
    }
}

const UTF16_UNITS_MAX: usize = 250;

/// Java reads no longer texts.
fn is_too_long(text: &str) -> bool {
    // No more UTF-16 units than bytes: only long texts need counting.
    text.len() > UTF16_UNITS_MAX && text.encode_utf16().nth(UTF16_UNITS_MAX).is_some()
}

/// Reads a text as libphonenumber does. Without a country only numbers with `+` are read.
///
/// For many numbers keep a [`Reader`].
pub fn read(text: &str, country: Option<Country>) -> Phone {
    Reader::new().read(text.as_bytes(), country)
}

/// Reads a cell's bytes as they stand; Windows-1252 where they are not UTF-8.
pub fn read_bytes(cell: &[u8], country: Option<Country>) -> Phone {
    Reader::new().read(cell, country)
}

/// The readings of a phone.
#[derive(Clone, Copy)]
pub(crate) struct Phones {
    /// libphonenumber's, if it is usable.
    pub(super) first: Result<Phone, Rejection>,
    /// Taken to start with its calling code, for want of a country.
    pub(super) assumed: Option<Phone>,
    /// What people mean by it besides; only where that is asked for.
    pub(super) alternate: Option<Phone>,
}

impl Phones {
    /// Appends the reading that this form takes.
    pub(super) fn write(&self, form: Form, out: &mut Vec<u8>) -> Result<(), Rejection> {
        let phone = match (&self.first, &self.assumed, &self.alternate) {
            (_, _, Some(phone)) if form == Form::Alternate => phone,
            (Ok(phone), _, _) => phone,
            (Err(_), Some(phone), _) if matches!(form, Form::Meta | Form::Google | Form::Uid2) => {
                phone
            }
            (Err(rejection), _, _) => return Err(*rejection),
        };
        let number = phone.as_bytes();
        if is_too_short(form, number.len().saturating_sub(1)) {
            return Err(Rejection::TooShort);
        }
        let start = usize::from(!has_plus(form));
        out.extend_from_slice(number.get(start..).unwrap_or_default());
        Ok(())
    }
}

/// True if this form is spelled with `+`.
pub(crate) fn has_plus(form: Form) -> bool {
    !matches!(form, Form::Digits | Form::Meta)
}

/// True for a number of so many digits that has no such form.
pub(super) fn is_too_short(form: Form, digits: usize) -> bool {
    form == Form::Uid2 && digits < UID2_DIGITS_MIN
}

/// UID2 takes no shorter numbers (unifiedid.com, phone number normalization, uid2docs 90d6afe).
const UID2_DIGITS_MIN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_counts_utf16_units() {
        assert_eq!(read(&"1".repeat(251), None).reason(), Reason::ParseTooLong);
        let marks = "\u{ff11}".repeat(250);
        assert_ne!(marks.len(), 250);
        assert_ne!(read(&marks, Country::parse("US")).reason(), Reason::ParseNotANumber);
    }
}
