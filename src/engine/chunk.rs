//! Bytes -> chunks that end at a record.
//!
//! In: any reader, the dialect, the limits. Out: [`Chunk`]s of about the wanted size, each with
//! the number of its rows and the place where it starts. Cutting follows the quotes exactly as
//! the `csv` crate reads them: a quote opens a field only at the field's start, a doubled quote
//! stays inside, anything may follow a closing quote. Records end at LF, CRLF or CR outside
//! quotes; a line of zero bytes is no record.
//!
//! A quote that is not closed within the longest record, or before the end of the input, costs
//! its own physical line at most: the line is handed on as damaged, and reading goes on behind
//! it. A physical line over the limit is skipped and counted as one row. Each byte is looked at
//! a bounded number of times, whatever the input.

use super::error::{Error, Position};
use super::tally::Tally;
use crossbeam_channel::Receiver;
use memchr::{memchr, memchr_iter, memchr2, memchr3};
use std::io::{self, Read};

/// The quote character. Other quotes are the dialect's matter, later.
pub(crate) const QUOTE: u8 = b'"';

/// Whole records, and where they stand in the input.
pub(crate) struct Chunk {
    /// The records' bytes, blank lines between them included.
    pub(crate) bytes: Vec<u8>,
    /// The place of the first byte; `row` counts the rows before it.
    pub(crate) start: Position,
    /// Data rows, a damaged one included.
    pub(crate) rows: u64,
    /// What is wrong with the last row, if it is.
    pub(crate) damage: Option<Damage>,
}

/// A row that is not what its quotes or its length promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The physical line from this index to the chunk's end opens a quote that is never closed.
    Unclosed(usize),
    /// A line over the limit stood behind the chunk's last byte; it was skipped.
    TooLarge,
}

/// How far the cutter got.
enum Step {
    /// A record ended; the next one starts at `record_start`.
    Record,
    /// A blank line ended.
    Blank,
    /// The buffer has no whole record any more.
    More,
    /// The record is longer than allowed, or a quote is still open at the end of the input.
    Over,
    /// The input is used up.
    Done,
}

/// The limits and sizes of cutting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) chunk_bytes: usize,
    pub(crate) read_bytes: usize,
    pub(crate) record_bytes_max: usize,
}

/// Cuts what a reader gives into chunks.
pub(crate) struct Cutter {
    reader: Box<dyn Read + Send>,
    delimiter: u8,
    sizes: Sizes,
    tally: Tally,
    /// Buffers that workers have finished with.
    spare: Option<Receiver<Vec<u8>>>,
    buffer: Vec<u8>,
    /// The place of the buffer's first byte.
    origin: Position,
    /// The first byte of the record that is being looked at; all before it is whole.
    record_start: usize,
    /// All before it has been looked at.
    scanned: usize,
    in_quotes: bool,
    rows: u64,
    is_at_end: bool,
    is_skipping: bool,
    failure: Option<io::Error>,
}

impl Cutter {
    pub(crate) fn new(reader: Box<dyn Read + Send>, sizes: Sizes, tally: Tally) -> Cutter {
        Cutter {
            reader,
            delimiter: b',',
            sizes,
            tally,
            spare: None,
            buffer: Vec::new(),
            origin: Position { byte: 0, line: 1, row: 0 },
            record_start: 0,
            scanned: 0,
            in_quotes: false,
            rows: 0,
            is_at_end: false,
            is_skipping: false,
            failure: None,
        }
    }

    pub(crate) fn set_delimiter(&mut self, delimiter: u8) {
        self.delimiter = delimiter;
    }

    pub(crate) fn set_spare(&mut self, spare: Receiver<Vec<u8>>) {
        self.spare = Some(spare);
    }

    /// The counters of the run that this cutter feeds.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The place of the first byte not yet handed on.
    pub(crate) fn place(&self) -> Position {
        self.origin
    }

    /// Everything read and not yet handed on.
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads until at least `bytes` are buffered or the input ends.
    pub(crate) fn buffer_at_least(&mut self, bytes: usize) -> Result<&[u8], Error> {
        while self.buffer.len() < bytes && !self.is_at_end {
            self.fill();
            self.check()?;
        }
        Ok(&self.buffer)
    }

    /// Drops `bytes` from the front, which must be no part of a record (a byte order mark).
    pub(crate) fn drop_front(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
        self.origin.byte += bytes as u64;
    }

