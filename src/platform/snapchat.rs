//! Snapchat customer lists.
//!
//! Keys: developers.snap.com, Marketing API, customer lists; phones and ids also in a connector's
//! guide. Connectors that leave dots, letters or a trunk zero in phones are not followed.

use super::spec::{Citation, KeyRule, Spec, documented, hashed, lines, secondary, unwritten};
use crate::engine::{Encoding, Form, Identifier};

const PAGE: Citation = documented("developers.snap.com: Marketing API, customer lists", "2026-11");
const GUIDE: Citation = secondary("Tealium's guide to Snapchat customer lists", "2026-11");

const SCREEN: Citation = unwritten("Snapchat Ads Manager: one column of one kind", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(Identifier::Email, Form::Plain, "trimmed, lower case", PAGE),
    hashed(
        Identifier::Phone,
        Form::Digits,
        "E.164 without +: calling code included, no 00, no trunk zero",
        GUIDE,
    ),
    hashed(Identifier::Madid, Form::Plain, "UUID in lower case with hyphens", GUIDE),
];

/// What Snapchat wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[
        lines("-email", "csv", Identifier::Email, SCREEN),
        lines("-phone", "csv", Identifier::Phone, SCREEN),
        lines("-madid", "csv", Identifier::Madid, SCREEN),
    ],
    rows_max: None,
    bytes_max: None,
    notes: "one column of one kind a file, no header; at least 1,000 matched (second-hand)",
};
