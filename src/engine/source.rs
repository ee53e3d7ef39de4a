//! An input whose header has been read: bytes -> text -> dialect and columns.
//!
//! In: any reader. Out: [`Source`], which knows how its list is packed, encoded and written, and
//! which columns it has, and is ready to run. Inputs that cannot be a list are refused, with a word
//! on what they are.

use super::Engine;
use super::charset;
use super::checkpoint::Checkpoint;
use super::chunk::{Cutter, Sizes};
use super::columns::Columns;
use super::dialect::Dialect;
use super::error::{Error, ErrorKind};
use super::options::{Header, Options};
use super::pool::Pool;
use super::record::{BYTE_ORDER_MARK, Cells, Fields};
use super::recover::single;
use super::sniff::{Found, sniff};
use super::tally::Tally;
use super::transport::{self, Limits};
use std::io::Read;
use std::sync::Arc;

/// What was found out about an input before its first row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What it is packed in: `gzip`, `zstd`, `zip`, or nothing.
    pub packing: Option<&'static str>,
    /// The encoding's name (WHATWG). Cells that are not UTF-8 are read as Windows-1252 where their
    /// identifier allows it.
    pub encoding: &'static str,
    /// True if it starts with a byte order mark, which is no part of the header.
    pub has_byte_order_mark: bool,
    /// Delimiter, quote and escape.
    pub dialect: Dialect,
    /// True if there is a header.
    pub has_header: bool,
    /// Physical lines before the header or the first row.
    pub lines_before: u64,
    /// Why, a sentence for each decision; no cell content.
    pub reasons: Vec<String>,
}

/// An input whose header has been read.
pub struct Source {
    pub(super) engine: Engine,
    pub(super) cutter: Cutter,
    pub(super) columns: Arc<Columns>,
    scan: Scan,
}

impl Source {
    pub(super) fn open(engine: Engine, reader: Box<dyn Read + Send>) -> Result<Source, Error> {
        let options = engine.options();
        let tally = Tally::default();
        let limits = Limits { ratio_max: options.ratio_max };
        let unpacked = transport::open(reader, tally.clone(), limits)?;
        // A list without a header, and said so, is taken as it stands.
        let detects = options.header != Header::No;
        let decoded = charset::open(unpacked.reader, options.encoding, detects)?;
        let sizes = Sizes {
            chunk_bytes: options.chunk_bytes,
            chunk_rows: options.chunk_rows,
            read_bytes: options.read_bytes,
            record_bytes_max: options.record_bytes_max,
        };
        let mut cutter = Cutter::new(decoded.reader, sizes, tally);
        let is_utf_8 = decoded.name == "UTF-8";
        cutter.start_at(if is_utf_8 { decoded.mark_bytes } else { 0 });
        let mut has_byte_order_mark = decoded.mark_bytes > 0;
        // Some programs put a mark before a file that has one.
        while cutter.sample(BYTE_ORDER_MARK.len()) == BYTE_ORDER_MARK {
            cutter.drop_front(BYTE_ORDER_MARK.len());
            has_byte_order_mark = true;
        }
        cutter.skip_lines(options.skipped_lines)?;
        cutter.skip_blank_lines()?;
        let mut found = first_look(&mut cutter, options)?;
        let lines_before = cutter.place().line - 1;
        let columns = read_header(&mut cutter, &mut found, options)?;
        let scan = Scan {
            packing: unpacked.packing,
            encoding: decoded.name,
            has_byte_order_mark,
            dialect: found.dialect,
            has_header: found.is_named,
            lines_before,
            reasons: found.reasons,
        };
        Ok(Source { engine, cutter, columns: Arc::new(columns), scan })
    }

    /// The columns that are used, and why.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// How the input is packed, encoded and written.
    pub fn scan(&self) -> &Scan {
        &self.scan
    }

    /// True if the input's bytes are the list's own: it is not packed, and no other encoding. Only
    /// then a [`Checkpoint`] is a place in the input as well.
    pub fn is_plain(&self) -> bool {
        self.scan.packing.is_none() && self.scan.encoding == "UTF-8"
    }

    /// Goes to a place of an earlier run over the same input under the same options, by reading up
    /// to it. Rows keep their numbers and positions. `goes_on` is asked now and then; false if it
    /// said no: then the source is of no use any more.
    ///
    /// # Errors
    ///
    /// As [`Run::next_batch`](crate::Run::next_batch), or if the input ends before that place.
    pub fn skip_to(
        &mut self,
        place: &Checkpoint,
        goes_on: impl FnMut() -> bool,
    ) -> Result<bool, Error> {
        self.cutter.go_to(place, None, goes_on)
    }

    /// The same, with a reader of the list from that place on: of a [plain](Source::is_plain) file
    /// without what was read already.
    ///
    /// # Errors
    ///
    /// None today; as [`Source::skip_to`].
    pub fn jump_to(
        &mut self,
        place: &Checkpoint,
        rest: impl Read + Send + 'static,
    ) -> Result<(), Error> {
        self.cutter.go_to(place, Some(Box::new(rest)), || true).map(|_| ())
    }

    /// Counts the rows from here on and reads a packed input to its verified end, without looking
    /// at any cell. `goes_on` is asked now and then. The place that was reached, whose `row` counts
    /// the rows before it, and whether it is the end.
    ///
    /// # Errors
    ///
    /// As [`Run::next_batch`](crate::Run::next_batch).
    pub fn count(mut self, mut goes_on: impl FnMut() -> bool) -> Result<(Checkpoint, bool), Error> {
        let pool = Pool::new(1);
        self.cutter.set_pool(pool.clone());
        while let Some(chunk) = self.cutter.next_chunk()? {
            pool.give(chunk.bytes);
            if !goes_on() {
                return Ok((chunk.end, false));
            }
        }
        Ok((self.cutter.checkpoint(), true))
    }