    /// The first record, blank lines before it left out; `None` if there is none. It stays in
    /// the buffer until [`Cutter::pass`]. `Err(None)`: it is longer than `bytes_max`.
    pub(crate) fn peek(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, Option<Error>> {
        let record_bytes_max = std::mem::replace(&mut self.sizes.record_bytes_max, bytes_max);
        let peeked = self.find_first();
        self.sizes.record_bytes_max = record_bytes_max;
        peeked
    }

    fn find_first(&mut self) -> Result<Option<Vec<u8>>, Option<Error>> {
        let mut start = 0;
        loop {
            match self.step() {
                Step::Record => return Ok(Some(self.buffer[start..self.record_start].to_vec())),
                Step::Blank => start = self.record_start,
                Step::More => {
                    self.fill();
                    self.check().map_err(Some)?;
                }
                Step::Done => return Ok(None),
                Step::Over => match self.first_line_end() {
                    LineEnd::At(end) => {
                        self.resume(end);
                        return Ok(Some(self.buffer[start..end].to_vec()));
                    }
                    LineEnd::Unknown => {
                        self.fill();
                        self.check().map_err(Some)?;
                    }
                    LineEnd::TooFar => return Err(None),
                },
            }
        }
    }

    /// Leaves the peeked record behind: it was the header.
    pub(crate) fn pass(&mut self) {
        let end = self.record_start;
        self.origin.line += line_ends(&self.buffer[..end]);
        self.origin.byte += end as u64;
        self.buffer.drain(..end);
        self.resume(0);
    }

    /// Goes back to the front: the peeked record was a row.
    pub(crate) fn rewind(&mut self) {
        self.resume(0);
    }

    /// The next chunk; `None` at the end of the input. Records that were read before the reader
    /// failed come before its error.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, Error> {
        if self.is_skipping {
            self.skip_line()?;
        }
        loop {
            match self.step() {
                Step::Record => {
                    self.rows += 1;
                    if self.record_start >= self.sizes.chunk_bytes {
                        return Ok(Some(self.emit(None)));
                    }
                }
                Step::Blank => {}
                Step::More => {
                    if self.record_start > 0
                        && (self.buffer.len() >= self.sizes.chunk_bytes || self.failure.is_some())
                    {
                        return Ok(Some(self.emit(None)));
                    }
                    self.check()?;
                    self.fill();
                }
                Step::Done if self.record_start == 0 => return Ok(None),
                Step::Done => return Ok(Some(self.emit(None))),
                Step::Over => match self.first_line_end() {
                    LineEnd::At(end) => {
                        let start = self.record_start;
                        self.resume(end);
                        self.rows += 1;
                        return Ok(Some(self.emit(Some(Damage::Unclosed(start)))));
                    }
                    LineEnd::Unknown => {
                        self.check()?;
                        self.fill();
                    }
                    LineEnd::TooFar => {
                        self.rows += 1;
                        self.is_skipping = true;
                        return Ok(Some(self.emit(Some(Damage::TooLarge))));
                    }
                },
            }
        }
    }

    /// Looks at bytes until a record ends or something stands in the way.
    fn step(&mut self) -> Step {
        loop {
            if self.scanned - self.record_start > self.sizes.record_bytes_max {
                return Step::Over;
            }
            let rest = &self.buffer[self.scanned..];
            let hit = match self.in_quotes {
                true => memchr(QUOTE, rest),
                false => memchr3(QUOTE, b'\n', b'\r', rest),
            };
            let Some(at) = hit.map(|hit| self.scanned + hit) else {
                self.scanned = self.buffer.len();
                return self.starved();
            };
            let next = self.buffer.get(at + 1).copied();
            let is_known = next.is_some() || self.is_at_end;
            match self.buffer[at] {
                QUOTE if self.in_quotes && !is_known => {
                    self.scanned = at;
                    return self.starved();
                }
                QUOTE if self.in_quotes && next == Some(QUOTE) => self.scanned = at + 2,
                QUOTE if self.in_quotes => {
                    self.in_quotes = false;
                    self.scanned = at + 1;
                }
                QUOTE => {
                    self.in_quotes =
                        at == self.record_start || self.buffer[at - 1] == self.delimiter;
                    self.scanned = at + 1;
                }
                b'\r' if !is_known => {
                    self.scanned = at;
                    return self.starved();
                }
                b'\r' if next == Some(b'\n') => return self.line(at, at + 2),
                _ => return self.line(at, at + 1),
            }
        }
    }

    /// A line whose content ends at `content_end`, outside quotes.
    fn line(&mut self, content_end: usize, end: usize) -> Step {
        let content_bytes = content_end - self.record_start;
        if content_bytes > self.sizes.record_bytes_max {
            return Step::Over;
        }
        self.resume(end);
        if content_bytes == 0 { Step::Blank } else { Step::Record }
    }

