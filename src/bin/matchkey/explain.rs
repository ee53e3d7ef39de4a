//! `matchkey explain`: what becomes of single values, and why.
//!
//! In: values on the command line, or a CSV file with the columns `value[,country]`. Out: each
//! value's normalized form, match key and outcome. The values come from the person who asks and
//! go back to that person only.

use crate::args::{ExplainArguments, engine};
use crate::failure::Failure;
use crate::layout::failure;
use crate::target::Target;
use matchkey::normalize::{Country, Normalizer, Outcome, phone};
use matchkey::{Digest, Identifier, Platform};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// A value's way through the rules.
struct Explained {
    normalized: String,
    key: String,
    outcome: String,
    words: String,
}

/// Runs the command.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<(), Failure> {
    // Checks the country and the platform as `hash` would.
    let options = arguments.rules.options().platforms([arguments.platform]).threads(1);
    let engine = engine(options)?;
    let mut normalizer = Normalizer::new(engine.options());
    let country = arguments.rules.country.as_deref().and_then(Country::parse);
    match &arguments.csv {
        Some(path) => explain_file(arguments, path, &mut normalizer, country),
        None if arguments.values.is_empty() => {
            Err(Failure::Usage("give at least one VALUE, or --csv FILE".into()))
        }
        None => explain_values(arguments, &mut normalizer, country),
    }
}

fn explain_values(
    arguments: &ExplainArguments,
    normalizer: &mut Normalizer,
    country: Option<Country>,
) -> Result<(), Failure> {
    let mut out = Target::stdout()?;
    let mut text = format!(
        "{} for {}: {}\n",
        arguments.field,
        arguments.platform,
        rule(arguments.platform, arguments.field)
    );
    for value in &arguments.values {
        let explained = explain(normalizer, arguments.field, value.as_bytes(), country);
        text += &format!("\nvalue       {value:?}\n");
        text += &format!("normalized  {}\n", explained.normalized);
        text += &format!("match key   {}\n", explained.key);
        text += &format!("outcome     {}: {}\n", explained.outcome, explained.words);
        if arguments.field == Identifier::Phone {
            let phone = phone::read(value, country);
            text += &format!("read as     {}\n", labels(&phone).join(", "));
        }
    }
    out.write_all(text.as_bytes()).map_err(|error| out.failure(&error))?;
    out.finish()
}

/// E.164, possible, valid, reason: libphonenumber's labels of the value as it stands.
fn labels(phone: &phone::Phone) -> [String; 4] {
    let flag = |set: bool| if set { "1" } else { "0" }.to_owned();
    let reason = phone.reason().name().to_owned();
    [phone.e164().to_owned(), flag(phone.is_possible()), flag(phone.is_valid()), reason]
}

