//! Chunk -> records -> fields.
//!
//! In: a [`Chunk`], the [`Dialect`], the number of columns. Out: its records one by one, with the
//! place of each. Fields are places in the chunk's bytes; only those that hold doubled quotes or
//! escapes are written anew. What is split here equals what the `csv` crate reads; records that
//! are damaged are the business of `recover.rs`.

use super::chunk::{Chunk, Damage, line_ends};
use super::dialect::{Dialect, Meets, behind_line_end, is_line_end};
use super::error::Position;
use super::index::Lines;
use super::problem::RowProblem;
use super::recover;

/// Where the fields of a record are.
#[derive(Default)]
pub(crate) struct Fields {
    places: Vec<Place>,
    /// Fields that do not stand in the record as they are.
    written: Vec<u8>,
    /// Where those of plain lines are.
    pub(crate) lines: Lines,
}

#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    is_written: bool,
}

impl Fields {
    pub(crate) fn clear(&mut self) {
        self.places.clear();
        self.written.clear();
    }

    /// Adds a field that stands in the bytes as it is.
    pub(crate) fn push(&mut self, start: usize, end: usize) {
        self.places.push(Place { start, end, is_written: false });
    }

    /// Adds the quoted content between two indexes, and what follows its closing quote as it is.
    pub(crate) fn push_quoted(
        &mut self,
        bytes: &[u8],
        (start, end): (usize, usize),
        behind: &[u8],
        dialect: Dialect,
    ) {
        let content = &bytes[start..end];
        let is_plain = matches!(dialect.inside(content, 0), Meets::Nothing);
        if is_plain && behind.is_empty() {
            return self.push(start, end);
        }
        let from = self.written.len();
        let mut at = 0;
        loop {
            let hit = match dialect.inside(content, at) {
                Meets::Nothing => break,
                // The second of two quotes goes, and any other stays.
                Meets::Quote(hit) if content.get(hit + 1) == content.get(hit) => hit + 1,
                Meets::Quote(hit) => {
                    self.written.extend_from_slice(&content[at..=hit]);
                    at = hit + 1;
                    continue;
                }
                Meets::Escape(hit) => {
                    self.written.extend_from_slice(&content[at..hit]);
                    let escaped = content.get(hit + 1);
                    self.written.extend(escaped);
                    at = (hit + 2).min(content.len());
                    continue;
                }
            };
            self.written.extend_from_slice(&content[at..hit]);
            at = hit + 1;
        }
        self.written.extend_from_slice(&content[at..]);
        self.written.extend_from_slice(behind);
        self.places.push(Place { start: from, end: self.written.len(), is_written: true });
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// True if there are so many, or more of which the last are empty: delimiters at the end.
    pub(crate) fn fit(&self, width: usize) -> bool {
        let more = self.places.get(width..);
        more.is_some_and(|more| more.iter().all(|place| place.start == place.end))
    }

    /// True if the last field is beyond so many, and not empty.
    pub(crate) fn exceed(&self, width: usize) -> bool {
        self.len() > width && self.places.last().is_some_and(|place| place.start < place.end)
    }

    /// Forgets the fields behind the first `length`.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.places.truncate(length);
    }
}

/// The fields of one record.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'a> {
    bytes: &'a [u8],
    places: Places<'a>,
}

#[derive(Clone, Copy)]
enum Places<'a> {
    Of(&'a Fields),
    /// Each field is between two of these; one more than the first mark is where the first starts.
    Between(&'a [u32]),
}

impl<'a> Cells<'a> {
    pub(crate) fn new(bytes: &'a [u8], fields: &'a Fields) -> Cells<'a> {
        Cells { bytes, places: Places::Of(fields) }
    }

    pub(crate) fn len(self) -> usize {
        match self.places {
            Places::Of(fields) => fields.len(),
            Places::Between(marks) => marks.len() - 1,
        }
    }

    pub(crate) fn get(self, index: usize) -> Option<&'a [u8]> {
        match self.places {
            Places::Of(fields) => fields.places.get(index).map(|place| self.at(fields, *place)),
            Places::Between(marks) => {
                let [before, end] = *marks.get(index..)?.first_chunk()?;
                self.bytes.get(before.wrapping_add(1) as usize..end as usize)
            }
        }
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).map_while(move |index| self.get(index))
    }

    /// True if a field that is not quoted has a quote in it.
    fn has_bare_quote(self, dialect: Dialect) -> bool {
        let (Some(quote), Places::Of(fields)) = (dialect.quote, self.places) else { return false };
        fields.places.iter().filter(|place| !place.is_written).any(|place| {
            let before = place.start.checked_sub(1).and_then(|before| self.bytes.get(before));
            !dialect.opens(before) && memchr::memchr(quote, self.at(fields, *place)).is_some()
        })
    }

    fn at(self, fields: &'a Fields, place: Place) -> &'a [u8] {
        match place.is_written {
            true => &fields.written[place.start..place.end],
            false => &self.bytes[place.start..place.end],
        }
    }
}

