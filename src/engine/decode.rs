//! Chunk -> records -> fields.
//!
//! In: a [`Chunk`], the delimiter, the number of columns. Out: its records one by one, with the
//! place of each. The `csv` crate reads them; a damaged line is split twice, with its quotes taken
//! literally and as quotes, and the number of columns decides.

use super::chunk::{Chunk, Damage, QUOTE, line_ends};
use super::error::Position;
use super::problem::RowProblem;
use csv::{ByteRecord, ReaderBuilder};
use std::io::{self, Read};

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
    let bytes = &chunk.bytes[..];
    let mut place = Place { bytes, reached: 0, position: chunk.start };
    let intact = Intact { chunk, damaged: 0, at: 0 };
    let mut reader = builder(delimiter).from_reader(GUARD.chain(intact));
    let mut unquoted = Vec::new();
    // Bytes of damaged lines so far: the reader does not see them.
    let mut hidden = 0;
    let mut start = 0;
    let ends = chunk.damaged.iter().map(|(line, damage)| (line.clone(), Some(*damage)));
    for (line, damage) in ends.chain([(bytes.len()..bytes.len(), None)]) {
        loop {
            let reached = (reader.position().byte() as usize).saturating_sub(GUARD.len());
            // The reader leaves the LF of a CRLF for the next record.
            let at = (reached + hidden).max(start);
            let blank = bytes[at..line.start].iter().take_while(is_line_end).count();
            if at + blank == line.start {
                break;
            }
            match reader.read_byte_record(fields) {
                Ok(true) => {}
                // A slice cannot fail to be read, and ragged rows are no error here.
                Ok(false) | Err(_) => break,
            }
            each(Record { fields, position: place.of_row(at + blank), problem: None });
        }
        let problem = match damage {
            None => break,
            Some(Damage::TooLarge) => {
                fields.clear();
                RowProblem::RecordTooLarge
            }
            Some(Damage::Unclosed) => {
                reread(&bytes[line.clone()], delimiter, width, &mut unquoted, fields)
            }
        };
        each(Record { fields, position: place.of_row(line.start), problem: Some(problem) });
        hidden += line.len();
        start = line.end;
    }
}

/// A chunk's bytes without its damaged lines.
struct Intact<'a> {
    chunk: &'a Chunk,
    /// How many damaged lines are behind.
    damaged: usize,
    at: usize,
}

impl Read for Intact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let line = self.chunk.damaged.get(self.damaged).map(|(line, _)| line);
            let end = line.map_or(self.chunk.bytes.len(), |line| line.start);
            if self.at < end {
                let bytes = buffer.len().min(end - self.at);
                buffer[..bytes].copy_from_slice(&self.chunk.bytes[self.at..self.at + bytes]);
                self.at += bytes;
                return Ok(bytes);
            }
            let Some(line) = line else { return Ok(0) };
            self.at = line.end;
            self.damaged += 1;
        }
    }
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

/// The UTF-8 byte order mark.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A blank line, which is skipped, in front of bytes from the middle of a file: the crate would
/// drop a byte order mark at their start, which is data there.
const GUARD: &[u8] = b"\n";

/// The fields of one record, such as the header.
pub(crate) fn single(record: &[u8], delimiter: u8) -> ByteRecord {
    let mut fields = ByteRecord::new();
    if !matches!(builder(delimiter).from_reader(record).read_byte_record(&mut fields), Ok(true)) {
        fields.clear();
    }
    fields
}

fn is_line_end(byte: &&u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Reads a line that opens a quote and never closes it.
fn reread(
    line: &[u8],
    delimiter: u8,
    width: usize,
    unquoted: &mut Vec<u8>,
    fields: &mut ByteRecord,
) -> RowProblem {
    let ends = line.iter().rev().take_while(is_line_end).count();
    let line = &line[..line.len() - ends];
    fields.clear();
    line.split(|byte| *byte == delimiter).for_each(|field| fields.push_field(field));
    if fields.len() == width {
        return RowProblem::QuoteRecovered;
    }
    split_quoted(line, delimiter, unquoted, fields);
    if fields.len() == width {
        return RowProblem::QuoteRecovered;
    }
    fields.clear();
    RowProblem::QuoteError
}

/// The fields of a single line, by the rules of the `csv` crate; its end closes an open quote.
/// Making a reader of the crate for each damaged line costs more than all the rest.
fn split_quoted(line: &[u8], delimiter: u8, unquoted: &mut Vec<u8>, fields: &mut ByteRecord) {
    fields.clear();
    unquoted.clear();
    let mut in_quotes = false;
    let mut is_first = true;
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            QUOTE if in_quotes && bytes.peek() == Some(&QUOTE) => {
                bytes.next();
                unquoted.push(QUOTE);
            }
            QUOTE if in_quotes || is_first => in_quotes = !in_quotes,
            _ if byte == delimiter && !in_quotes => {
                fields.push_field(unquoted);
                unquoted.clear();
                is_first = true;
                continue;
            }
            _ => unquoted.push(byte),
        }
        is_first = false;
    }
    fields.push_field(unquoted);
}

/// The `csv` crate's reader as every record is read with it.
pub(crate) fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(delimiter).quote(QUOTE).has_headers(false).flexible(true);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_is_split_as_the_crate_reads_it(line in "[\",a]{1,12}") {
            let mut fields = ByteRecord::new();
            split_quoted(line.as_bytes(), b',', &mut Vec::new(), &mut fields);
            prop_assert_eq!(fields, single(line.as_bytes(), b','));
        }
    }
}
