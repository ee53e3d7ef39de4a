//! What a destination wants, as the engine knows it: a table of forms.
//!
//! In: for each identifier that a destination takes, the form it hashes and how it is sent, and
//! what makes a row matched. Out: the decision whether a digest from the input may go there. The
//! tables themselves stand in [`platform`](crate::platform).

use super::digest::{Digest, Hash};
use super::identifier::Identifier;
use crate::normalize::Rejection;
use std::fmt;

/// A canonical spelling of an identifier, which a platform hashes or takes as it is.
///
/// Which platform uses which is in [`Platform::keys`](crate::Platform::keys). An identifier that
/// a form says nothing of is spelled as in [`Form::Generic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// E-mail: lower case, a domain with a dot, one trailing dot dropped. Phone: E.164 with `+`.
    /// External id: trimmed. Everything else as Meta has it.
    Generic,
    /// Meta: e-mails only as its Parameter Builder accepts them; phone as E.164 without `+`, where
    /// a number without a country is taken to start with its calling code.
    Meta,
    /// Trimmed; e-mails in lower case.
    Plain,
    /// Google: dots and `+tag` gone from gmail.com and googlemail.com; names without title and
    /// suffix, single spaces kept; postal codes as they are; phone as E.164 with `+`, where a
    /// number without a country is taken to start with its calling code.
    Google,
    /// UID2: ASCII lower case only, dots and `+tag` gone from gmail.com; phone as with Google, with
    /// 10 to 15 digits.
    Uid2,
    /// Reddit: dots and `+tag` gone from every domain's addresses.
    Reddit,
    /// Amazon: only letters a-z and digits; in e-mails also `. @ -`.
    Amazon,
    /// LinkedIn: white space gone from e-mails; names as typed, up to 35 characters.
    LinkedIn,
    /// Phone: E.164 with `+`.
    E164,
    /// Phone: E.164 without `+`.
    Digits,
    /// Phone: E.164 with `+` of a second reading, valid, that people mean where libphonenumber
    /// reads another number, such as `4915...` under DE; in most cells there is none.
    Alternate,
    /// Country: ISO alpha-2 in capitals.
    Capitals,
    /// The first letter of a name in Meta's form (Meta's `FI`).
    Initial,
    /// The first five letters of a name in Meta's form (Meta's `f5first` and `f5last`).
    FirstFive,
}

impl Form {
    /// Every form.
    pub const ALL: [Form; 14] = [
        Form::Generic,
        Form::Meta,
        Form::Plain,
        Form::Google,
        Form::Uid2,
        Form::Reddit,
        Form::Amazon,
        Form::LinkedIn,
        Form::E164,
        Form::Digits,
        Form::Alternate,
        Form::Capitals,
        Form::Initial,
        Form::FirstFive,
    ];
}

/// How an identifier is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sent {
    /// As it is.
    Plain,
    /// As its digest.
    Hashed(Hash),
}

/// One identifier that a destination takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// What it is.
    pub identifier: Identifier,
    /// The spelling that is hashed, or sent.
    pub form: Form,
    /// How it is sent.
    pub sent: Sent,
    /// Hashes whose digests are passed on as well, where a sample of the column holds some.
    pub also: &'static [Hash],
}

/// What was hashed where a cell holds a digest already, as far as the caller says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrehashedAs {
    pub(crate) email: Option<PrehashedForm>,
    pub(crate) phone: Option<PrehashedForm>,
}

/// A form that digests in the input may have been made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrehashedForm {
    /// An e-mail, trimmed and in lower case.
    Plain,
    /// An e-mail in Google's form.
    Google,
    /// An e-mail in UID2's form.
    Uid2,
    /// A phone as E.164 with `+`.
    E164,
    /// A phone as E.164 without `+`.
    Digits,
}

impl PrehashedForm {
    /// The name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            PrehashedForm::Plain => "plain",
            PrehashedForm::Google => "google",
            PrehashedForm::Uid2 => "uid2",
            PrehashedForm::E164 => "e164",
            PrehashedForm::Digits => "digits",
        }
    }
}