/// One record and what is known of it before any field is looked at.
pub(crate) struct Record<'a> {
    pub(crate) fields: Cells<'a>,
    pub(crate) position: Position,
    /// Set where the row cannot be used, or was only read with a second look.
    pub(crate) problem: Option<RowProblem>,
}

/// Calls `each` for every row of the chunk, in order.
pub(crate) fn records(
    chunk: &Chunk,
    dialect: Dialect,
    width: Option<usize>,
    fields: &mut Fields,
    mut each: impl FnMut(Record<'_>),
) {
    let bytes = &chunk.bytes[..];
    fields.lines.clear();
    let mut position = chunk.start;
    let mut at = 0;
    let mut row = |position: &mut Position, cells: Cells<'_>, problem| {
        position.row += 1;
        each(Record { fields: cells, position: *position, problem });
    };
    let ends = chunk.damaged.iter().map(|(record, damage)| (record.clone(), Some(*damage)));
    for (record, damage) in ends.chain([(bytes.len()..bytes.len(), None)]) {
        while at < record.start {
            let end = behind_line_end(bytes, at);
            if end > at {
                position.byte += (end - at) as u64;
                position.line += 1;
                at = end;
                continue;
            }
            let lines = &bytes[..record.start];
            let plain = fields.lines.plain(bytes, at, dialect);
            let (content_end, has_quotes) = match plain {
                Some(line) => {
                    let places = Places::Between(line.marks);
                    row(&mut position, Cells { bytes: &bytes[line.base..], places }, None);
                    (line.end, false)
                }
                None => {
                    let (end, has_quotes) = split(lines, at, dialect, fields);
                    if !is_no_row(&lines[at..end], chunk.no_row, position.byte == 0) {
                        let cells = Cells::new(bytes, fields);
                        let is_odd = width != Some(cells.len()) && cells.has_bare_quote(dialect);
                        row(&mut position, cells, is_odd.then_some(RowProblem::QuoteRecovered));
                    }
                    (end, has_quotes)
                }
            };
            let end = behind_line_end(lines, content_end);
            position.byte += (end - at) as u64;
            position.line += match has_quotes {
                true => line_ends(&lines[at..end]),
                false => u64::from(end > content_end),
            };
            at = end;
        }
        let problem = match damage {
            None => break,
            Some(Damage::TooLarge) => RowProblem::RecordTooLarge,
            Some(Damage::GivenUp) => RowProblem::QuoteError,
            Some(Damage::Recovered(_)) => RowProblem::QuoteRecovered,
        };
        fields.clear();
        let mut end = record.end;
        while end > record.start && is_line_end(bytes[end - 1]) {
            end -= 1;
        }
        match damage {
            Some(Damage::Recovered(reading)) => {
                recover::split(&bytes[..end], record.start, dialect, width, reading, fields);
            }
            Some(Damage::GivenUp) => {
                recover::read_line(&bytes[..end], record.start, dialect, None, fields);
            }
            _ => {}
        }
        row(&mut position, Cells::new(bytes, fields), Some(problem));
        position.byte += record.len() as u64;
        position.line += line_ends(&bytes[record.clone()]);
        at = record.end;
    }
}

