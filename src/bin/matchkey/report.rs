//! What became of a list: one JSON object for programs, a few lines for people.
//!
//! In: the summaries of all runs. Out: the `--report` object, the summary on stderr, and the
//! `--rejects` records. None of them holds the content of a cell, unless `--rejects-values` asks
//! for it.

use crate::args::{Choice, HashArguments};
use crate::failure::{grouped, percent};
use crate::input::Input;
use matchkey::normalize::Rejection;
use matchkey::normalize::date::DateOrder;
use matchkey::platform::upload::csv_field;
use matchkey::platform::{Encoding, Hash};
use matchkey::{Cell, Counts, Engine, Identifier, Origin, Platform, Row, Sample, Summary};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

/// Everything there is to say at the end.
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) summary: Summary,
    /// The upload files.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    /// The `--report` object.
    pub(crate) fn report(
        &self,
        arguments: &HashArguments,
        engine: &Engine,
        inputs: &[Input],
    ) -> Value {
        json!({
            "total_rows": self.counts.total,
            "processed_rows": self.counts.processed,
            "matched_rows": self.counts.matched,
            "progress_percent": 100,
            "rejections": rejections(self.summary.rejections()),
            "candidates": candidates(|each| self.summary.candidates(each)),
            "platforms": self.platforms(arguments),
            "files": self.files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "phones": {
                "usable": self.summary.usable_phones(),
                "valid": self.summary.valid_phones(),
                "assumed_international": self.summary.assumed_phones(),
                "alternates": self.summary.alternate_phones(),
            },
            "input_bytes": self.counts.input_bytes,
            "seconds": self.elapsed.as_secs_f64(),
            "options": chosen(arguments),
            "phone_metadata_version": engine.options().phone_metadata_version(),
            "samples": samples(&self.summary, inputs.first()),
            "scan": { "inputs": inputs.iter().map(scan).collect::<Vec<_>>() },
        })
    }

    /// Each platform's share.
    fn platforms(&self, arguments: &HashArguments) -> Value {
        let share = |(index, platform): (usize, &Platform)| {
            let cells = self.summary.platform_rejections(index);
            let value = json!({
                "matched_rows": self.summary.platform_matched_rows(index),
                "candidates": candidates(|each| self.summary.platform_candidates(index, each)),
                "rejections": rejections(cells.map(|(each, reason, n)| (Some(each), reason, n))),
            });
            (platform.name().to_owned(), value)
        };
        arguments.platform.iter().enumerate().map(share).collect()
    }

    /// Rows that one platform can match.
    pub(crate) fn matched(&self, arguments: &HashArguments, platform: Platform) -> u64 {
        let index = arguments.platform.iter().position(|chosen| *chosen == platform);
        index.map_or(0, |index| self.summary.platform_matched_rows(index))
    }

    /// The same numbers for a person.
    pub(crate) fn summary(&self, arguments: &HashArguments) -> String {
        let Counts { total, matched, input_bytes, .. } = self.counts;
        let seconds = self.elapsed.as_secs_f64();
        let mut text = format!(
            "{} rows read, {} written ({}), {} not used; {:.1} MB in {:.1} s, {} rows/s\n",
            grouped(total),
            grouped(matched),
            percent(matched, total),
            grouped(total - matched),
            input_bytes as f64 / 1e6,
            seconds,
            grouped((total as f64 / seconds.max(1e-9)) as u64),
        );
        if arguments.platform != [Platform::Generic] {
            for (index, platform) in arguments.platform.iter().enumerate() {
                let rows = self.summary.platform_matched_rows(index);
                text += &format!(
                    "  {:<12} {:>13} rows ({})\n",
                    platform.name(),
                    grouped(rows),
                    percent(rows, total)
                );
            }
        }
        for identifier in Identifier::ALL {
            let keys = self.summary.candidates(identifier);
            let reasons = self.reasons(Some(identifier));
            if keys > 0 || !reasons.is_empty() {
                let word = if identifier.is_attribute() { "values" } else { "keys" };
                text += &format!("  {:<12} {:>13} {word}\n", identifier.name(), grouped(keys));
                text += &listed("unusable", &reasons);
            }
        }
        let whole = self.reasons(None);
        if !whole.is_empty() {
            text += "  rows\n";
            text += &listed("noted", &whole);
        }
        text += &self.phones();
        text += &self.hints();
        text.pop();
        text
    }

    /// What there is to say of phones.
    fn phones(&self) -> String {
        let mut text = String::new();
        let phones = self.summary.usable_phones();
        if phones > 0 {
            let valid = self.summary.valid_phones();
            text += &format!("  {} of the phones are in assigned ranges\n", percent(valid, phones));
        }
        let alternates = self.summary.alternate_phones();
        if alternates > 0 {
            text += &format!("  {} phones have a second reading\n", grouped(alternates));
        }
        text
    }

    /// What the person may do to get more out of the list.
    fn hints(&self) -> String {
        const SHARE: u64 = 100;
        let count = |identifier, rejection: Rejection| {
            let reason = rejection.reason(identifier);
            let mut counts = self.summary.rejections();
            let found = counts.find(|(of, known, _)| *of == Some(identifier) && *known == reason);
            found.map_or(0, |(_, _, count)| count)
        };
        let mut text = String::new();
        let lost = count(Identifier::Phone, Rejection::Spreadsheet);
        if lost * SHARE > self.counts.total {
            text += &format!(
                "  hint: phones cut by a spreadsheet (1.4E+10): {}. Their digits are lost here: \
                 export the column as text again\n",
                grouped(lost)
            );
        }
        let assumed = self.summary.assumed_phones();
        if assumed > 0 {
            text += &format!(
                "  hint: phones without any country that were taken to start with their calling \
                 code, as meta, google and uid2 ask: {}. If they do not, give --country CC\n",
                grouped(assumed)
            );
        }
        if count(Identifier::Phone, Rejection::NoCountry) > 0 {
            text += "  hint: phones without a country need --country CC, or a country column\n";
        }
        let unknown = count(Identifier::Phone, Rejection::PrehashedFormUnknown);
        if unknown + count(Identifier::Email, Rejection::NotAccepted) > 0 {
            text += "  hint: hashed already; if you know what was hashed, say so: --prehashed-as\n";
        }
        if count(Identifier::Dob, Rejection::Ambiguous) > 0 {
            text +=
                "  hint: day and month cannot be told apart; say which: --dob-format DD/MM/YYYY\n";
        }
        text
    }

    fn reasons(&self, of: Option<Identifier>) -> Vec<(String, u64, String)> {
        let mut reasons: Vec<_> = self
            .summary
            .rejections()
            .filter(|(identifier, _, _)| *identifier == of)
            .map(|(_, reason, count)| {
                // The field is said already.
                let short = reason.split_once(':').map_or(&*reason, |(_, detail)| detail);
                let mut samples = self.summary.samples();
                let is_it = |it: &Sample| it.identifier() == of && it.reason() == reason;
                let first = samples.find(is_it).map(|it| grouped(it.position().line));
                let more = if count > 1 { ", ..." } else { "" };
                let line = first.map_or(String::new(), |line| format!(" (line {line}{more})"));
                (short.to_owned(), count, line)
            })
            .collect();
        reasons.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
        reasons
    }
}