impl PrehashedAs {
    /// Adds what was hashed for one identifier; `None` if it has no such form.
    pub fn with(mut self, identifier: Identifier, form: PrehashedForm) -> Option<PrehashedAs> {
        let is_phone = matches!(form, PrehashedForm::E164 | PrehashedForm::Digits);
        match identifier {
            Identifier::Email if !is_phone => self.email = Some(form),
            Identifier::Phone if is_phone => self.phone = Some(form),
            _ => return None,
        }
        Some(self)
    }
}

impl Key {
    /// Whether a digest that stood in the input may go out as this key. A digest fixes what was
    /// hashed: one made of another form would match nobody, and is held back.
    pub fn takes(&self, digest: &Digest, declared: PrehashedAs) -> Result<(), Rejection> {
        let Sent::Hashed(hash) = self.sent else { return Err(Rejection::NotAccepted) };
        if digest.hash() != hash && !self.also.contains(&digest.hash()) {
            return Err(Rejection::NotAccepted);
        }
        let is_form = match (self.identifier, self.form) {
            (_, Form::Generic) => true,
            // Only a number has a second reading.
            (_, Form::Alternate) => false,
            (Identifier::Email, form) => match declared.email.unwrap_or(PrehashedForm::Plain) {
                PrehashedForm::Google => form == Form::Google,
                PrehashedForm::Uid2 => form == Form::Uid2,
                _ => matches!(form, Form::Plain | Form::Meta | Form::LinkedIn),
            },
            (Identifier::Phone, form) => match declared.phone {
                None => return Err(Rejection::PrehashedFormUnknown),
                Some(PrehashedForm::E164) => {
                    matches!(form, Form::E164 | Form::Google | Form::Uid2)
                }
                Some(_) => matches!(form, Form::Digits | Form::Meta),
            },
            (Identifier::Madid | Identifier::ExternalId, _) | (_, Form::Meta) => true,
            // Names and places are spelled differently everywhere.
            _ => return Err(Rejection::PrehashedFormUnknown),
        };
        if is_form { Ok(()) } else { Err(Rejection::NotAccepted) }
    }
}

/// A destination: what it takes, and which identifiers it matches a person by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub(crate) name: &'static str,
    pub(crate) keys: Vec<Key>,
    /// Sets of identifiers, each as bits: a row is matched if all of one set are usable.
    pub(crate) matches: Vec<u32>,
}

impl Rules {
    /// A destination of this name that takes these keys and matches a row if every identifier of
    /// one of these sets is usable.
    pub fn new(
        name: &'static str,
        keys: impl IntoIterator<Item = Key>,
        matches: &[&[Identifier]],
    ) -> Rules {
        let bits = |set: &&[Identifier]| set.iter().map(|each| each.bit()).sum();
        Rules {
            name,
            keys: keys.into_iter().collect(),
            matches: matches.iter().map(bits).collect(),
        }
    }