/// Calls `each` for every record of a sample, until it says no. A quote that does not close within
/// a few lines costs its own: what is found out from a sample must not hang on one quote.
pub(crate) fn each_record(bytes: &[u8], dialect: Dialect, mut each: impl FnMut(Cells<'_>) -> bool) {
    let mut fields = Fields::default();
    let mut at = 0;
    while at < bytes.len() {
        let end = split_sample(bytes, at, dialect, &mut fields);
        if end > at && !each(Cells::new(bytes, &fields)) {
            return;
        }
        at = behind_line_end(bytes, end).max(at + 1);
    }
}

/// Splits the record of a sample that starts at `at`; gives the index behind its content.
pub(crate) fn split_sample(
    bytes: &[u8],
    at: usize,
    dialect: Dialect,
    fields: &mut Fields,
) -> usize {
    const LINES_MAX: u64 = 20;
    let (end, has_quotes) = split(bytes, at, dialect, fields);
    let line = memchr::memchr2(b'\n', b'\r', &bytes[at..end]).map(|line| at + line);
    let is_lost = has_quotes && end == bytes.len() && line.is_some();
    match line {
        Some(line) if is_lost || line_ends(&bytes[at..end]) > LINES_MAX => {
            recover::read_line(&bytes[..line], at, dialect, None, fields);
            line
        }
        _ => end,
    }
}

/// Splits the record that starts at `at`; gives the index behind its content, and whether any
/// field was quoted.
pub(crate) fn split(
    bytes: &[u8],
    mut at: usize,
    dialect: Dialect,
    fields: &mut Fields,
) -> (usize, bool) {
    fields.clear();
    let mut has_quotes = false;
    loop {
        let end = match dialect.opens(bytes.get(at)) {
            false => {
                let end = dialect.field_end(bytes, at);
                fields.push(at, end);
                end
            }
            true => {
                has_quotes = true;
                let (close, is_plain) = closing(bytes, at + 1, dialect);
                let behind = (close + 1).min(bytes.len());
                // The csv crate takes what follows as it is, up to the next delimiter.
                let end = dialect.field_end(bytes, behind);
                match is_plain && behind == end {
                    true => fields.push(at + 1, close),
                    false => {
                        fields.push_quoted(bytes, (at + 1, close), &bytes[behind..end], dialect);
                    }
                }
                end
            }
        };
        match bytes.get(end) {
            Some(byte) if *byte == dialect.delimiter => at = end + 1,
            _ => return (end, has_quotes),
        }
    }
}

/// Where the quote stands that ends what starts at `at`, the end if there is none; and whether all
/// before it stands for itself.
pub(super) fn closing(bytes: &[u8], mut at: usize, dialect: Dialect) -> (usize, bool) {
    let mut is_plain = true;
    loop {
        match dialect.inside(bytes, at) {
            Meets::Nothing => return (bytes.len(), is_plain),
            Meets::Quote(quote) if !dialect.is_pair(bytes, quote) => return (quote, is_plain),
            Meets::Quote(hit) | Meets::Escape(hit) => (at, is_plain) = (hit + 2, false),
        }
    }
}

/// True for a line that is no row: what old programs leave behind the last line, NULs or an
/// end-of-file mark; and a pair of these quotes, if any.
pub(crate) fn is_no_row(content: &[u8], pair: Option<u8>, is_first: bool) -> bool {
    match content {
        [first, second] if first == second && pair == Some(*first) => true,
        _ => !is_first && content.iter().all(|byte| matches!(byte, 0 | 0x1a)),
    }
}

/// The UTF-8 byte order mark.
pub(crate) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_is_split_as_the_csv_crate_reads_it(
            bytes in "[\"\\\\,a\n\r]{1,16}",
            escape in proptest::option::of(Just(b'\\')),
        ) {
            let dialect = Dialect { escape, ..Dialect::default() };
            let bytes = bytes.trim_start_matches(['\r', '\n']).as_bytes();
            let mut fields = Fields::default();
            let (end, _) = split(bytes, 0, dialect, &mut fields);
            let ours: Vec<&[u8]> = Cells::new(bytes, &fields).iter().collect();
            let mut builder = csv::ReaderBuilder::new();
            let mut reader = builder
                .escape(escape)
                .double_quote(escape.is_none())
                .has_headers(false)
                .from_reader(bytes);
            let mut record = csv::ByteRecord::new();
            let is_there = reader.read_byte_record(&mut record).unwrap();
            prop_assert_eq!(is_there, !bytes.is_empty());
            if is_there {
                prop_assert_eq!(ours, record.iter().collect::<Vec<_>>());
                prop_assert!(reader.position().byte() as usize <= behind_line_end(bytes, end));
            }
        }
    }
}
