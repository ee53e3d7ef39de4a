//! No platform in particular: one SHA-256 key for each field, for pipelines of one's own.
//!
//! E-mail and phone as most platforms hash them; the other fields in Meta's form. The file has
//! rows' numbers and kept columns and is the batch binary's own, so none stands here.

use super::spec::{KeyRule, OURS, Spec, hashed, plain};
use crate::engine::{Encoding, Form, Identifier};

const fn key(identifier: Identifier, rule: &'static str) -> KeyRule {
    hashed(identifier, Form::Generic, rule, OURS)
}

const KEYS: &[KeyRule] = &[
    key(
        Identifier::Email,
        "trimmed, lower case; a domain with a dot, one trailing dot dropped; gmail.com as it is",
    ),
    key(Identifier::Phone, "E.164 with +"),
    key(Identifier::FirstName, "Meta's form: lower case without white space and punctuation"),
    key(Identifier::LastName, "Meta's form: lower case without white space and punctuation"),
    key(Identifier::City, "Meta's form: letters a-z in lower case"),
    key(Identifier::State, "Meta's form: two letters for the US and Canada, else letters a-z"),
    key(Identifier::Zip, "Meta's form: no white space; US five digits, GB up to the sector"),
    key(Identifier::Country, "Meta's form: ISO alpha-2 in lower case"),
    key(Identifier::Dob, "Meta's form: YYYYMMDD"),
    key(Identifier::Gender, "Meta's form: m or f"),
    key(Identifier::Madid, "UUID in lower case with hyphens"),
    key(Identifier::ExternalId, "trimmed"),
    plain(Identifier::Ltv, Form::Generic, "a plain decimal number, not hashed", OURS),
];

/// What the generic platform wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex, Encoding::Base64],
    files: &[],
    rows_max: None,
    bytes_max: None,
    notes: "with row numbers and kept columns, also as JSON lines",
};