fn explain_file(
    arguments: &ExplainArguments,
    path: &Path,
    normalizer: &mut Normalizer,
    default_country: Option<Country>,
) -> Result<(), Failure> {
    let name = path.display().to_string();
    let failed = |error: csv::Error| Failure::Refused(format!("{name}: {}", reading(&error)));
    let input: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(
            File::open(path).map_err(|error| Failure::Refused(format!("{name}: {error}")))?,
        ),
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let headers = reader.byte_headers().map_err(failed)?.clone();
    let find = |wanted: &str| {
        headers
            .iter()
            .position(|header| header.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    let Some(value_at) = find("value") else {
        return Err(Failure::Refused(format!("{name}: needs a column named value")));
    };
    let country_at = find("country");
    let is_phone = arguments.field == Identifier::Phone;
    let mut writer = csv::Writer::from_writer(Target::stdout()?);
    let mut names = vec!["value", "country", "normalized", "key", "outcome"];
    if is_phone {
        names.extend(["e164", "is_possible", "is_valid", "reason"]);
    }
    writer.write_record(&names).map_err(|error| failure(writer.get_ref(), error))?;
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(failed)? {
        let value = record.get(value_at).unwrap_or_default();
        let named = country_at.and_then(|at| record.get(at)).unwrap_or_default();
        let country = country_of(named, default_country);
        let explained = explain(normalizer, arguments.field, value, country);
        let mut fields = vec![
            value.to_vec(),
            named.to_vec(),
            explained.normalized.into_bytes(),
            explained.key.into_bytes(),
            explained.outcome.into_bytes(),
        ];
        if is_phone {
            let phone = phone::read_bytes(value, country);
            fields.extend(labels(&phone).map(String::into_bytes));
        }
        writer.write_record(&fields).map_err(|error| failure(writer.get_ref(), error))?;
    }
    match writer.into_inner() {
        Ok(target) => target.finish(),
        Err(error) => Err(Failure::writing("standard output", error.error())),
    }
}

/// The country of a record: its own, else the default; `ZZ` and `001` say that there is none.
fn country_of(named: &[u8], default: Option<Country>) -> Option<Country> {
    match named.trim_ascii() {
        b"ZZ" | b"001" => None,
        _ => Country::from_cell(named).or(default),
    }
}

fn explain(
    normalizer: &mut Normalizer,
    field: Identifier,
    value: &[u8],
    country: Option<Country>,
) -> Explained {
    let mut canonical = Vec::new();
    let outcome = normalizer.normalize(field, value, country, &mut canonical);
    let normalized = String::from_utf8_lossy(&canonical).into_owned();
    let hex = |digest: Digest| String::from_utf8_lossy(&digest.to_hex()).into_owned();
    let explained = |normalized: String, key: String, outcome: &str, words: String| Explained {
        normalized,
        key,
        outcome: outcome.to_owned(),
        words,
    };
    match outcome {
        Outcome::Hash => {
            let key = hex(Digest::of(&canonical));
            explained(normalized, key, "ok", "usable".into())
        }
        Outcome::Plain => {
            explained(normalized.clone(), normalized, "unhashed", "sent as it is".into())
        }
        Outcome::Passthrough(digest) => {
            let words = "hashed already; passed through in lower case".into();
            explained(hex(digest), hex(digest), "passthrough", words)
        }
        Outcome::Rejected(rejection) => {
            let words = rejection.to_string();
            explained(String::new(), String::new(), &rejection.reason(field), words)
        }
        _ => explained(String::new(), String::new(), "empty", "nothing in it".into()),
    }
}

/// The rule of a field in a sentence.
fn rule(platform: Platform, field: Identifier) -> &'static str {
    match (platform, field) {
        (_, Identifier::Email) => "trimmed, lower case, SHA-256",
        (_, Identifier::Phone) => "E.164 with +, SHA-256",
        (_, Identifier::FirstName | Identifier::LastName) => {
            "lower case without white space and ASCII punctuation (Meta's form), SHA-256"
        }
        (_, Identifier::City) => "letters a-z in lower case (Meta's form), SHA-256",
        (_, Identifier::State) => {
            "two letters for the US and Canada, else letters a-z (Meta's form), SHA-256"
        }
        (_, Identifier::Zip) => {
            "no white space; US five digits, GB up to the sector (Meta's form), SHA-256"
        }
        (_, Identifier::Country) => "ISO alpha-2 in lower case (Meta's form), SHA-256",
        (_, Identifier::Dob) => "YYYYMMDD (Meta's form), SHA-256",
        (_, Identifier::Gender) => "m or f (Meta's form), SHA-256",
        (_, Identifier::Madid) => "UUID in lower case, SHA-256",
        (_, Identifier::ExternalId) => "trimmed, SHA-256",
        (_, Identifier::Ltv) => "a plain decimal number, not hashed",
        _ => "SHA-256",
    }
}

/// What went wrong while reading, without any content.
fn reading(error: &csv::Error) -> String {
    match error.position() {
        Some(position) => format!("cannot be read on at byte {}", position.byte()),
        None => "cannot be read on".into(),
    }
}
