//! Identifiers in their canonical forms: what is hashed or sent, or why a value is unusable.
//!
//! In: one cell's bytes, what the cell holds, what is known of its row and column. Out: a value
//! that was read once and can be written in every [`Form`]. A service that gets one customer at a
//! time calls [`Normalizer::normalize`] and gets exactly what the batch makes of it.
//!
//! Every value is cleaned first, see `text.rs`; then comes the rule of its identifier, one file
//! each, which cites its sources.

mod amount;
pub mod country;
pub mod date;
pub mod email;
mod name;
pub mod phone;
mod place;
mod rejection;
pub(crate) mod sample;
pub(crate) mod text;
mod value;

use super::digest::Digest;
use super::identifier::Identifier;
use super::options::{Options, PhonePolicy, Placeholders};
use super::rules::Form;
use date::{Date, DateHints, DateOrder};
use email::Address;
use std::borrow::Cow;

pub use country::Country;
pub use rejection::Rejection;
pub use value::write_handle;

/// What became of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing in it: blank, or a token that means nothing, such as `N/A`.
    Empty,
    /// Usable; the form was appended to the buffer.
    Usable,
    /// Hashed already. Never to be hashed again; whether a platform can use it says
    /// [`Key::takes`](crate::platform::Key::takes).
    Prehashed(Digest),
    /// Unusable.
    Rejected(Rejection),
}

/// The text of a cell that is only carried through: UTF-8, else Windows-1252. Nothing is lost.
pub fn text_of(cell: &[u8]) -> Cow<'_, str> {
    text::lossless(cell)
}

/// A value cleaned as every cell is, for rules that no list has a column for. `None`: nothing in
/// it.
///
/// # Errors
///
/// If the bytes are no text.
pub fn cleaned(cell: &[u8], identifier: Identifier) -> Result<Option<Cow<'_, str>>, Rejection> {
    let text = text::clean(cell, identifier)?;
    Ok((!text::is_null(&text, identifier)).then_some(text))
}

/// What is known of a cell from its row and its column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// What the row says of its phones.
    pub(crate) country: Option<Country>,
    /// What the row says of its state and postal code: numeric codes too.
    pub(crate) place: Option<Country>,
    pub(crate) date_order: Option<DateOrder>,
    pub(crate) decimal_mark: Option<u8>,
}

impl Hints {
    /// In which order the column's dates have their parts, where a date itself leaves it open.
    #[must_use]
    pub fn date_order(mut self, order: Option<DateOrder>) -> Hints {
        self.date_order = order;
        self
    }
}

impl From<Option<Country>> for Hints {
    /// The row's country.
    fn from(country: Option<Country>) -> Hints {
        Hints { country, place: country, ..Hints::default() }
    }
}

/// A cell that was read once.
pub(crate) enum Value<'a> {
    Empty,
    Rejected(Rejection),
    Prehashed(Digest),
    /// An e-mail of the usual shape.
    Swept(email::Swept),
    Email(Cow<'a, str>, email::Facts),
    /// A usable phone of the plainest kind.
    PlainPhone(phone::Plain),
    Phone(phone::Phones),
    Country(Country),
    State {
        text: Cow<'a, str>,
        code: Option<&'static str>,
    },
    Date(Date),
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// True if both forms are spelled alike, as far as that is known without spelling them.
    pub(crate) fn is_same(&self, one: Form, other: Form) -> bool {
        match self {
            Value::Swept(swept) => {
                let spelling = swept.spelling(one);
                spelling != email::Spelling::Other && spelling == swept.spelling(other)
            }
            Value::PlainPhone(plain) => {
                let spelling = |form| {
                    (form == Form::Alternate, phone::has_plus(form), plain.is_too_short(form))
                };
                spelling(one) == spelling(other)
            }
            _ => false,
        }
    }

    /// True if libphonenumber calls the phone valid, however it was read.
    pub(crate) fn is_valid_phone(&self) -> bool {
        match self {
            Value::PlainPhone(phone) => phone.is_valid,
            Value::Phone(phone::Phones { first: Ok(phone), .. }) => phone.is_valid(),
            Value::Phone(phone::Phones { assumed: Some(phone), .. }) => phone.is_valid(),
            _ => false,
        }
    }

    /// True for a phone that was taken to start with its calling code, for want of a country.
    pub(crate) fn is_assumed_phone(&self) -> bool {
        matches!(self, Value::Phone(phone::Phones { first: Err(_), assumed: Some(_), .. }))
    }
}