/// Where examples of each kind stand; never what stands there.
pub(crate) fn samples(summary: &Summary, input: Option<&Input>) -> Value {
    let shown = |sample: Sample| {
        let reason = sample.reason();
        let position = sample.position();
        let mut value = json!({
            "kind": reason.split(':').next(),
            "reason": reason,
            "severity": if sample.is_warning() { "warning" } else { "error" },
            "line": position.line,
            "record": position.row,
            "byte_offset": position.byte,
        });
        if let (Some(column), Some(object)) = (sample.column(), value.as_object_mut()) {
            let header = input.and_then(|input| input.columns.names().get(column));
            object.insert("column".into(), json!(column + 1));
            object.insert("header".into(), json!(header));
            object.insert("length".into(), json!(sample.bytes()));
        }
        value
    };
    summary.samples().map(shown).collect()
}

/// Keys by field; attributes are no candidates.
fn candidates(count: impl Fn(Identifier) -> u64) -> Value {
    let keys = Identifier::ALL.into_iter().filter(|each| !each.is_attribute());
    let counted = keys.map(|each| (each, count(each))).filter(|(_, count)| *count > 0);
    counted.map(|(each, count)| (each.name().to_owned(), json!(count))).collect()
}

/// Counts by field and reason; whole rows under `row`.
fn rejections<'a>(counts: impl Iterator<Item = (Option<Identifier>, Cow<'a, str>, u64)>) -> Value {
    let mut fields = Map::new();
    for (identifier, reason, count) in counts {
        let field = identifier.map_or("row", Identifier::name);
        let reasons = fields.entry(field).or_insert_with(|| json!({}));
        reasons[reason.as_ref()] = json!(count);
    }
    Value::Object(fields)
}

/// `word N: reason n, reason n, ...`, broken into lines.
fn listed(word: &str, reasons: &[(String, u64, String)]) -> String {
    const WIDTH: usize = 90;
    const INDENT: &str = "               ";
    if reasons.is_empty() {
        return String::new();
    }
    let all: u64 = reasons.iter().map(|(_, count, _)| count).sum();
    let mut lines = vec![format!("{INDENT}{word} {}:", grouped(all))];
    for (index, (reason, count, line)) in reasons.iter().enumerate() {
        let comma = if index + 1 < reasons.len() { "," } else { "" };
        let piece = format!(" {reason} {}{line}{comma}", grouped(*count));
        match lines.last_mut() {
            Some(line) if line.len() + piece.len() <= WIDTH => *line += &piece,
            _ => lines.push(format!("{INDENT} {piece}")),
        }
    }
    lines.join("\n") + "\n"
}

