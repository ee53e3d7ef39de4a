//! Pinterest customer lists.
//!
//! Keys: Pinterest's API description (pinterest/api-description c05b189, v5): e-mails in lower
//! case, plain or hashed, advertising ids hashed, with SHA-256, SHA-1 or MD5. Phones: as others
//! quote its documents on enhanced match.

use super::spec::{Citation, KeyRule, Spec, documented, hashed, lines, secondary};
use crate::engine::{Encoding, Form, Hash, Identifier};

const API: Citation = documented("pinterest/api-description c05b189, v5/openapi.yaml", "2026-11");
const PHONES: Citation = secondary("Pinterest enhanced match, as quoted by others", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Plain, "trimmed, lower case", API)
        .or(&[Hash::Sha1, Hash::Md5])
        .also(&[Hash::Sha256, Hash::Md5]),
    hashed(Identifier::Phone, Form::Digits, "E.164 without +", PHONES),
    hashed(Identifier::Madid, Form::Plain, "UUID in lower case with hyphens", API)
        .or(&[Hash::Sha1, Hash::Md5])
        .also(&[Hash::Sha256, Hash::Md5]),
];

/// What Pinterest wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[
        lines("-email", "csv", Identifier::Email, API),
        lines("-phone", "csv", Identifier::Phone, API),
        lines("-madid", "csv", Identifier::Madid, API),
    ],
    rows_max: None,
    bytes_max: None,
    notes: "one column of one kind a file, no header; at least 100 people on Pinterest",
};