    /// One SHA-256 key for each identifier; `ltv` as it is.
    pub fn generic() -> Rules {
        let key = |identifier| {
            let sent = match identifier {
                Identifier::Ltv => Sent::Plain,
                _ => Sent::Hashed(Hash::Sha256),
            };
            Key { identifier, form: Form::Generic, sent, also: &[] }
        };
        let taken = Identifier::ALL.into_iter().filter(|each| *each <= Identifier::Ltv);
        let matches: [&[Identifier]; 3] =
            [&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]];
        Rules::new("generic", taken.map(key), &matches)
    }

    /// True if digests of other hashes of this identifier are passed on.
    pub(crate) fn takes_other_digests(&self, identifier: Identifier) -> bool {
        self.keys.iter().any(|key| key.identifier == identifier && !key.also.is_empty())
    }

    /// True if a row is matched whose usable identifiers are these bits.
    pub(crate) fn is_matched(&self, usable: u32) -> bool {
        self.matches.iter().any(|set| usable & set == *set)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(
        identifier: Identifier,
        form: Form,
        declared: Option<PrehashedForm>,
    ) -> Result<(), Rejection> {
        let key = Key { identifier, form, sent: Sent::Hashed(Hash::Sha256), also: &[] };
        let declared = match declared {
            Some(declared) => PrehashedAs::default().with(identifier, declared).unwrap(),
            None => PrehashedAs::default(),
        };
        key.takes(&Digest::of(b"x"), declared)
    }

    #[test]
    fn a_digest_goes_only_where_its_form_is_hashed() {
        use PrehashedForm::{Digits, E164, Google, Plain, Uid2};
        let (not, unknown) = (Err(Rejection::NotAccepted), Err(Rejection::PrehashedFormUnknown));
        for (form, undeclared, plain, google, uid2) in [
            (Form::Generic, Ok(()), Ok(()), Ok(()), Ok(())),
            (Form::Meta, Ok(()), Ok(()), not, not),
            (Form::Plain, Ok(()), Ok(()), not, not),
            (Form::LinkedIn, Ok(()), Ok(()), not, not),
            (Form::Google, not, not, Ok(()), not),
            (Form::Uid2, not, not, not, Ok(())),
            (Form::Reddit, not, not, not, not),
            (Form::Amazon, not, not, not, not),
        ] {
            assert_eq!(takes(Identifier::Email, form, None), undeclared, "{form:?}");
            for (declared, expected) in [(Plain, plain), (Google, google), (Uid2, uid2)] {
                assert_eq!(takes(Identifier::Email, form, Some(declared)), expected, "{form:?}");
            }
        }
        for (form, undeclared, e164, digits) in [
            (Form::Generic, Ok(()), Ok(()), Ok(())),
            (Form::Digits, unknown, not, Ok(())),
            (Form::Meta, unknown, not, Ok(())),
            (Form::Google, unknown, Ok(()), not),
            (Form::E164, unknown, Ok(()), not),
            (Form::Uid2, unknown, Ok(()), not),
        ] {
            assert_eq!(takes(Identifier::Phone, form, None), undeclared, "{form:?}");
            for (declared, expected) in [(E164, e164), (Digits, digits)] {
                assert_eq!(takes(Identifier::Phone, form, Some(declared)), expected, "{form:?}");
            }
        }
        assert_eq!(PrehashedAs::default().with(Identifier::Email, E164), None);
        assert_eq!(PrehashedAs::default().with(Identifier::Phone, Google), None);
        assert_eq!(PrehashedAs::default().with(Identifier::City, Plain), None);
    }

    #[test]
    fn md5_and_plain_values() {
        let digest = Digest::with(Hash::Md5, b"x");
        let identifier = Identifier::Madid;
        let key = |sent| Key { identifier, form: Form::Plain, sent, also: &[] };
        let takes = |sent| key(sent).takes(&digest, PrehashedAs::default());
        assert_eq!(takes(Sent::Hashed(Hash::Md5)), Ok(()));
        assert_eq!(takes(Sent::Hashed(Hash::Sha256)), Err(Rejection::NotAccepted));
        assert_eq!(takes(Sent::Plain), Err(Rejection::NotAccepted));
        let also = Key { also: &[Hash::Md5], ..key(Sent::Hashed(Hash::Sha256)) };
        assert_eq!(also.takes(&digest, PrehashedAs::default()), Ok(()));
    }

    #[test]
    fn digests_of_names_and_places_stay_with_meta() {
        let unknown = Err(Rejection::PrehashedFormUnknown);
        for (form, expected) in [
            (Form::Generic, Ok(())),
            (Form::Meta, Ok(())),
            (Form::Google, unknown),
            (Form::Amazon, unknown),
        ] {
            assert_eq!(takes(Identifier::FirstName, form, None), expected, "{form:?}");
            assert_eq!(takes(Identifier::City, form, None), expected, "{form:?}");
        }
        assert_eq!(takes(Identifier::Madid, Form::Plain, None), Ok(()));
    }
}
