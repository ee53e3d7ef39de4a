//! Google Customer Match (Google Ads, Display & Video 360, Data Manager).
//!
//! Keys: Google's Data Manager utilities for Node 0.3.0 and Python 0.4.0, executed 2026-11, where
//! they agree; the Data Manager API reference. Where they disagree on names, Node's rule; where the
//! reference asks for names without punctuation, the utilities, which all keep it. Google's older
//! sample for the Ads API does not lower-case e-mails: a bug, not followed. An address is sent only
//! whole: first name, last name, country and zip (API reference, AddressInfo).

use super::spec::{
    Citation, FileSpec, KeyRule, Layout, Spec, code, column, columns, documented, hashed, optional,
    plain, unwritten,
};
use crate::engine::{Encoding, Form, Identifier};

const UTILITIES: Citation =
    code("Google Data Manager utilities: Node 0.3.0, Python 0.4.0, Java 0.3.0", "2026-11");
const API: Citation =
    documented("developers.google.com: Data Manager API, AudienceMember", "2026-11");

const KEYS: &[KeyRule] = &[
    hashed(
        Identifier::Email,
        Form::Google,
        "trimmed, lower case; in gmail.com and googlemail.com without dots and +tag",
        UTILITIES,
    ),
    hashed(
        Identifier::Phone,
        Form::Google,
        "E.164 with +; without any country 11 digits and more are taken to start with their \
         calling code",
        UTILITIES,
    ),
    hashed(
        Identifier::FirstName,
        Form::Google,
        "trimmed, lower case, single spaces; a title in front (mr. mrs. ms. dr.) dropped",
        UTILITIES,
    ),
    hashed(
        Identifier::LastName,
        Form::Google,
        "trimmed, lower case, single spaces; suffixes behind (jr, iii, phd, ...) dropped",
        UTILITIES,
    ),
    plain(Identifier::Country, Form::Capitals, "ISO alpha-2 in capitals, not hashed", UTILITIES),
    plain(Identifier::Zip, Form::Google, "trimmed, not hashed", UTILITIES),
    plain(
        Identifier::Madid,
        Form::Plain,
        "UUID in lower case, not hashed; a list of its own",
        unwritten("Google Ads: upload of mobile device ids", "2026-11"),
    ),
    plain(Identifier::ConsentAdUserData, Form::Plain, "passed on", API),
    plain(Identifier::ConsentAdPersonalization, Form::Plain, "passed on", API),
];

const ADDRESS: &[Identifier] =
    &[Identifier::FirstName, Identifier::LastName, Identifier::Country, Identifier::Zip];

/// What Google wants.
pub(super) const SPEC: Spec = Spec {
    keys: KEYS,
    matches: &[&[Identifier::Email], &[Identifier::Phone], &[Identifier::Madid], ADDRESS],
    encodings: &[Encoding::Hex, Encoding::Base64],
    files: &[
        FileSpec {
            suffix: "",
            extension: "csv",
            layout: Layout::Table {
                columns: &[
                    columns("Email", Identifier::Email),
                    columns("Phone", Identifier::Phone),
                    column("First Name", Identifier::FirstName),
                    column("Last Name", Identifier::LastName),
                    column("Country", Identifier::Country),
                    column("Zip", Identifier::Zip),
                    optional("Consent Ad User Data", Identifier::ConsentAdUserData),
                    optional("Consent Ad Personalization", Identifier::ConsentAdPersonalization),
                ],
                is_template: true,
                together: ADDRESS,
            },
            source: documented("support.google.com/google-ads/answer/7659867", "2026-11"),
        },
        FileSpec {
            suffix: "-madid",
            extension: "csv",
            layout: Layout::Lines {
                identifier: Identifier::Madid,
                header: Some("Mobile Device ID"),
            },
            source: unwritten("Google Ads: template for mobile device ids", "2026-11"),
        },
    ],
    rows_max: None,
    bytes_max: None,
    notes: "country and zip are never hashed; consent columns are ours: the upload screen asks for \
            consent once for a file",
};