    /// All of the buffer has been looked at.
    fn starved(&mut self) -> Step {
        if self.scanned - self.record_start > self.sizes.record_bytes_max {
            Step::Over
        } else if !self.is_at_end {
            Step::More
        } else if self.record_start == self.buffer.len() {
            Step::Done
        } else if self.in_quotes {
            Step::Over
        } else {
            self.line(self.buffer.len(), self.buffer.len())
        }
    }

    /// Where the physical line at `record_start` ends.
    fn first_line_end(&self) -> LineEnd {
        let rest = &self.buffer[self.record_start..];
        let window = &rest[..rest.len().min(self.sizes.record_bytes_max + 1)];
        match memchr2(b'\n', b'\r', window) {
            Some(at) => match (rest[at], rest.get(at + 1)) {
                (b'\r', Some(b'\n')) => LineEnd::At(self.record_start + at + 2),
                (b'\r', None) if !self.is_at_end => LineEnd::Unknown,
                _ => LineEnd::At(self.record_start + at + 1),
            },
            None if rest.len() <= self.sizes.record_bytes_max => LineEnd::At(self.buffer.len()),
            None => LineEnd::TooFar,
        }
    }

    /// Drops the rest of a line that is too long, without keeping it.
    fn skip_line(&mut self) -> Result<(), Error> {
        loop {
            let hit = memchr2(b'\n', b'\r', &self.buffer);
            let end = match hit.map(|at| (self.buffer[at], self.buffer.get(at + 1), at)) {
                Some((b'\r', Some(b'\n'), at)) => Some(at + 2),
                Some((b'\r', None, at)) if !self.is_at_end => {
                    self.drop_front(at);
                    None
                }
                Some((_, _, at)) => Some(at + 1),
                None => {
                    self.drop_front(self.buffer.len());
                    None
                }
            };
            if let Some(end) = end {
                self.origin.line += 1;
                self.drop_front(end);
            }
            if end.is_some() || self.is_at_end {
                self.is_skipping = false;
                self.resume(0);
                return Ok(());
            }
            self.check()?;
            self.fill();
        }
    }

    fn resume(&mut self, at: usize) {
        self.record_start = at;
        self.scanned = at;
        self.in_quotes = false;
    }

    /// Hands on everything before `record_start` and keeps the rest.
    fn emit(&mut self, damage: Option<Damage>) -> Chunk {
        let end = self.record_start;
        let spare = self.spare.as_ref().and_then(|spare| spare.try_recv().ok());
        let mut rest = spare.unwrap_or_default();
        rest.clear();
        rest.extend_from_slice(&self.buffer[end..]);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(end);
        let chunk = Chunk { start: self.origin, rows: self.rows, damage, bytes };
        self.origin.byte += end as u64;
        self.origin.line += line_ends(&chunk.bytes);
        self.origin.row += self.rows;
        self.rows = 0;
        self.record_start = 0;
        self.scanned -= end;
        chunk
    }

    /// Reads once. A failure is kept until all whole records are handed on.
    fn fill(&mut self) {
        let filled = self.buffer.len();
        self.buffer.resize(filled + self.sizes.read_bytes, 0);
        let read = loop {
            match self.reader.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match read {
            Ok(bytes) => {
                self.buffer.truncate(filled + bytes.min(self.sizes.read_bytes));
                self.is_at_end = bytes == 0;
                self.tally.read(bytes as u64);
            }
            Err(error) => {
                self.buffer.truncate(filled);
                self.failure = Some(error);
            }
        }
    }

    fn check(&mut self) -> Result<(), Error> {
        match self.failure.take() {
            None => Ok(()),
            Some(error) => {
                let position = Position {
                    byte: self.origin.byte + self.buffer.len() as u64,
                    line: self.origin.line + line_ends(&self.buffer),
                    row: self.origin.row + self.rows,
                };
                self.is_at_end = true;
                self.buffer.clear();
                self.resume(0);
                Err(Error::read(error, position))
            }
        }
    }
}

enum LineEnd {
    /// The line ends before this index.
    At(usize),
    /// The next byte decides whether it is CR or CRLF.
    Unknown,
    /// Not within the longest record.
    TooFar,
}

/// How many line ends there are: CR, LF and CRLF each count once.
pub(crate) fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let lone = |&at: &usize| bytes.get(at + 1) != Some(&b'\n');
    let returns = memchr_iter(b'\r', bytes).filter(lone).count();
    (feeds + returns) as u64
}