/// Turns cells into canonical identifiers, by the rules of the options. One for each thread.
///
/// ```
/// use matchkey::normalize::{Hints, Normalizer, Outcome};
/// use matchkey::{Form, Identifier, Options};
///
/// let mut normalizer = Normalizer::new(&Options::new());
/// let mut out = Vec::new();
/// let cell = b" Mary.Ann+news@Gmail.com ";
/// for (form, expected) in [
///     (Form::Plain, "mary.ann+news@gmail.com"),
///     (Form::Google, "maryann@gmail.com"),
/// ] {
///     out.clear();
///     let hints = Hints::default();
///     let outcome = normalizer.normalize(Identifier::Email, form, cell, hints, &mut out);
///     assert_eq!(outcome, Outcome::Usable);
///     assert_eq!(out, expected.as_bytes());
/// }
/// ```
#[derive(Debug)]
pub struct Normalizer {
    phone_policy: PhonePolicy,
    placeholders: Placeholders,
    date_order: Option<DateOrder>,
    today: Option<Date>,
    has_alternates: bool,
    phones: phone::Reader,
    /// The last e-mail of the usual shape; `None` where every cell goes the general way.
    plain: Option<email::Swept>,
}

impl Normalizer {
    /// A normalizer that follows the rules of these options.
    pub fn new(options: &Options) -> Normalizer {
        Normalizer {
            phone_policy: options.phone_policy,
            placeholders: options.placeholders,
            date_order: options.date_order,
            today: options.today,
            has_alternates: options.phone_alternates,
            phones: phone::Reader::with(options.phone_metadata.clone()),
            plain: options.reads_plain.then(email::Swept::default),
        }
    }

    /// Appends a form of `raw` to `out` and says what became of it. With any outcome but
    /// [`Outcome::Usable`] `out` stays as it was.
    pub fn normalize(
        &mut self,
        identifier: Identifier,
        form: Form,
        raw: &[u8],
        hints: impl Into<Hints>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let hints = hints.into();
        let value = self.read(identifier, raw, hints);
        self.write(&value, identifier, form, hints, out)
    }

