//! Bytes -> chunks that end at a record.
//!
//! In: any reader, the dialect, the limits. Out: [`Chunk`]s of about the wanted size, each with
//! the number of its rows and the place where it starts. Records end at LF, CRLF or CR outside
//! quotes, see `chunk/scan.rs`; a line of zero bytes is no record. A record whose quotes do not add
//! up costs its own physical line at most, see `recover.rs`; it is handed on as damaged. A physical
//! line over the limit is one damaged row; it is never kept as a whole.

mod buffer;
mod plain;
mod scan;

use super::checkpoint::Checkpoint;
use super::dialect::{Dialect, behind_line_end, is_line_end};
use super::error::{Error, ErrorKind, Position};
use super::pool::Pool;
use super::recover::Reading;
use super::tally::Tally;
pub(crate) use buffer::Buffer;
use memchr::{memchr_iter, memchr2};
use plain::Patience;
use scan::{LineEnd, Recovery, Scanner, Step};
use std::io::{self, Read};
use std::ops::Range;

/// Whole records, and where they stand in the input.
pub(crate) struct Chunk {
    /// The records' bytes, blank lines between them included.
    pub(crate) bytes: Buffer,
    /// The place of the first byte; `row` counts the rows before it.
    pub(crate) start: Position,
    /// The place of the next chunk.
    pub(crate) end: Checkpoint,
    /// Data rows, damaged ones included.
    pub(crate) rows: u64,
    /// A line with nothing but two of these is no row.
    pub(crate) no_row: Option<u8>,
    /// The records among `bytes` that are damaged, in order.
    pub(crate) damaged: Vec<(Range<usize>, Damage)>,
}

/// How a row is not what its quotes or its length promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Its quotes do not add up; it is to be read like this.
    Recovered(Reading),
    /// Its quotes do not add up in any reading that fits the header.
    GivenUp,
    /// The line is over the limit; its bytes may be missing.
    TooLarge,
}

/// The limits and sizes of cutting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) chunk_bytes: usize,
    /// No chunk has rows on both sides of a multiple of it.
    pub(crate) chunk_rows: u64,
    pub(crate) read_bytes: usize,
    pub(crate) record_bytes_max: usize,
}

/// Rows of a chunk at most: a table grows with its rows, however short they are.
const CHUNK_ROWS_MAX: u64 = 16_384;

/// Cuts what a reader gives into chunks.
pub(crate) struct Cutter {
    reader: Box<dyn Read + Send>,
    sizes: Sizes,
    tally: Tally,
    /// Buffers that workers have finished with.
    pool: Pool<Buffer>,
    buffer: Buffer,
    /// The place of the buffer's first byte.
    origin: Position,
    scanner: Scanner,
    /// What the scanner's width is once the first record is behind.
    width: Option<usize>,
    rows: u64,
    /// Line ends in so many bytes of the buffer.
    lines: u64,
    counted: usize,
    damaged: Vec<(Range<usize>, Damage)>,
    is_at_end: bool,
    is_skipping: bool,
    failure: Option<io::Error>,
    patience: Patience,
    /// Looks at each record alone.
    #[cfg(test)]
    pub(crate) is_stepwise: bool,
}

impl Cutter {
    pub(crate) fn new(reader: Box<dyn Read + Send>, sizes: Sizes, tally: Tally) -> Cutter {
        Cutter {
            reader,
            sizes,
            tally,
            pool: Pool::new(0),
            buffer: Buffer::default(),
            origin: Position { byte: 0, line: 1, row: 0 },
            scanner: Scanner::new(Dialect::default(), sizes.record_bytes_max),
            width: None,
            rows: 0,
            lines: 0,
            counted: 0,
            damaged: Vec::new(),
            is_at_end: false,
            is_skipping: false,
            failure: None,
            patience: Patience::default(),
            #[cfg(test)]
            is_stepwise: false,
        }
    }

    pub(crate) fn set_dialect(&mut self, dialect: Dialect) {
        self.scanner.dialect = dialect;
    }

    /// Passes over lines with nothing but two quotes, as the `csv` crate's own tests have it of
    /// lists without a header. Where there is one they are rows with an empty cell.
    pub(crate) fn pass_over_pairs(&mut self) {
        self.scanner.no_row = self.scanner.dialect.quote;
    }

    /// How many fields records have, unless they are ragged. `holds_first`: the first record is
    /// held to that too, rather than to nothing.
    pub(crate) fn set_width(&mut self, width: usize, holds_first: bool) {
        self.width = Some(width);
        if holds_first {
            self.scanner.width = self.width;
        }
    }

    pub(super) fn set_pool(&mut self, pool: Pool<Buffer>) {
        self.pool = pool;
    }

    /// The counters of the run that this cutter feeds.
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The place of the first byte not yet handed on.
    pub(crate) fn place(&self) -> Position {
        self.origin
    }

