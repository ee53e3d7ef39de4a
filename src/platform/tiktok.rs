//! TikTok custom audiences.
//!
//! Keys: TikTok API documents 1739940567842818 and 1739940570793985, and its help pages on
//! supported ids. The help of 2025-06 would drop the `+tag` of e-mails, that of 2025-08 the `+` of
//! phones; the API page and the newest list keep both: those are followed. A phone without `+`
//! matches too, says the list, but the API page asks for E.164.

use super::spec::{
    Citation, FileSpec, KeyRule, Layout, Spec, columns, columns_of, documented, hashed,
};
use crate::engine::{Encoding, Form, Hash, Identifier};

const API: Citation =
    documented("TikTok API: upload an audience file (1739940567842818)", "2026-11");
const LIST: Citation = documented("ads.tiktok.com/help: list of supported ids", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Plain, "trimmed, lower case; dots and +tag stay", LIST),
    hashed(Identifier::Phone, Form::E164, "E.164 with +", API),
    hashed(Identifier::Madid, Form::Plain, "UUID in lower case with hyphens", LIST)
        .or(&[Hash::Md5])
        .also(&[Hash::Sha256, Hash::Md5]),
];

/// What TikTok wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Table {
            columns: &[
                columns("Email_SHA256", Identifier::Email),
                columns("Phone_SHA256", Identifier::Phone),
                columns_of("MAID_SHA256", Identifier::Madid, Hash::Sha256),
                columns_of("MAID_MD5", Identifier::Madid, Hash::Md5),
            ],
            is_template: false,
            together: &[],
        },
        source: API,
    }],
    rows_max: None,
    bytes_max: Some(250_000_000),
    notes: "each header at most three times; at most 250 MB a file; at least 1,000 entries \
            (second-hand)",
};