    /// Where the first row may start: the bytes before it are the header's.
    pub fn header_bytes(&self) -> u64 {
        self.cutter.place().byte
    }

    /// The counters of the run to come.
    pub fn tally(&self) -> Tally {
        self.cutter.tally().clone()
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({} columns)", self.columns.width())
    }
}

/// How much of an input decides how it is written.
const SNIFF_BYTES: usize = 64 << 10;

/// So much is unpacked of a file without a line end to tell a bomb.
const BOMB_BYTES: usize = 72 << 20;

/// How much of an input decides what its cells alone leave open.
const SAMPLE_BYTES: usize = 256 << 10;

/// Finds out how the list is written and goes to its header or its first row.
fn first_look(cutter: &mut Cutter, options: &Options) -> Result<Found, Error> {
    let sample = cutter.sample(SNIFF_BYTES);
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x1a;
    if options.header == Header::Auto && sample.len() < SNIFF_BYTES && sample.iter().all(is_blank) {
        return Err(Error::new(ErrorKind::EmptyFile, "the input is empty, or blank"));
    }
    // Who says that there is no header wants what is there counted.
    if options.header != Header::No {
        refuse_other_text(sample)?;
    }
    if options.header == Header::Auto {
        refuse_noise(sample)?;
    }
    let found = sniff(whole_lines(sample, SNIFF_BYTES), options);
    cutter.set_dialect(found.dialect);
    if options.header == Header::No {
        cutter.pass_over_pairs();
    }
    cutter.drop_front(found.skipped_bytes);
    cutter.skip_blank_lines()?;
    Ok(found)
}

/// Reads the header, or of a list without one the number of its columns.
fn read_header(
    cutter: &mut Cutter,
    found: &mut Found,
    options: &Options,
) -> Result<Columns, Error> {
    let bytes_max = options.header_bytes_max;
    let (record, is_damaged) = match cutter.first_record(bytes_max) {
        Ok(Some(record)) => record,
        Ok(None) => return Err(Error::new(ErrorKind::EmptyFile, "the input is empty")),
        Err(Some(error)) => return Err(error),
        // A row that is too large, which costs that row.
        Err(None) if !found.is_named => (cutter.sample(bytes_max).to_vec(), true),
        Err(None) => {
            // What is packed may be worse than that.
            if let Some(error) = cutter.drain(BOMB_BYTES) {
                return Err(error);
            }
            let text = format!(
                "the first record is longer than {bytes_max} bytes; is this a CSV file with a \
                 header?"
            );
            return Err(Error::new(ErrorKind::HeaderTooLarge, text));
        }
    };
    let dialect = found.dialect;
    let mut fields = Fields::default();
    single(&record, dialect, is_damaged, &mut fields);
    let cells = Cells::new(&record, &fields);
    let find = |cutter: &mut Cutter, is_named: bool| {
        let behind = if is_named { record.len() } else { 0 };
        let sample = cutter.sample(behind + SNIFF_BYTES);
        let sample = whole_lines(sample.get(behind..).unwrap_or_default(), SNIFF_BYTES);
        Columns::find(cells, is_named, (sample, dialect), options)
    };
    let mut columns = find(cutter, found.is_named)?;
    if options.header == Header::Auto && found.is_named && columns.is_row(cells) {
        found.is_named = false;
        found.reasons.push("no header: the first line is like the others".to_owned());
        columns = find(cutter, false)?;
    }
    // A list that is said to have no header is held to nothing but its own first record.
    cutter.set_width(columns.width(), options.header != Header::No);
    cutter.drop_front(if found.is_named { record.len() } else { 0 });
    if columns.needs_sample(options) {
        let sample = cutter.sample(SAMPLE_BYTES);
        columns.learn(whole_lines(sample, SAMPLE_BYTES), dialect, options);
    }
    Ok(columns)
}

/// A sample without its last line, which may be cut, unless it is all there is.
fn whole_lines(sample: &[u8], wanted: usize) -> &[u8] {
    match memchr::memrchr2(b'\n', b'\r', sample) {
        Some(end) if sample.len() >= wanted => &sample[..end],
        _ => sample,
    }
}

/// Refuses text that is no list.
fn refuse_other_text(sample: &[u8]) -> Result<(), Error> {
    let text = sample.trim_ascii_start();
    let start: Vec<u8> = text.iter().take(16).map(u8::to_ascii_lowercase).collect();
    let starts = |with: &str| start.starts_with(with.as_bytes());
    if starts("<!doctype") || starts("<html") || starts("<?xml") || starts("<table") {
        let text = "the input is HTML or XML; export the list as CSV";
        return Err(Error::new(ErrorKind::NotCsv, text));
    }
    let opens = match text {
        [b'{', rest @ ..] => rest.trim_ascii_start().starts_with(b"\""),
        [b'[', rest @ ..] => matches!(rest.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')),
        _ => false,
    };
    if opens {
        return Err(Error::new(ErrorKind::NotCsv, "the input is JSON; export the list as CSV"));
    }
    Ok(())
}

/// Refuses what is no text.
fn refuse_noise(sample: &[u8]) -> Result<(), Error> {
    // Of text a few bytes may be odd; of noise one in ten is.
    let is_odd = |byte: &&u8| matches!(byte, 1..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1e | 0x7f);
    let odd = sample.iter().filter(is_odd).count();
    const ODD_MIN: usize = 16;
    const ODD_SHARE: usize = 20;
    if odd >= ODD_MIN && odd * ODD_SHARE > sample.len() {
        let text = "the input is no text; export the list as CSV";
        return Err(Error::new(ErrorKind::BinaryFile, text));
    }
    Ok(())
}
