//! Criteo contact lists.
//!
//! Keys: from memory; Criteo's Python SDK (d9b7e14) shows identifiers of the kind email and leaves
//! hashing open.

use super::spec::{FileSpec, KeyRule, Layout, OURS, Spec, hashed, unwritten};
use crate::engine::{Encoding, Form, Hash, Identifier};

const KEYS: &[KeyRule] = &[hashed(
    Identifier::Email,
    Form::Plain,
    "trimmed, lower case",
    unwritten(
        "developers.criteo.com: users in an audience; which hashes is from memory",
        "2026-11",
    ),
)
.or(&[Hash::Md5])
.also(&[Hash::Sha256, Hash::Md5])];

/// What Criteo wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Lines { identifier: Identifier::Email, header: Some("email") },
        source: OURS,
    }],
    rows_max: None,
    bytes_max: None,
    notes: "the file is ours: a header and one digest a line",
};
