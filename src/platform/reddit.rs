//! Reddit customer lists.
//!
//! Keys: a connector (segmentio/action-destinations 970a17e) drops dots and `+tag` for every
//! domain, "to follow Reddit email formats"; another client's documents say only trimmed and lower
//! case. The connector is followed, with little confidence. Its column shift where a row has no
//! e-mail is not.

use super::spec::{Citation, FileSpec, KeyRule, Layout, OURS, Spec, column, connector, hashed};
use crate::engine::{Encoding, Form, Identifier};

const CONNECTOR: Citation = connector("segmentio/action-destinations 970a17e, reddit", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(
        Identifier::Email,
        Form::Reddit,
        "lower case, without dots and +tag before the @, for every domain",
        CONNECTOR,
    ),
    hashed(Identifier::Madid, Form::Plain, "UUID in lower case with hyphens", CONNECTOR),
];

/// What Reddit wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Table {
            columns: &[
                column("EMAIL_SHA256", Identifier::Email),
                column("MAID_SHA256", Identifier::Madid),
            ],
            is_template: true,
            together: &[],
        },
        source: OURS,
    }],
    rows_max: None,
    bytes_max: None,
    notes: "the file is ours: the columns of its API; at least 1,000 matched (second-hand)",
};