/// The options that made the keys.
fn chosen(arguments: &HashArguments) -> Value {
    let rules = &arguments.rules;
    let map: Vec<_> =
        arguments.reading.map.iter().map(|(field, header)| format!("{field}={header}")).collect();
    let prehashed: Vec<_> =
        rules.prehashed_as.iter().map(|(field, form)| format!("{field}:{}", form.name())).collect();
    json!({
        "platforms": arguments.platform.iter().map(|each| each.name()).collect::<Vec<_>>(),
        "country": rules.country,
        "map": map,
        "keep": arguments.keep,
        "phone_policy": rules.phone_policy.name(),
        "keep_placeholders": rules.keep_placeholders,
        "phone_alternates": rules.phone_alternates,
        "header": arguments.reading.header.name(),
        "prehashed_as": prehashed,
        "dob_format": rules.dob_format.map(DateOrder::pattern),
        "hash": chosen_for(&arguments.hash, Hash::name),
        "key_encoding": chosen_for(&arguments.key_encoding, Encoding::name),
    })
}

fn chosen_for<T: Copy>(choices: &[Choice<T>], name: impl Fn(T) -> &'static str) -> Vec<String> {
    let text = |choice: &Choice<T>| match choice.platform {
        Some(platform) => format!("{platform}:{}", name(choice.of)),
        None => name(choice.of).to_owned(),
    };
    choices.iter().map(text).collect()
}

/// How an input was read.
pub(crate) fn scan(input: &Input) -> Value {
    let columns = input.columns.used().iter().map(|column| {
        json!({
            "field": column.identifier().name(),
            "ordinal": column.ordinal(),
            "column": column.index() + 1,
            "header": column.header(),
            "why": why(column.origin()),
            "date_format": column.date_order().map(DateOrder::pattern),
        })
    });
    let scan = &input.scan;
    let byte = |byte: Option<u8>| byte.map(|byte| char::from(byte).to_string());
    json!({
        "input": input.name,
        "packing": scan.packing,
        "encoding": scan.encoding,
        "byte_order_mark": scan.has_byte_order_mark,
        "delimiter": byte(Some(scan.dialect.delimiter)),
        "quote": byte(scan.dialect.quote),
        "escape": byte(scan.dialect.escape),
        "header": scan.has_header,
        "lines_before_header": scan.lines_before,
        "reasons": scan.reasons,
        "columns": columns.collect::<Vec<_>>(),
    })
}

/// Why a column is used, in a word.
pub(crate) fn why(origin: Origin) -> String {
    match origin {
        Origin::Mapped => "mapped".to_owned(),
        Origin::Content { percent, cells } => {
            format!("by its content: {percent} % of {cells} cells")
        }
        _ => "recognized".to_owned(),
    }
}

/// Lines that say which column holds what.
pub(crate) fn recognition(input: &Input) -> String {
    let mut text = format!("{}:", input.name);
    for column in input.columns.used() {
        let number = match column.ordinal() {
            1 => String::new(),
            ordinal => format!("_{ordinal}"),
        };
        let field = format!("{}{number}", column.identifier());
        let order = match column.date_order() {
            Some(order) => format!(", {}", order.pattern()),
            None => String::new(),
        };
        text += &format!(
            "\n  {field:<14} <- {} (column {}, {}{order})",
            column.header(),
            column.index() + 1,
            why(column.origin()),
        );
    }
    for header in input.columns.surplus() {
        text += &format!("\n  not used: {header}, its field has three columns already");
    }
    text
}

/// The `--rejects` records.
#[derive(Clone, Copy)]
pub(crate) struct Rejects {
    pub(crate) has_values: bool,
}

impl Rejects {
    /// What stands before the first record.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = b"input,row,line,byte_offset,field,reason".to_vec();
        if self.has_values {
            header.extend_from_slice(b",value");
        }
        header.push(b'\n');
        header
    }

    /// Appends the records of one row, if it has any.
    pub(crate) fn write(&self, input: &str, number: u64, row: Row<'_>, out: &mut Vec<u8>) {
        for (index, (identifier, cell)) in row.cells().enumerate() {
            let Cell::Rejected(rejection) = cell else { continue };
            let value = harmless(row.rejected(index).unwrap_or_default());
            let reason = rejection.reason(identifier);
            self.record(input, number, row, [identifier.name(), &reason], &value, out);
        }
        if let Some(reason) = row.unusable() {
            self.record(input, number, row, ["", &reason], b"", out);
        }
    }

    fn record(
        &self,
        input: &str,
        number: u64,
        row: Row<'_>,
        [field, reason]: [&str; 2],
        value: &[u8],
        out: &mut Vec<u8>,
    ) {
        let position = row.position();
        csv_field(input.as_bytes(), out);
        for number in [number, position.line, position.byte] {
            out.push(b',');
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        for text in [field, reason] {
            out.push(b',');
            csv_field(text.as_bytes(), out);
        }
        if self.has_values {
            out.push(b',');
            csv_field(value, out);
        }
        out.push(b'\n');
    }
}

/// A value that a spreadsheet will not take for a formula.
fn harmless(value: &[u8]) -> Vec<u8> {
    let is_formula = matches!(value.first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r'));
    let mark: &[u8] = if is_formula { b"'" } else { b"" };
    [mark, value].concat()
}