    /// The place of the first byte, if not 0.
    pub(crate) fn start_at(&mut self, byte: usize) {
        self.origin.byte = byte as u64;
        self.scanner.origin = self.origin.byte;
    }

    /// Reads on for about `bytes`, keeping none of them: the reader's error, if it has one.
    pub(crate) fn drain(&mut self, bytes: usize) -> Option<Error> {
        let mut drained = 0;
        while drained < bytes && !self.is_at_end {
            drained += self.buffer.len();
            self.drop_front(self.buffer.len());
            if let Err(error) = self.read_on() {
                return Some(error);
            }
        }
        None
    }

    /// Leaves physical lines behind, without keeping them.
    pub(crate) fn skip_lines(&mut self, lines: u64) -> Result<(), Error> {
        for _ in 0..lines {
            self.skip_line()?;
        }
        Ok(())
    }

    /// Up to `bytes` of what is at the front, to be looked at. A failing reader fails later.
    pub(crate) fn sample(&mut self, bytes: usize) -> &[u8] {
        while self.buffer.len() < bytes && !self.is_at_end && self.failure.is_none() {
            self.fill();
        }
        &self.buffer[..self.buffer.len().min(bytes)]
    }

    /// Drops `bytes` from the front, which must be no part of a record: a byte order mark, blank
    /// lines, the header.
    pub(crate) fn drop_front(&mut self, bytes: usize) {
        self.origin.line += line_ends(&self.buffer[..bytes]);
        self.origin.byte += bytes as u64;
        self.buffer.drop_front(bytes);
        self.scanner.origin = self.origin.byte;
        self.scanner.resume(0);
    }

    /// Leaves blank lines behind, without keeping them.
    pub(crate) fn skip_blank_lines(&mut self) -> Result<(), Error> {
        loop {
            let blank = self.buffer.iter().take_while(|byte| is_line_end(**byte)).count();
            let is_all = blank == self.buffer.len();
            // A CR at the end may be half of a line end.
            let half = usize::from(is_all && !self.is_at_end && self.buffer.ends_with(b"\r"));
            self.drop_front(blank - half);
            if !is_all || self.is_at_end {
                return Ok(());
            }
            self.read_on()?;
        }
    }

    /// The record at the front, which must not be blank; `None` if there is none. It stays in the
    /// buffer: see [`Cutter::drop_front`]. With it the word that its quotes do not add up.
    /// `Err(None)`: it is longer than `bytes_max`.
    pub(crate) fn first_record(
        &mut self,
        bytes_max: usize,
    ) -> Result<Option<(Vec<u8>, bool)>, Option<Error>> {
        let mut scanner = Scanner::new(self.scanner.dialect, bytes_max);
        let mut is_damaged = false;
        loop {
            let end = match scanner.step(&self.buffer, self.is_at_end) {
                Step::Record | Step::Blank => Some(scanner.record_start),
                Step::Done => return Ok(None),
                Step::More => None,
                Step::Damaged => match scanner.first_line_end(&self.buffer, self.is_at_end) {
                    LineEnd::Within(end) => {
                        is_damaged = true;
                        Some(behind_line_end(&self.buffer, end))
                    }
                    LineEnd::Unknown => None,
                    LineEnd::Beyond(_) | LineEnd::NotYet => return Err(None),
                },
            };
            match end {
                Some(end) => return Ok(Some((self.buffer[..end].to_vec(), is_damaged))),
                None => self.read_on().map_err(Some)?,
            }
        }
    }

