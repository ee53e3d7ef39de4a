//! `matchkey explain`: what becomes of single values, and why.
//!
//! In: values on the command line, or a CSV file with the columns `value[,country]`. Out: for each
//! value and platform the form, the match key, the outcome, the rule and its source. The values
//! come from the person who asks and go back to that person only.

use crate::args::{ExplainArguments, engine};
use crate::failure::Failure;
use crate::field::Field;
use crate::target::Target;
use matchkey::normalize::{Country, Normalizer, Outcome, Rejection, cleaned, phone};
use matchkey::platform::spec::KeyRule;
use matchkey::platform::{Encoding, PrehashedAs, Sent};
use matchkey::{Digest, Form, Identifier, Platform};
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

/// What reads the values.
struct Values {
    normalizer: Normalizer,
    phones: phone::Reader,
}

/// One platform's rule for the field.
struct Asked {
    platform: Platform,
    field: Field,
    /// None if the platform does not take the field.
    rule: Option<KeyRule>,
    encoding: Encoding,
    prehashed_as: PrehashedAs,
}

/// Runs the command.
pub(crate) fn run(arguments: &ExplainArguments) -> Result<(), Failure> {
    // Checks the country as `hash` would.
    let engine = engine(arguments.rules.options()?.threads(1))?;
    let mut values = Values {
        normalizer: Normalizer::new(engine.options()),
        phones: phone::Reader::with(engine.options().metadata().clone()),
    };
    let country = arguments.rules.country.as_deref().and_then(Country::parse);
    let asked = asked(arguments)?;
    match &arguments.csv {
        Some(path) => match &asked[..] {
            [asked] => explain_file(asked, path, &mut values, country),
            _ => Err(Failure::Usage("--csv explains for one platform".into())),
        },
        None if arguments.values.is_empty() => {
            Err(Failure::Usage("give at least one VALUE, or --csv FILE".into()))
        }
        None => explain_values(&asked, &arguments.values, &mut values, country),
    }
}

/// The platforms that are asked for: all that take the field, if none is named.
fn asked(arguments: &ExplainArguments) -> Result<Vec<Asked>, Failure> {
    let field = arguments.field;
    let platforms: Vec<Platform> = match (&arguments.platform[..], &arguments.csv) {
        ([], Some(_)) => vec![Platform::Generic],
        ([], None) => {
            let takes = |platform: &Platform| field.rule(*platform).is_some();
            Platform::ALL.iter().copied().filter(takes).collect()
        }
        (named, _) => named.to_vec(),
    };
    let mut prehashed_as = PrehashedAs::default();
    for (identifier, form) in &arguments.rules.prehashed_as {
        prehashed_as = prehashed_as.with(*identifier, *form).unwrap_or(prehashed_as);
    }
    let is_named = !arguments.platform.is_empty() || arguments.csv.is_some();
    let mut asked = Vec::new();
    for platform in platforms {
        let encodings = platform.spec().encodings;
        let encoding = arguments.encoding.unwrap_or(encodings[0]);
        let mut rule = field.rule(platform);
        let mut problem = None;
        if !encodings.contains(&encoding) {
            problem = Some(format!("{platform} does not take {}", encoding.name()));
        }
        if let (Some(hash), Some(rule)) = (arguments.hash, &mut rule)
            && rule.key.sent != Sent::Hashed(hash)
        {
            match rule.offered.contains(&hash) {
                true => rule.key.sent = Sent::Hashed(hash),
                false => problem = Some(format!("{platform} does not take {hash} of {field}")),
            }
        }
        match problem {
            Some(problem) if is_named => return Err(Failure::Usage(problem)),
            Some(_) => {}
            None => asked.push(Asked { platform, field, rule, encoding, prehashed_as }),
        }
    }
    if asked.is_empty() {
        return Err(Failure::Usage("no platform takes this hash or encoding".into()));
    }
    Ok(asked)
}

