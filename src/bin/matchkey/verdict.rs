//! `matchkey inspect --json`: what a list is and what is wrong with it, as one JSON object.
//!
//! In: one input, read to its end through the engine. Out: outcome, counts by kind, samples, what
//! the scan found; with `--records` every record too. Without it no cell content.

use crate::args::{HeaderArgument, InspectArguments, engine};
use crate::failure::Failure;
use crate::input::{Input, open_all};
use crate::report::{samples, scan};
use crate::target::Target;
use matchkey::platform::Encoding;
use matchkey::{Cell, Identifier, Row, Run, Summary};
use serde_json::{Map, Value, json};
use std::io::Write;

/// Reads the list and prints the object.
pub(crate) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    let (value, failure) = match read(arguments) {
        Ok(value) => (value, None),
        Err(failure @ (Failure::Unreadable(code, _) | Failure::Unsupported(code, _))) => {
            let value = json!({"outcome": "file_error", "file_error": code, "total_rows": null});
            (value, Some(failure))
        }
        Err(failure) => return Err(failure),
    };
    let mut out = Target::stdout()?;
    writeln!(out, "{value}").map_err(|error| out.failure(&error))?;
    out.finish()?;
    match failure {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

fn read(arguments: &InspectArguments) -> Result<Value, Failure> {
    let options = arguments.reading.apply(arguments.rules.options()?)?;
    let mut options = options.platforms(arguments.platform.iter().copied());
    if arguments.records {
        options = options.keep_records();
    }
    if matches!(arguments.reading.header, HeaderArgument::No) {
        options = options.allow_no_identifier();
    }
    let engine = engine(options)?;
    let mut inputs = open_all(&engine, std::slice::from_ref(&arguments.input))?;
    let Some(mut input) = inputs.pop() else { return Ok(Value::Null) };
    let run = input.take(&engine)?.run().map_err(|error| Failure::of(&input.name, &error))?;
    let mut records = arguments.records.then(Records::default);
    let summary = drain(run, &input, records.as_mut())?;
    let rows = summary.total_rows();
    if rows == 0 {
        let text = format!("{}: no row: only a header (no_rows)", input.name);
        return Err(Failure::Unreadable("no_rows", text));
    }
    let mut value = json!({
        "outcome": "ok",
        "file_error": null,
        "total_rows": rows,
        "processed_rows": rows,
        "usable_rows": summary.usable_rows(),
        "errors": errors(&summary),
        "samples": samples(&summary, Some(&input)),
        "scan": scan(&input),
    });
    if let (Some(records), Some(object)) = (records, value.as_object_mut()) {
        object.insert("records".into(), Value::Array(records.fields));
        object.insert("emails".into(), Value::Array(records.emails));
        object.insert("phones".into(), Value::Array(records.phones));
    }
    Ok(value)
}

fn drain(
    mut run: Run,
    input: &Input,
    mut records: Option<&mut Records>,
) -> Result<Summary, Failure> {
    while let Some(batch) = run.next_batch().map_err(|error| Failure::of(&input.name, &error))? {
        if let Some(records) = &mut records {
            batch.rows().for_each(|row| records.add(row, input));
        }
    }
    Ok(run.summary().clone())
}

/// Counts by kind: what is in front of the colon of a reason.
fn errors(summary: &Summary) -> Value {
    let mut kinds = Map::new();
    for (_, reason, count) in summary.rejections() {
        let kind = reason.split(':').next().unwrap_or_default();
        let before = kinds.get(kind).and_then(Value::as_u64).unwrap_or(0);
        kinds.insert(kind.to_owned(), json!(before + count));
    }
    Value::Object(kinds)
}

/// Everything in a list.
#[derive(Default)]
struct Records {
    fields: Vec<Value>,
    emails: Vec<Value>,
    phones: Vec<Value>,
}

impl Records {
    fn add(&mut self, row: Row<'_>, input: &Input) {
        // A character for each byte.
        let text = |field: &[u8]| field.iter().map(|byte| char::from(*byte)).collect::<String>();
        self.fields.push(row.fields().map(text).collect());
        self.emails.push(first_usable(row, input, Identifier::Email));
        self.phones.push(first_usable(row, input, Identifier::Phone));
    }
}

/// The first usable value of an identifier in a row, canonical; a digest as hex.
fn first_usable(row: Row<'_>, input: &Input, identifier: Identifier) -> Value {
    let used = input.columns.used().iter().enumerate();
    let mut own = used.filter(|(_, column)| column.identifier() == identifier);
    let value = own.find_map(|(index, _)| match row.cell(index) {
        Cell::Key(digest) => {
            let spelled = || digest.text(Encoding::Hex).to_string();
            Some(row.canonical(index).map_or_else(spelled, str::to_owned))
        }
        _ => None,
    });
    value.map_or(Value::Null, Value::String)
}