    /// The next chunk; `None` at the end of the input. Records that were read before the reader
    /// failed come before its error.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<Chunk>, Error> {
        if self.is_skipping {
            self.skip_line()?;
        }
        loop {
            let is_starved = match self.step() {
                Step::Record => {
                    self.count_rows(1);
                    false
                }
                Step::Blank => false,
                Step::More => true,
                Step::Done if self.scanner.record_start == 0 => return Ok(None),
                Step::Done => return Ok(Some(self.emit())),
                Step::Damaged => match self.recover() {
                    None => true,
                    Some(()) if self.is_skipping => return Ok(Some(self.emit())),
                    Some(()) => false,
                },
            };
            let whole = self.scanner.record_start;
            let is_multiple = (self.origin.row + self.rows).is_multiple_of(self.sizes.chunk_rows);
            let is_full = self.rows >= CHUNK_ROWS_MAX || (is_multiple && self.rows > 0);
            if whole >= self.sizes.chunk_bytes || is_full {
                return Ok(Some(self.emit()));
            }
            if is_starved {
                // What is kept is copied: it must not be more than what is handed on.
                let is_large = self.buffer.len() >= self.sizes.chunk_bytes;
                let is_worth_it = is_large && whole >= self.buffer.len() - whole;
                if whole > 0 && (is_worth_it || self.failure.is_some()) {
                    return Ok(Some(self.emit()));
                }
                self.check()?;
                self.fill();
            }
        }
    }

    /// Counts the damaged record as one row; `None` if more bytes are needed to know where it ends.
    fn recover(&mut self) -> Option<()> {
        let start = self.scanner.record_start;
        match self.scanner.recover(&self.buffer, self.is_at_end) {
            Recovery::Ends(end, damage) => {
                self.damaged.push((start..end, damage));
                self.scanner.resume(end);
            }
            Recovery::Ragged(end) => self.scanner.resume(end),
            Recovery::Skip => {
                self.damaged.push((start..start, Damage::TooLarge));
                self.scanner.resume(start);
                self.is_skipping = true;
            }
            Recovery::More => return None,
        }
        self.count_rows(1);
        Some(())
    }

    fn count_rows(&mut self, rows: u64) {
        self.rows += rows;
        if rows > 0 {
            self.scanner.width = self.width;
        }
    }

    /// Drops the rest of a line that is too long, without keeping it.
    fn skip_line(&mut self) -> Result<(), Error> {
        loop {
            let hit = memchr2(b'\n', b'\r', &self.buffer);
            let end = match hit.map(|at| (self.buffer[at], self.buffer.get(at + 1), at)) {
                Some((b'\r', Some(b'\n'), at)) => Some(at + 2),
                // Half of a line end, perhaps.
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
                self.drop_front(end);
            }
            if end.is_some() || self.is_at_end {
                self.is_skipping = false;
                return Ok(());
            }
            self.read_on()?;
        }
    }

    /// Hands on everything before the record that is being looked at and keeps the rest.
    fn emit(&mut self) -> Chunk {
        let end = self.scanner.record_start;
        let mut rest = self.pool.take();
        rest.replace(&self.buffer[end..]);
        self.scanner.shift(end);
        let mut bytes = std::mem::replace(&mut self.buffer, rest);
        bytes.truncate(end);
        let damaged = std::mem::take(&mut self.damaged);
        let no_row = self.scanner.no_row;
        let (start, rows) = (self.origin, self.rows);
        self.origin.byte += end as u64;
        self.origin.line += self.lines + line_ends(&bytes[self.counted..]);
        self.origin.row += self.rows;
        (self.rows, self.lines, self.counted) = (0, 0, 0);
        Chunk { start, end: self.checkpoint(), rows, no_row, damaged, bytes }
    }

    /// Where the next chunk starts.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            position: self.origin,
            sight: self.scanner.sight(),
            is_skipping: self.is_skipping,
        }
    }

    /// Goes to the place of another run over the same input, with a reader of what is from there
    /// on, or by reading on as long as `goes_on` says so; false if it said no.
    pub(crate) fn go_to(
        &mut self,
        place: &Checkpoint,
        rest: Option<Box<dyn Read + Send>>,
        goes_on: impl FnMut() -> bool,
    ) -> Result<bool, Error> {
        match rest {
            Some(rest) => {
                self.reader = rest;
                self.is_at_end = false;
                self.failure = None;
                self.buffer.truncate(0);
            }
            None if self.read_to(place.position.byte, goes_on)? => {}
            None => return Ok(false),
        }
        self.origin = place.position;
        self.scanner.restore(place.position.byte, place.sight);
        self.scanner.width = self.width;
        self.is_skipping = place.is_skipping;
        Ok(true)
    }

    /// Reads on to this byte, keeping nothing before it; false if it is not to go on.
    fn read_to(&mut self, byte: u64, mut goes_on: impl FnMut() -> bool) -> Result<bool, Error> {
        let mut here = self.origin.byte;
        loop {
            let ahead = byte.saturating_sub(here).min(self.buffer.len() as u64);
            self.buffer.drop_front(ahead as usize);
            here += ahead;
            if here >= byte {
                return Ok(true);
            }
            if !goes_on() {
                return Ok(false);
            }
            if self.is_at_end {
                let text = "the input is shorter than it was when it was read before";
                return Err(Error::new(ErrorKind::TruncatedInput, text));
            }
            self.origin.byte = here;
            self.read_on()?;
        }
    }

    /// Reads once, at the front of the input, where there is no row to hand on first.
    fn read_on(&mut self) -> Result<(), Error> {
        self.fill();
        self.check()
    }

    /// Reads once. A failure is kept until all whole records are handed on.
    fn fill(&mut self) {
        match self.buffer.read_from(&mut self.reader, self.sizes.read_bytes) {
            Ok(read) => self.is_at_end = read == 0,
            Err(error) => self.failure = Some(error),
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
                self.buffer.truncate(0);
                self.scanner.resume(0);
                Err(Error::of_reader(error, position))
            }
        }
    }
}

/// How many line ends there are: CR, LF and CRLF each count once.
pub(crate) fn line_ends(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let lone = |&at: &usize| bytes.get(at + 1) != Some(&b'\n');
    let returns = memchr_iter(b'\r', bytes).filter(lone).count();
    (feeds + returns) as u64
}
