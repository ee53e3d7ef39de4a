//! LinkedIn matched audiences, contact lists.
//!
//! Keys and template: learn.microsoft.com, matched audiences, as two projects quote it; the page
//! itself was not at hand. A connector that hashes e-mails untrimmed is not followed.

use super::spec::{
    Citation, FileSpec, KeyRule, Layout, Spec, column, hashed, plain, secondary, unused,
};
use crate::engine::{Encoding, Form, Hash, Identifier};

const PAGE: Citation =
    secondary("learn.microsoft.com/linkedin: matched audiences, as quoted", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::LinkedIn, "lower case without white space", PAGE)
        .or(&[Hash::Sha512]),
    plain(Identifier::FirstName, Form::LinkedIn, "as typed, at most 35 characters", PAGE),
    plain(Identifier::LastName, Form::LinkedIn, "as typed, at most 35 characters", PAGE),
    plain(Identifier::Country, Form::Capitals, "ISO alpha-2 in capitals, not hashed", PAGE),
    plain(Identifier::Madid, Form::Plain, "Google advertising id in lower case, not hashed", PAGE),
];

/// What LinkedIn wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[
        &[Identifier::Email],
        &[Identifier::Madid],
        &[Identifier::FirstName, Identifier::LastName],
    ],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Table {
            columns: &[
                column("email", Identifier::Email),
                column("firstname", Identifier::FirstName),
                column("lastname", Identifier::LastName),
                unused("jobtitle"),
                unused("employeecompany"),
                column("country", Identifier::Country),
                column("googleaid", Identifier::Madid),
            ],
            is_template: true,
            together: &[],
        },
        source: secondary("LinkedIn's contact list template, as two projects quote it", "2026-11"),
    }],
    rows_max: Some(300_000),
    bytes_max: None,
    notes: "at most 300,000 rows a file (from memory, second-hand); at least 300 matched",
};
