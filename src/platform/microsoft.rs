//! Microsoft Advertising customer match.
//!
//! Keys: the official Python SDK (BingAds-Python-SDK 0f49dec) names the kinds Email, Phone and CRM;
//! connectors give the forms. No rewriting of gmail.com. File: learn.microsoft.com, Bulk service,
//! Customer List Item record. Parent Id is the id of your customer list: put it in before
//! uploading.

use super::spec::{
    Citation, FileSpec, KeyRule, Layout, Spec, connector, documented, hashed, plain,
};
use crate::engine::{Encoding, Form, Identifier};

const CONNECTORS: Citation = connector("condor-retl-bing-ads notes, Segment connector", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Plain, "trimmed, lower case", CONNECTORS),
    hashed(Identifier::Phone, Form::E164, "E.164 with +", CONNECTORS),
    plain(Identifier::ExternalId, Form::Plain, "CRM id, trimmed, not hashed", CONNECTORS),
];

/// What Microsoft wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Items {
            header: &["Type", "Parent Id", "Sub Type", "Text", "Action Type"],
            kinds: &[
                (Identifier::Email, "Email"),
                (Identifier::Phone, "Phone"),
                (Identifier::ExternalId, "CRM"),
            ],
        },
        source: documented("learn.microsoft.com: Bulk service, Customer List Item", "2026-11"),
    }],
    rows_max: None,
    bytes_max: None,
    notes: "a record for each identifier; Parent Id is left for the id of your customer list, \
            whose own record has to stand in the same upload",
};
