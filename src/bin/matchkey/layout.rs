//! The columns of the `generic` output, and its records.
//!
//! In: the columns of every input, batches. Out: CSV or JSON lines: `row`, the kept columns, then
//! `FIELD_sha256`, `FIELD_2_sha256`, `FIELD_3_sha256` for each field that any input has, in the
//! order of the fields, and `ltv` plain.

use crate::args::Format;
use crate::failure::Failure;
use crate::input::Input;
use matchkey::platform::Encoding;
use matchkey::platform::upload::csv_field;
use matchkey::{Cell, Column, Columns, Identifier, Platform, Row, normalize};
use std::collections::BTreeSet;

/// The output's columns behind `row` and the kept ones.
pub(crate) struct Layout {
    kept: Vec<String>,
    fields: Vec<Field>,
    /// The place of the generic platform among those that are chosen.
    platform: usize,
    encoding: Encoding,
}

/// A column: which field, which column of it, and whether it is the second reading of a phone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Field {
    identifier: Identifier,
    is_alternate: bool,
    ordinal: usize,
}

/// Where one input has the output's columns.
pub(crate) struct Places {
    /// The used column, and whether its second reading is meant.
    columns: Vec<Option<(usize, bool)>>,
    platform: usize,
    encoding: Encoding,
}

impl Places {
    /// True if the generic platform can match this row.
    pub(crate) fn takes(&self, row: Row<'_>) -> bool {
        row.is_matched(self.platform)
    }

    fn cell<'a>(&self, row: Row<'a>, column: Option<(usize, bool)>) -> Cell<'a> {
        match column {
            Some((column, false)) => row.cell_for(self.platform, column),
            Some((column, true)) => row.alternate_for(self.platform, column),
            None => Cell::Empty,
        }
    }
}

impl Layout {
    pub(crate) fn new(
        kept: &[String],
        inputs: &[Input],
        platform: usize,
        encoding: Encoding,
        has_alternates: bool,
    ) -> Layout {
        let used = inputs.iter().flat_map(|input| input.columns.used());
        let taken = |identifier| {
            Platform::Generic.keys().iter().any(|rule| rule.key.identifier == identifier)
        };
        let used = used.filter(|column| taken(column.identifier()));
        let own = |is_alternate| {
            move |column: &Column| {
                let (identifier, ordinal) = (column.identifier(), column.ordinal());
                Field { identifier, is_alternate, ordinal }
            }
        };
        let second = |column: &&Column| has_alternates && column.identifier() == Identifier::Phone;
        let used: Vec<&Column> = used.collect();
        let alternates = used.iter().copied().filter(second).map(own(true));
        let fields: BTreeSet<Field> =
            used.iter().copied().map(own(false)).chain(alternates).collect();
        Layout { kept: kept.to_vec(), fields: fields.into_iter().collect(), platform, encoding }
    }

    /// The header names, `row` and the kept columns included.
    pub(crate) fn names(&self) -> Vec<String> {
        let fields = self.fields.iter().map(|field| {
            let Field { identifier, ordinal, is_alternate } = *field;
            let number = if ordinal > 1 { format!("_{ordinal}") } else { String::new() };
            match (identifier, is_alternate) {
                (Identifier::Ltv, _) => format!("ltv{number}"),
                (_, true) => format!("{identifier}{number}_alt_sha256"),
                _ => format!("{identifier}{number}_sha256"),
            }
        });
        ["row".to_owned()].into_iter().chain(self.kept.iter().cloned()).chain(fields).collect()
    }

    pub(crate) fn places(&self, columns: &Columns) -> Places {
        let place = |field: &Field| {
            let is_it = |column: &Column| {
                column.identifier() == field.identifier && column.ordinal() == field.ordinal
            };
            Some((columns.used().iter().position(is_it)?, field.is_alternate))
        };
        Places {
            columns: self.fields.iter().map(place).collect(),
            platform: self.platform,
            encoding: self.encoding,
        }
    }
}

/// How records are spelled.
#[derive(Clone)]
pub(crate) struct Spelling {
    format: Format,
    kept: usize,
    names: Vec<String>,
}

impl Spelling {
    pub(crate) fn new(
        format: Format,
        kept: usize,
        names: Vec<String>,
    ) -> Result<Spelling, Failure> {
        let unique: BTreeSet<_> = names.iter().collect();
        if format == Format::Jsonl && unique.len() < names.len() {
            let text = "a --keep column has the name of another output column; \
                        JSON lines need names that differ";
            return Err(Failure::Usage(text.into()));
        }
        Ok(Spelling { format, kept, names })
    }

    /// What stands before the first record.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        if self.format == Format::Csv {
            for name in &self.names {
                csv_field(name.as_bytes(), &mut header);
                header.push(b',');
            }
            header.pop();
            header.push(b'\n');
        }
        header
    }

    /// Appends a record; `number` counts over all inputs.
    pub(crate) fn write(&self, number: u64, row: Row<'_>, places: &Places, out: &mut Vec<u8>) {
        match self.format {
            Format::Csv => self.csv_record(number, row, places, out),
            Format::Jsonl => self.json_line(number, row, places, out),
        }
    }

    fn csv_record(&self, number: u64, row: Row<'_>, places: &Places, out: &mut Vec<u8>) {
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        for index in 0..self.kept {
            out.push(b',');
            csv_field(row.kept(index), out);
        }
        for column in &places.columns {
            out.push(b',');
            if let Some((column, false)) = *column
                && let Some(key) = row.key_for(places.platform, column)
            {
                places.encoding.write(key, out);
                continue;
            }
            match places.cell(row, *column) {
                Cell::Key(digest) => digest.write(places.encoding, out),
                Cell::Plain(value) => csv_field(value.as_bytes(), out),
                _ => {}
            }
        }
        out.push(b'\n');
    }

    fn json_line(&self, number: u64, row: Row<'_>, places: &Places, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"row\":");
        out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        let (kept, keys) = self.names[1..].split_at(self.kept);
        for (index, name) in kept.iter().enumerate() {
            member(out, name, &normalize::text_of(row.kept(index)));
        }
        for (name, column) in keys.iter().zip(&places.columns) {
            match places.cell(row, *column) {
                Cell::Key(digest) => member(out, name, &digest.text(places.encoding)),
                Cell::Plain(value) => member(out, name, value),
                _ => {}
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// Appends `,"name":"value"`; an empty value is left out.
fn member(line: &mut Vec<u8>, name: &str, value: &str) {
    if !value.is_empty() {
        line.push(b',');
        // Writing text into memory does not fail.
        let _ = serde_json::to_writer(&mut *line, name);
        line.push(b':');
        let _ = serde_json::to_writer(&mut *line, value);
    }
}
