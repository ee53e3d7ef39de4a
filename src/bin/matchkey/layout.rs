//! The columns of the `generic` output, and its records.
//!
//! In: the columns of every input, batches. Out: CSV or JSON lines: `row`, the kept columns, then
//! `FIELD_sha256`, `FIELD_2_sha256`, `FIELD_3_sha256` for each field that any input has, in the
//! order of the fields, and `ltv` plain.

use crate::args::Format;
use crate::failure::Failure;
use crate::input::Input;
use crate::target::Target;
use matchkey::platform::Encoding;
use matchkey::{Cell, Column, Columns, Identifier, Platform, Row, normalize};
use std::collections::BTreeSet;
use std::io::Write;

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
    /// Appends the text of each column of a row; calls `each` with it.
    fn each(&self, row: Row<'_>, mut each: impl FnMut(usize, &str)) {
        let mut text = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            text.clear();
            let cell = match *column {
                Some((column, false)) => row.cell_for(self.platform, column),
                Some((column, true)) => row.alternate_for(self.platform, column),
                None => Cell::Empty,
            };
            match cell {
                Cell::Key(digest) => digest.write(self.encoding, &mut text),
                Cell::Plain(value) => text.extend_from_slice(value.as_bytes()),
                _ => {}
            }
            each(index, std::str::from_utf8(&text).unwrap_or_default());
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

    /// True if the generic platform can match this row.
    pub(crate) fn takes(&self, row: Row<'_>) -> bool {
        row.is_matched(self.platform)
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

/// Writes the records of the output.
pub(crate) enum Records {
    /// The header waits for the first record: a list without usable rows makes no output.
    Csv {
        writer: Box<csv::Writer<Target>>,
        header: Option<Vec<String>>,
    },
    Jsonl {
        target: Target,
        names: Vec<String>,
        line: Vec<u8>,
    },
}

impl Records {
    pub(crate) fn start(
        target: Target,
        format: Format,
        names: Vec<String>,
    ) -> Result<Records, Failure> {
        match format {
            Format::Csv => {
                let writer = Box::new(csv::Writer::from_writer(target));
                Ok(Records::Csv { writer, header: Some(names) })
            }
            Format::Jsonl => {
                let unique: BTreeSet<_> = names.iter().collect();
                if unique.len() < names.len() {
                    let text = "a --keep column has the name of another output column; \
                                JSON lines need names that differ";
                    return Err(Failure::Usage(text.into()));
                }
                Ok(Records::Jsonl { target, names, line: Vec::new() })
            }
        }
    }

    /// One record; `number` counts over all inputs.
    pub(crate) fn write(
        &mut self,
        number: u64,
        kept: usize,
        row: Row<'_>,
        places: &Places,
    ) -> Result<(), Failure> {
        match self {
            Records::Csv { writer, header } => {
                let named = header.take().map_or(Ok(()), |names| writer.write_record(&names));
                named
                    .and_then(|()| write_csv(writer, number, kept, row, places))
                    .map_err(|error| failure(writer.get_ref(), error))
            }
            Records::Jsonl { target, names, line } => {
                line.clear();
                json_line(line, names, number, kept, row, places);
                target.write_all(line).map_err(|error| target.failure(&error))
            }
        }
    }

    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Records::Jsonl { target, .. } => target.finish(),
            Records::Csv { writer, .. } => match writer.into_inner() {
                Ok(target) => target.finish(),
                Err(error) => Err(Failure::writing("the output", error.error())),
            },
        }
    }
}

/// The failure behind an error of the `csv` crate while writing.
pub(crate) fn failure(target: &Target, error: csv::Error) -> Failure {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => target.failure(&error),
        other => Failure::Refused(format!("a record could not be written: {other:?}")),
    }
}

fn write_csv(
    writer: &mut csv::Writer<Target>,
    number: u64,
    kept: usize,
    row: Row<'_>,
    places: &Places,
) -> csv::Result<()> {
    writer.write_field(decimal(number, &mut [0; 20]))?;
    for index in 0..kept {
        writer.write_field(row.kept(index))?;
    }
    let mut written = Ok(());
    places.each(row, |_, text| {
        if written.is_ok() {
            written = writer.write_field(text);
        }
    });
    written?;
    writer.write_record(None::<&[u8]>)
}

/// A number's decimal digits, without a detour over the heap.
pub(crate) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}

fn json_line(
    line: &mut Vec<u8>,
    names: &[String],
    number: u64,
    kept: usize,
    row: Row<'_>,
    places: &Places,
) {
    line.extend_from_slice(b"{\"row\":");
    line.extend_from_slice(decimal(number, &mut [0; 20]));
    for (index, name) in names[1..=kept].iter().enumerate() {
        member(line, name, &normalize::text_of(row.kept(index)));
    }
    places.each(row, |index, text| member(line, &names[1 + kept + index], text));
    line.extend_from_slice(b"}\n");
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