    /// Reads a cell, once for all forms.
    pub(crate) fn read<'a>(
        &mut self,
        identifier: Identifier,
        raw: &'a [u8],
        hints: Hints,
    ) -> Value<'a> {
        let plain = match identifier {
            Identifier::Email => self.plain_email(raw).map(|email| Value::Swept(*email)),
            Identifier::Phone => self.plain_phone(raw, hints).map(Value::PlainPhone),
            _ => None,
        };
        plain.unwrap_or_else(|| self.read_any(identifier, raw, hints))
    }

    /// Reads a cell that is an e-mail of the usual shape.
    pub(crate) fn plain_email(&mut self, raw: &[u8]) -> Option<&email::Swept> {
        let email = self.plain.as_mut()?;
        email.read(raw).then_some(email)
    }

    /// Reads a cell that is a usable phone of the plainest kind.
    pub(crate) fn plain_phone(&mut self, raw: &[u8], hints: Hints) -> Option<phone::Plain> {
        let (policy, placeholders) = (self.phone_policy, self.placeholders);
        match self.has_alternates || self.plain.is_none() {
            true => None,
            false => phone::Plain::read(&mut self.phones, raw, hints.country, policy, placeholders),
        }
    }

    /// Reads a cell in the general way.
    pub(crate) fn read_any<'a>(
        &mut self,
        identifier: Identifier,
        raw: &'a [u8],
        hints: Hints,
    ) -> Value<'a> {
        let text = match text::clean(raw, identifier) {
            Ok(text) => text,
            Err(rejection) => return Value::Rejected(rejection),
        };
        if text::is_null(&text, identifier) {
            return Value::Empty;
        }
        // What a decoder puts in the place of broken bytes.
        if identifier == Identifier::Email && !text.is_ascii() && text.contains('\u{fffd}') {
            return Value::Rejected(Rejection::InvalidUtf8);
        }
        let may_be_digest = !identifier.is_attribute() && identifier != Identifier::ExternalId;
        if may_be_digest && let Some(digest) = Digest::from_text(text.as_bytes()) {
            return match digest.is_of_nothing() {
                true => Value::Rejected(Rejection::HashOfEmpty),
                false => Value::Prehashed(digest),
            };
        }
        if identifier == Identifier::Phone && text.contains('\0') {
            return Value::Rejected(Rejection::ControlChar);
        }
        let bears_control = matches!(identifier, Identifier::Phone | Identifier::Email);
        let bears_breaks =
            matches!(identifier, Identifier::FirstName | Identifier::LastName | Identifier::City);
        let is_odd = |c: char| c.is_control() && !(bears_breaks && matches!(c, '\t' | '\r' | '\n'));
        if !bears_control && text::has_control(&text) && text.contains(is_odd) {
            return Value::Rejected(Rejection::ControlChar);
        }
        match identifier {
            Identifier::Email => {
                let facts = email::Facts::of(&text);
                Value::Email(text, facts)
            }
            Identifier::Phone => {
                let (policy, placeholders) = (self.phone_policy, self.placeholders);
                let phones = &mut self.phones;
                let first = phone::usable(phones, &text, hints.country, policy, placeholders);
                let assumed = match first {
                    Err(Rejection::NoCountry) => {
                        phone::usable_international(phones, &text, policy, placeholders).ok()
                    }
                    _ => None,
                };
                let alternate = match self.has_alternates {
                    true => phone::alternate(phones, &text, hints.country, placeholders),
                    false => None,
                };
                Value::Phone(phone::Phones { first, assumed, alternate })
            }
            Identifier::Country => match Country::parse(&text) {
                Some(country) => Value::Country(country),
                None => Value::Rejected(Rejection::Unknown),
            },
            Identifier::State => {
                let code = place::state_code(&text, hints.place);
                Value::State { text, code }
            }
            Identifier::Dob => {
                let (declared, found) = (self.date_order, hints.date_order);
                let today = self.today;
                let hints = DateHints { declared, found, today, is_probe: false };
                date::read(&text, hints).map_or_else(Value::Rejected, Value::Date)
            }
            _ => Value::Text(text),
        }
    }

    /// Writes a value in one form. With any outcome but [`Outcome::Usable`] `out` stays as it was.
    pub(crate) fn write(
        &self,
        value: &Value<'_>,
        identifier: Identifier,
        form: Form,
        hints: Hints,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let start = out.len();
        let written = match value {
            Value::Empty => return Outcome::Empty,
            Value::Rejected(rejection) => Err(*rejection),
            Value::Prehashed(digest) => return Outcome::Prehashed(*digest),
            Value::Swept(swept) => swept.write(form, out),
            Value::Email(text, facts) => Address::known(text, *facts).write(form, out),
            Value::PlainPhone(_) if form == Form::Alternate => return Outcome::Empty,
            Value::PlainPhone(plain) => match plain.is_too_short(form) {
                true => Err(Rejection::TooShort),
                false => {
                    plain.write(phone::has_plus(form), out);
                    Ok(())
                }
            },
            Value::Phone(phone::Phones { alternate: None, .. }) if form == Form::Alternate => {
                return Outcome::Empty;
            }
            Value::Phone(phones) => phones.write(form, out),
            Value::Country(country) => {
                let code = country.alpha2().as_bytes();
                match form {
                    Form::Capitals => out.extend_from_slice(code),
                    _ => out.extend(code.iter().map(u8::to_ascii_lowercase)),
                }
                Ok(())
            }
            Value::State { code: Some(code), .. } => {
                out.extend_from_slice(code.as_bytes());
                Ok(())
            }
            Value::State { text, .. } => place::write_state(form, text, out),
            Value::Date(date) => {
                date.write(out);
                Ok(())
            }
            Value::Text(text) => {
                if let Some(digest) = hashed_id(identifier, form, text) {
                    return digest;
                }
                write_text(identifier, form, text, hints, out)
            }
        };
        match written {
            Ok(()) => Outcome::Usable,
            Err(rejection) => {
                out.truncate(start);
                Outcome::Rejected(rejection)
            }
        }
    }
}

