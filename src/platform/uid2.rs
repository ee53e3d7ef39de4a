//! UID2, its European sister EUID, and The Trade Desk's lists of e-mails in UID2's form.
//!
//! Keys: unifiedid.com, normalization and encoding (uid2docs 90d6afe); the client for Python 2.9.0,
//! executed 2026-11. Base64 of the digest's bytes, never of its digits. The page's Singapore
//! example (+6512345678) is a slip of its own. The Trade Desk: a connector's code.

use super::spec::{Citation, OURS, Spec, connector, documented, hashed, lines};
use crate::engine::{Encoding, Form, Identifier};

const PAGE: Citation =
    documented("unifiedid.com: normalization and encoding (uid2docs 90d6afe)", "2026-11");
const CONNECTOR: Citation =
    connector("segmentio/action-destinations 970a17e, the-trade-desk", "2026-11");

const EMAIL: &str = "trimmed, ASCII letters in lower case; in gmail.com without dots and +tag";

/// What UID2 and EUID want.
pub(super) const SPEC: Spec = Spec {
    keys: &[
        hashed(Identifier::Email, Form::Uid2, EMAIL, PAGE),
        hashed(
            Identifier::Phone,
            Form::Uid2,
            "E.164 with + and 10 to 15 digits; without any country as Google",
            PAGE,
        ),
    ],
    matches: &[&[Identifier::Email], &[Identifier::Phone]],
    encodings: &[Encoding::Base64],
    files: &[
        lines("", "txt", Identifier::Email, OURS),
        lines("-phone", "txt", Identifier::Phone, OURS),
    ],
    rows_max: None,
    bytes_max: None,
    notes: "the files are ours: one digest a line; e-mails and phones apart, as the API takes them",
};

/// What The Trade Desk wants.
pub(super) const TRADE_DESK: Spec = Spec {
    keys: &[hashed(Identifier::Email, Form::Uid2, EMAIL, CONNECTOR)],
    matches: &[&[Identifier::Email]],
    encodings: &[Encoding::Base64],
    files: &[lines("", "txt", Identifier::Email, CONNECTOR)],
    rows_max: None,
    bytes_max: None,
    notes: "PiiType EmailHashedUnifiedId2; at least 1,500 rows a drop",
};
