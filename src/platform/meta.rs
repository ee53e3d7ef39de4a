//! Meta custom audiences (Facebook, Instagram).
//!
//! Keys: Meta, "Customer list custom audiences" (developers.facebook.com, read 2026-09-12). Where
//! it is silent or contradicts itself: Meta's Parameter Builder 1.3.2 (capi-param-builder b0b6f0b),
//! executed 2026-11; details beside each form in `engine/normalize`. The page's own example drops
//! the trunk zero of (+84) 091-2345678; none of Meta's own code does; the page is followed. MADID
//! is sent as it is, as the page says; Meta's Python SDK and upload tool hash it. MD5 passes Meta's
//! code and not its page: it is held back.

use super::spec::{
    Citation, FileSpec, KeyRule, Layout, Spec, code, column, columns, documented, hashed, plain,
};
use crate::engine::{Encoding, Form, Identifier};

const PAGE: Citation = documented(
    "developers.facebook.com: Marketing API, customer list custom audiences",
    "2026-09-12",
);
const BUILDER: Citation =
    code("Meta Parameter Builder 1.3.2 (capi-param-builder-nodejs)", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(
        Identifier::Email,
        Form::Meta,
        "trimmed, lower case, one trailing dot dropped; only in the shape that Meta's code accepts",
        BUILDER,
    ),
    hashed(
        Identifier::Phone,
        Form::Meta,
        "E.164 without +, trunk zero dropped; without any country 11 digits and more are taken to \
         start with their calling code",
        PAGE,
    ),
    plain(Identifier::Madid, Form::Meta, "UUID in lower case with hyphens, not hashed", PAGE),
    hashed(
        Identifier::FirstName,
        Form::Meta,
        "lower case without white space and ASCII punctuation; accents and other scripts stay",
        BUILDER,
    ),
    hashed(
        Identifier::LastName,
        Form::Meta,
        "lower case without white space and ASCII punctuation; accents and other scripts stay",
        BUILDER,
    ),
    hashed(
        Identifier::Zip,
        Form::Meta,
        "lower case without white space, up to a hyphen; US five digits; GB without the last two \
         letters",
        PAGE,
    ),
    hashed(Identifier::City, Form::Meta, "letters a-z in lower case", PAGE),
    hashed(
        Identifier::State,
        Form::Meta,
        "two letters for the US and Canada, else letters a-z, never cut",
        PAGE,
    ),
    hashed(Identifier::Country, Form::Meta, "ISO alpha-2 in lower case", PAGE),
    hashed(Identifier::Dob, Form::Meta, "YYYYMMDD", BUILDER),
    hashed(Identifier::Gender, Form::Meta, "m or f", PAGE),
    plain(Identifier::ExternalId, Form::Plain, "trimmed, not hashed", PAGE),
    plain(Identifier::Ltv, Form::Plain, "a number of at least 0, not hashed", PAGE),
    plain(Identifier::DataProcessingOptions, Form::Plain, "passed on", PAGE),
    plain(Identifier::DataProcessingOptionsCountry, Form::Plain, "passed on", PAGE),
    plain(Identifier::DataProcessingOptionsState, Form::Plain, "passed on", PAGE),
];

/// What Meta wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid]],
    encodings: &[Encoding::Hex],
    files: &[FileSpec {
        suffix: "",
        extension: "csv",
        layout: Layout::Table {
            columns: &[
                columns("email", Identifier::Email),
                columns("phone", Identifier::Phone),
                column("madid", Identifier::Madid),
                column("fn", Identifier::FirstName),
                column("ln", Identifier::LastName),
                column("zip", Identifier::Zip),
                column("ct", Identifier::City),
                column("st", Identifier::State),
                column("country", Identifier::Country),
                column("dob", Identifier::Dob),
                column("gen", Identifier::Gender),
                column("extern_id", Identifier::ExternalId),
                column("value", Identifier::Ltv),
                column("data_processing_options", Identifier::DataProcessingOptions),
                column("data_processing_options_country", Identifier::DataProcessingOptionsCountry),
                column("data_processing_options_state", Identifier::DataProcessingOptionsState),
            ],
            is_template: false,
            together: &[],
        },
        source: code(
            "facebookincubator/offline-conversion-file-uploader 75ea65f and Ads Manager's strings",
            "2026-11",
        ),
    }],
    rows_max: None,
    bytes_max: None,
    notes: "at least 100 rows; up to three columns of e-mails and of phones",
};
