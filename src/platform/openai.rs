//! OpenAI Ads custom audiences.
//!
//! Keys and file: developers.openai.com, custom audiences. Dots and `+tag` of e-mails must stay;
//! the digest is spelled in 64 hexadecimal digits, never base64.

use super::spec::{Citation, FileSpec, KeyRule, Layout, Spec, column, documented, hashed, plain};
use crate::engine::{Encoding, Form, Identifier};

const PAGE: Citation = documented("developers.openai.com: Ads, custom audiences", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Plain, "trimmed, lower case; dots and +tag stay", PAGE),
    hashed(Identifier::Phone, Form::E164, "E.164 with +", PAGE),
    plain(Identifier::Madid, Form::Plain, "UUID with hyphens, not all zeros, never hashed", PAGE),
];

/// What OpenAI wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Table {
            columns: &[
                column("email_sha256", Identifier::Email),
                column("phone_number_sha256", Identifier::Phone),
                column("gaid", Identifier::Madid),
            ],
            is_template: false,
            together: &[],
        },
        source: PAGE,
    }],
    rows_max: None,
    bytes_max: Some(500_000_000),
    notes: "no header twice: a second e-mail makes a record of its own; at most 500,000,000 bytes",
};
