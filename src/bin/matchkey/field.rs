//! What `explain` is asked about: the fields of a list, and the parts and ids that only a
//! platform's interface takes.
//!
//! In: a field's name. Out: [`Field`], which knows which platforms take it and how it is written.

use matchkey::normalize::date::{write_day, write_month, write_year};
use matchkey::normalize::{Rejection, write_handle};
use matchkey::platform::spec::{Citation, KeyRule, Trust};
use matchkey::platform::{Hash, Key, Sent};
use matchkey::{Form, Identifier, Platform};
use std::fmt;
use std::str::FromStr;

/// A field of `explain`.
#[derive(Clone, Copy)]
pub(crate) enum Field {
    Listed(Identifier),
    /// `fi`, `f5first`, `f5last`: the start of a name.
    NamePart(&'static str, Identifier, Form),
    /// `doby`, `dobm`, `dobd`: a part of a date of birth.
    DatePart(&'static str, Write),
    /// `username`: a handle of X.
    Handle,
}

type Write = fn(&str, &mut Vec<u8>) -> Result<(), Rejection>;

/// What only `explain` knows.
pub(crate) const PARTS: [Field; 7] = [
    Field::NamePart("fi", Identifier::FirstName, Form::Initial),
    Field::NamePart("f5first", Identifier::FirstName, Form::FirstFive),
    Field::NamePart("f5last", Identifier::LastName, Form::FirstFive),
    Field::DatePart("doby", write_year),
    Field::DatePart("dobm", write_month),
    Field::DatePart("dobd", write_day),
    Field::Handle,
];

const META: Citation = Citation {
    page: "developers.facebook.com: customer list custom audiences; Conversions API SDK",
    date: "2026-11",
    trust: Trust::Documented,
};
const SDK: Citation = Citation {
    page: "Meta's Conversions API SDKs: Python 26.0.3, Node 24.0.1",
    date: "2026-11",
    trust: Trust::Code,
};
const X: Citation = Citation {
    page: "developer.x.com: X Ads API, audiences, user data",
    date: "2026-11",
    trust: Trust::Documented,
};

impl Field {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Field::Listed(identifier) => identifier.name(),
            Field::NamePart(name, ..) | Field::DatePart(name, _) => name,
            Field::Handle => "username",
        }
    }

    /// True for phones, which have labels of their own.
    pub(crate) fn is_phone(self) -> bool {
        matches!(self, Field::Listed(Identifier::Phone))
    }

    /// The identifier whose cleaning it shares.
    pub(crate) fn identifier(self) -> Identifier {
        match self {
            Field::Listed(identifier) | Field::NamePart(_, identifier, _) => identifier,
            Field::DatePart(..) => Identifier::Dob,
            // Marks go from within a handle as they do from an e-mail.
            Field::Handle => Identifier::Email,
        }
    }

    /// How a value is written that is no cell of a list.
    pub(crate) fn writer(self) -> Option<Write> {
        match self {
            Field::DatePart(_, write) => Some(write),
            Field::Handle => Some(write_handle),
            _ => None,
        }
    }

    /// The rule of a platform for this field, if it takes it.
    pub(crate) fn rule(self, platform: Platform) -> Option<KeyRule> {
        let of_meta = matches!(platform, Platform::Meta | Platform::Generic);
        let of_x = matches!(platform, Platform::X | Platform::Generic);
        let (identifier, form, rule, source) = match self {
            Field::Listed(identifier) => {
                let mut keys = platform.keys().iter();
                return keys.find(|rule| rule.key.identifier == identifier).copied();
            }
            Field::NamePart(_, identifier, form) if of_meta => {
                let (rule, source) = match form {
                    Form::Initial => ("the first letter of the name in Meta's form", META),
                    _ => ("the first five letters of the name in Meta's form", SDK),
                };
                (identifier, form, rule, source)
            }
            Field::DatePart(name, _) if of_meta => {
                let rule = if name == "doby" { "four digits" } else { "two digits" };
                (Identifier::Dob, Form::Meta, rule, META)
            }
            // As with an advertising id, its digest is passed on.
            Field::Handle if of_x => (Identifier::Madid, Form::Plain, "without @, lower case", X),
            _ => return None,
        };
        let key = Key { identifier, form, sent: Sent::Hashed(Hash::Sha256), also: &[] };
        Some(KeyRule { key, offered: &[], rule, source })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Field {
    type Err = String;

    fn from_str(name: &str) -> Result<Field, String> {
        if let Some(part) = PARTS.into_iter().find(|part| part.name() == name) {
            return Ok(part);
        }
        name.parse().map(Field::Listed).map_err(|fields: String| {
            let parts: Vec<_> = PARTS.into_iter().map(Field::name).collect();
            format!("{fields}, {}", parts.join(", "))
        })
    }
}
