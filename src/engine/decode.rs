//! Chunk -> records -> fields.
//!
//! In: a [`Chunk`], the delimiter, the number of columns. Out: its records one by one, with the
//! place of each. The `csv` crate reads them; a damaged line is read twice, with its quotes taken
//! literally and as quotes, and the number of columns decides.

use super::chunk::{Chunk, Damage, QUOTE, line_ends};
use super::error::Position;
use super::problem::RowProblem;
use csv::{ByteRecord, ReaderBuilder};
use std::io::Read;
use std::ops::Range;

/// One record and what is known of it before any field is looked at.
pub(crate) struct Record<'a> {
    pub(crate) fields: &'a ByteRecord,
    pub(crate) position: Position,
    /// Set where the row cannot be used, or was only read with a second look.
    pub(crate) problem: Option<RowProblem>,
}

/// Calls `each` for every row of the chunk, in order.
pub(crate) fn records(
    chunk: &Chunk,
    delimiter: u8,
    width: usize,
    fields: &mut ByteRecord,
    mut each: impl FnMut(Record<'_>),
) {
    let mut place = Place { bytes: &chunk.bytes, reached: 0, position: chunk.start };
    let mut start = 0;
    for (line, damage) in &chunk.damaged {
        intact_records(start..line.start, delimiter, fields, &mut place, &mut each);
        let problem = match damage {
            Damage::TooLarge => {
                fields.clear();
                RowProblem::RecordTooLarge
            }
            Damage::Unclosed => reread(&chunk.bytes[line.clone()], delimiter, width, fields),
        };
        let position = place.of_row(line.start);
        each(Record { fields, position, problem: Some(problem) });
        start = line.end;
    }
    intact_records(start..chunk.bytes.len(), delimiter, fields, &mut place, &mut each);
}

/// A place in a chunk that only moves on.
struct Place<'a> {
    bytes: &'a [u8],
    reached: usize,
    position: Position,
}

impl Place<'_> {
    /// The place of the next row, whose first byte has this index.
    fn of_row(&mut self, index: usize) -> Position {
        self.position.byte += (index - self.reached) as u64;
        self.position.line += line_ends(&self.bytes[self.reached..index]);
        self.position.row += 1;
        self.reached = index;
        self.position
    }
}

fn intact_records(
    range: Range<usize>,
    delimiter: u8,
    fields: &mut ByteRecord,
    place: &mut Place<'_>,
    each: &mut impl FnMut(Record<'_>),
) {
    if range.is_empty() {
        return;
    }
    let intact = &place.bytes[range.clone()];
    let guard = guard(intact);
    let mut reader = builder(delimiter).from_reader(guard.chain(intact));
    loop {
        let from = (reader.position().byte() as usize).saturating_sub(guard.len());
        match reader.read_byte_record(fields) {
            Ok(true) => {}
            // A slice cannot fail to be read, and ragged rows are no error here.
            Ok(false) | Err(_) => break,
        }
        let blank = intact[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let position = place.of_row(range.start + from + blank);
        each(Record { fields, position, problem: None });
    }
}

/// The UTF-8 byte order mark.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to put in front of bytes from the middle of a file: the crate would drop a byte order mark
/// at their start, which is data there. It skips a blank line.
fn guard(bytes: &[u8]) -> &'static [u8] {
    if bytes.starts_with(BYTE_ORDER_MARK) { b"\n" } else { b"" }
}

/// The fields of one record, such as the header.
pub(crate) fn single(record: &[u8], delimiter: u8) -> ByteRecord {
    let mut fields = ByteRecord::new();
    if !matches!(builder(delimiter).from_reader(record).read_byte_record(&mut fields), Ok(true)) {
        fields.clear();
    }
    fields
}

/// Reads a line that opens a quote and never closes it.
fn reread(line: &[u8], delimiter: u8, width: usize, fields: &mut ByteRecord) -> RowProblem {
    let ends = line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let line = &line[..line.len() - ends];
    for quoting in [false, true] {
        let mut builder = builder(delimiter);
        let mut reader = builder.quoting(quoting).from_reader(guard(line).chain(line));
        if matches!(reader.read_byte_record(fields), Ok(true)) && fields.len() == width {
            return RowProblem::QuoteRecovered;
        }
    }
    fields.clear();
    RowProblem::QuoteError
}

fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter).quote(QUOTE).has_headers(false).flexible(true);
    builder
}
