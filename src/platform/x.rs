//! X custom audiences.
//!
//! Keys: developer.x.com, Ads API, audiences, user data: SHA-256 without salt, lower-case digits.

use super::spec::{Citation, KeyRule, Spec, documented, hashed, lines};
use crate::engine::{Encoding, Form, Identifier};

const PAGE: Citation = documented("developer.x.com: X Ads API, audiences, user data", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Plain, "trimmed, lower case", PAGE),
    hashed(Identifier::Phone, Form::E164, "E.164 with +", PAGE),
    hashed(Identifier::Madid, Form::Plain, "UUID in lower case with hyphens", PAGE),
];

/// What X wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[
        lines("-email", "csv", Identifier::Email, PAGE),
        lines("-phone", "csv", Identifier::Phone, PAGE),
        lines("-madid", "csv", Identifier::Madid, PAGE),
    ],
    rows_max: None,
    bytes_max: None,
    notes: "one digest a line of one kind a file, no header; at least 100 matched",
};