/// An external id is the caller's own: only the generic key, which is a digest anyway, takes one
/// that is a digest already for what it looks like.
fn hashed_id(identifier: Identifier, form: Form, text: &str) -> Option<Outcome> {
    let is_one = identifier == Identifier::ExternalId && form == Form::Generic && text.len() > 32;
    let digest = Digest::from_text(text.as_bytes()).filter(|_| is_one)?;
    Some(match digest.is_of_nothing() {
        true => Outcome::Rejected(Rejection::HashOfEmpty),
        false => Outcome::Prehashed(digest),
    })
}

fn write_text(
    identifier: Identifier,
    form: Form,
    text: &str,
    hints: Hints,
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    match identifier {
        Identifier::FirstName | Identifier::LastName => name::write(identifier, form, text, out),
        Identifier::City => place::write_city(form, text, out),
        Identifier::Zip => place::write_zip(form, text, hints.place, out),
        Identifier::Gender => value::write_gender(text, out),
        Identifier::Madid => value::write_madid(text, out),
        Identifier::Ltv => amount::write(text, hints.decimal_mark, out),
        _ => {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_nothing_is_refused_and_others_pass() {
        use crate::engine::digest::{Encoding, Hash};
        let mut normalizer = Normalizer::new(&Options::new());
        let mut out = Vec::new();
        for identifier in Identifier::ALL.into_iter().filter(|each| !each.is_attribute()) {
            for encoding in [Encoding::Hex, Encoding::Base64] {
                let [nothing, other] = [&b""[..], b"x"].map(Digest::of);
                let [empty, text] = [nothing, other].map(|digest| digest.text(encoding));
                let mut outcome = |text: &str| {
                    let hints = Hints::default();
                    normalizer.normalize(
                        identifier,
                        Form::Generic,
                        text.as_bytes(),
                        hints,
                        &mut out,
                    )
                };
                assert_eq!(outcome(&empty), Outcome::Rejected(Rejection::HashOfEmpty));
                assert_eq!(outcome(&text), Outcome::Prehashed(other));
                if encoding == Encoding::Hex {
                    assert_eq!(outcome(&text.to_uppercase()), Outcome::Prehashed(other));
                }
            }
        }
        assert!(out.is_empty());
        let md5 = Digest::with(Hash::Md5, b"x").text(Encoding::Hex);
        let outcome = normalizer.normalize(
            Identifier::ExternalId,
            Form::Plain,
            md5.as_bytes(),
            None,
            &mut out,
        );
        assert_eq!((outcome, &out[..]), (Outcome::Usable, md5.as_bytes()));
    }

    #[test]
    fn phones_without_any_country() {
        let mut normalizer = Normalizer::new(&Options::new());
        let mut phone = |form, text: &str| {
            let mut out = Vec::new();
            let phone = Identifier::Phone;
            match normalizer.normalize(phone, form, text.as_bytes(), None, &mut out) {
                Outcome::Usable => String::from_utf8(out).unwrap(),
                other => format!("{other:?}"),
            }
        };
        let no_country = "Rejected(NoCountry)";
        for (text, generic, e164, digits) in [
            ("1 (555) 987-6543", no_country, "+15559876543", "15559876543"),
            ("441134960987", no_country, "+441134960987", "441134960987"),
            ("+6834002", "+6834002", "+6834002", "6834002"),
            ("555 987 6543", no_country, no_country, no_country),
            ("0044 113 496 0987", no_country, no_country, no_country),
            ("call me", "Rejected(NotANumber)", "Rejected(NotANumber)", "Rejected(NotANumber)"),
        ] {
            assert_eq!(phone(Form::Generic, text), generic, "{text}");
            assert_eq!(phone(Form::Google, text), e164, "{text}");
            assert_eq!(phone(Form::Meta, text), digits, "{text}");
        }
        assert_eq!(phone(Form::Plain, "441134960987"), no_country);
        assert_eq!(phone(Form::E164, "441134960987"), no_country);
        assert_eq!(phone(Form::Uid2, "+6834002"), "Rejected(TooShort)");
        assert_eq!(phone(Form::Uid2, "+442079460958"), "+442079460958");
    }
}
