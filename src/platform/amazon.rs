//! Amazon Ads (DSP, Marketing Cloud, data manager).
//!
//! Keys: connectors (segmentio/action-destinations 970a17e; amazon-dsp-formatter 1.0.2) that refer
//! to Amazon's help page GCCXMZYCK4RXWS6C, which was not at hand. The formatter's cutting of four
//! characters off every postal code and its doubled calling codes are bugs and not followed.

use super::spec::{
    Citation, FileSpec, KeyRule, Layout, OURS, Spec, column, connector, hashed, plain,
};
use crate::engine::{Encoding, Form, Identifier};

const CONNECTORS: Citation =
    connector("segmentio/action-destinations 970a17e, amazon-dsp-formatter 1.0.2", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Amazon, "lower case; only a-z, 0-9 and . @ -", CONNECTORS),
    hashed(Identifier::Phone, Form::Digits, "E.164 without +", CONNECTORS),
    hashed(Identifier::FirstName, Form::Amazon, "lower case; only a-z and 0-9", CONNECTORS),
    hashed(Identifier::LastName, Form::Amazon, "lower case; only a-z and 0-9", CONNECTORS),
    hashed(Identifier::City, Form::Amazon, "lower case; only a-z and 0-9", CONNECTORS),
    hashed(
        Identifier::State,
        Form::Amazon,
        "two letters for the US and Canada, else only a-z and 0-9",
        CONNECTORS,
    ),
    hashed(
        Identifier::Zip,
        Form::Amazon,
        "US five digits, else lower case, only a-z and 0-9",
        CONNECTORS,
    ),
    plain(Identifier::Country, Form::Capitals, "ISO alpha-2 in capitals, not hashed", CONNECTORS),
];

/// What Amazon wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Table {
            columns: &[
                column("email", Identifier::Email),
                column("phone", Identifier::Phone),
                column("firstName", Identifier::FirstName),
                column("lastName", Identifier::LastName),
                column("city", Identifier::City),
                column("state", Identifier::State),
                column("postalCode", Identifier::Zip),
                column("countryCode", Identifier::Country),
            ],
            is_template: true,
            together: &[],
        },
        source: OURS,
    }],
    rows_max: None,
    bytes_max: None,
    notes: "the file is ours: the names of its API's hashed records",
};