fn explain_values(
    asked: &[Asked],
    values: &[String],
    Values { normalizer, phones }: &mut Values,
    country: Option<Country>,
) -> Result<(), Failure> {
    let mut out = Target::stdout()?;
    let mut text = String::new();
    for value in values {
        text += &format!("value       {value:?}\n");
        for asked in asked {
            let explained = asked.explain(normalizer, value.as_bytes(), country);
            text += &format!("\n{} for {}\n", asked.field, asked.platform);
            if let Some(rule) = &asked.rule {
                text += &format!("rule        {}; {}\n", rule.rule, asked.sent(rule));
                text += &format!("source      {}\n", rule.source);
            }
            text += &format!("normalized  {}\n", explained.normalized);
            text += &format!("match key   {}\n", explained.key);
            text += &format!("outcome     {}: {}\n", explained.outcome, explained.words);
            if asked.field.is_phone() {
                let phone = phones.read(value.as_bytes(), country);
                text += &format!("read as     {}\n", labels(&phone).join(", "));
                let mut second = Vec::new();
                let (field, form) = (Identifier::Phone, Form::Alternate);
                let read =
                    normalizer.normalize(field, form, value.as_bytes(), country, &mut second);
                if read == Outcome::Usable {
                    text += &format!("or          {}\n", String::from_utf8_lossy(&second));
                }
            }
        }
        text.push('\n');
    }
    text.pop();
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
    asked: &Asked,
    path: &Path,
    Values { normalizer, phones }: &mut Values,
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
    let is_phone = asked.field.is_phone();
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
        let country = Country::from_cell(named).or(default_country);
        let explained = asked.explain(normalizer, value, country);
        let mut fields = vec![
            value.to_vec(),
            named.to_vec(),
            explained.normalized.into_bytes(),
            explained.key.into_bytes(),
            explained.outcome.into_bytes(),
        ];
        if is_phone {
            let phone = phones.read(value, country);
            fields.extend(labels(&phone).map(String::into_bytes));
        }
        writer.write_record(&fields).map_err(|error| failure(writer.get_ref(), error))?;
    }
    match writer.into_inner() {
        Ok(target) => target.finish(),
        Err(error) => Err(Failure::writing("standard output", error.error())),
    }
}

impl Asked {
    fn sent(&self, rule: &KeyRule) -> String {
        match rule.key.sent {
            Sent::Hashed(hash) => format!("{hash} in {}", self.encoding.name()),
            _ => "sent as it is".into(),
        }
    }

    fn explain(
        &self,
        normalizer: &mut Normalizer,
        value: &[u8],
        country: Option<Country>,
    ) -> Explained {
        let Some(rule) = &self.rule else {
            return Explained::unusable(
                Rejection::NotAccepted.reason_for(self.field.name()).into_owned(),
                format!("{} does not take {}", self.platform, self.field),
            );
        };
        let mut canonical = Vec::new();
        let outcome = match self.field.writer() {
            Some(write) => {
                let identifier = self.field.identifier();
                // Digits of other widths are cleaned where dates are.
                match cleaned(value, identifier) {
                    Err(rejection) => Outcome::Rejected(rejection),
                    Ok(None) => Outcome::Empty,
                    Ok(Some(text)) => match Digest::from_text(text.as_bytes()) {
                        Some(digest) => Outcome::Prehashed(digest),
                        None => match write(&text, &mut canonical) {
                            Ok(()) => Outcome::Usable,
                            Err(rejection) => Outcome::Rejected(rejection),
                        },
                    },
                }
            }
            None => {
                let key = rule.key;
                normalizer.normalize(key.identifier, key.form, value, country, &mut canonical)
            }
        };
        let text = |digest: Digest| digest.text(self.encoding);
        match (outcome, rule.key.sent) {
            (Outcome::Usable, sent) => {
                let normalized = String::from_utf8_lossy(&canonical).into_owned();
                let (key, outcome, words) = match sent {
                    Sent::Hashed(hash) => (text(Digest::with(hash, &canonical)), "ok", "usable"),
                    _ => (normalized.clone(), "unhashed", "sent as it is"),
                };
                Explained { normalized, key, outcome: outcome.into(), words: words.into() }
            }
            (Outcome::Prehashed(digest), _) => match rule.key.takes(&digest, self.prehashed_as) {
                Ok(()) => Explained {
                    normalized: text(digest),
                    key: text(digest),
                    outcome: "passthrough".into(),
                    words: "hashed already; passed through".into(),
                },
                Err(rejection) => self.rejected(rejection),
            },
            (Outcome::Rejected(rejection), _) => self.rejected(rejection),
            _ => Explained::unusable("empty".into(), "nothing in it".into()),
        }
    }

    fn rejected(&self, rejection: Rejection) -> Explained {
        let reason = rejection.reason_for(self.field.name()).into_owned();
        Explained::unusable(reason, rejection.to_string())
    }
}

impl Explained {
    fn unusable(outcome: String, words: String) -> Explained {
        Explained { normalized: String::new(), key: String::new(), outcome, words }
    }
}

/// What went wrong while reading, without any content.
fn reading(error: &csv::Error) -> String {
    match error.position() {
        Some(position) => format!("cannot be read on at byte {}", position.byte()),
        None => "cannot be read on".into(),
    }
}

/// The failure behind an error of the `csv` crate while writing.
fn failure(target: &Target, error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => target.failure(&error),
        other => Failure::Refused(format!("a record could not be written: {other:?}")),
    }
}
