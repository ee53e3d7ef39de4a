//! An input whose header has been read: bytes -> dialect and columns.
//!
//! In: any reader. Out: [`Source`], which knows its delimiter and its columns, and is ready to
//! run. Inputs that cannot be a CSV are refused here, with a word on what they are.

use super::Engine;
use super::chunk::{Cutter, Sizes};
use super::columns::Columns;
use super::dialect::Dialect;
use super::error::{Error, ErrorKind};
use super::options::Header;
use super::record::{BYTE_ORDER_MARK, Cells, Fields};
use super::recover::single;
use super::tally::Tally;
use std::io::Read;
use std::sync::Arc;

/// An input whose header has been read.
pub struct Source {
    pub(super) engine: Engine,
    pub(super) cutter: Cutter,
    pub(super) columns: Arc<Columns>,
    pub(super) dialect: Dialect,
    has_byte_order_mark: bool,
}

impl Source {
    pub(super) fn open(engine: Engine, reader: Box<dyn Read + Send>) -> Result<Source, Error> {
        let options = engine.options();
        let sizes = Sizes {
            chunk_bytes: options.chunk_bytes,
            read_bytes: options.read_bytes,
            record_bytes_max: options.record_bytes_max,
        };
        let mut cutter = Cutter::new(reader, sizes, Tally::default());
        let start = cutter.first_bytes(MAGIC_BYTES)?;
        refuse_other_files(start)?;
        let has_byte_order_mark = start.starts_with(BYTE_ORDER_MARK);
        if has_byte_order_mark {
            cutter.drop_front(BYTE_ORDER_MARK.len());
        }
        cutter.skip_blank_lines()?;
        let delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None => detect_delimiter(cutter.first_line(options.header_bytes_max)?),
        };
        let quote = options.quote.unwrap_or(Some(b'"'));
        let dialect = Dialect { delimiter, quote, escape: options.escape };
        cutter.set_dialect(dialect);
        let record = cutter.first_record(options.header_bytes_max).map_err(|error| {
            let too_large = || {
                let text = format!(
                    "the first record is longer than {} bytes; is this a CSV file with a header?",
                    options.header_bytes_max
                );
                Error::new(ErrorKind::HeaderTooLarge, text)
            };
            error.unwrap_or_else(too_large)
        })?;
        let Some((record, is_damaged)) = record else {
            return Err(Error::new(ErrorKind::EmptyFile, "the input is empty"));
        };
        let mut fields = Fields::default();
        single(&record, dialect, is_damaged, &mut fields);
        let mut columns = Columns::find(Cells::new(&record, &fields), options)?;
        cutter.set_width(columns.width(), options.header == Header::Yes);
        if options.header == Header::Yes {
            cutter.drop_front(record.len());
        }
        if columns.needs_sample(options) {
            let sample = cutter.sample(SAMPLE_BYTES);
            // The last record of a full sample may be cut.
            let whole = match memchr::memrchr2(b'\n', b'\r', sample) {
                Some(end) if sample.len() == SAMPLE_BYTES => &sample[..end],
                _ => sample,
            };
            columns.learn(whole, dialect, options);
        }
        let columns = Arc::new(columns);
        Ok(Source { engine, cutter, columns, dialect, has_byte_order_mark })
    }

    /// The columns that are used, and why.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The delimiter, given or detected.
    pub fn delimiter(&self) -> u8 {
        self.dialect.delimiter
    }

    /// Delimiter, quote and escape, given or detected.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// True if the input starts with a UTF-8 byte order mark, which is no part of the header.
    pub fn has_byte_order_mark(&self) -> bool {
        self.has_byte_order_mark
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

const MAGIC_BYTES: usize = 8;

/// How much of an input decides what its cells alone leave open.
const SAMPLE_BYTES: usize = 256 << 10;

/// Refuses what is no plain text in an encoding that is read.
fn refuse_other_files(start: &[u8]) -> Result<(), Error> {
    const UTF16: (ErrorKind, &str) =
        (ErrorKind::UnsupportedEncoding, "the input is UTF-16 or UTF-32; save it as CSV in UTF-8");
    const KNOWN: [(&[u8], (ErrorKind, &str)); 10] = [
        (b"\xff\xfe", UTF16),
        (b"\xfe\xff", UTF16),
        (b"\0\0\xfe\xff", UTF16),
        (
            b"PK\x03\x04",
            (
                ErrorKind::SpreadsheetFile,
                "the input is a zip archive or a spreadsheet (.xlsx, .ods); export it as CSV",
            ),
        ),
        (
            b"\xd0\xcf\x11\xe0",
            (ErrorKind::SpreadsheetFile, "the input is a spreadsheet (.xls); export it as CSV"),
        ),
        (
            b"\x1f\x8b",
            (
                ErrorKind::UnsupportedCompression,
                "the input is gzip; unpack it: gzip -dc FILE | ...",
            ),
        ),
        (
            b"\x28\xb5\x2f\xfd",
            (
                ErrorKind::UnsupportedCompression,
                "the input is zstd; unpack it: zstd -dc FILE | ...",
            ),
        ),
        (b"%PDF", (ErrorKind::BinaryFile, "the input is a PDF; export the list as CSV")),
        (b"\x89PNG", (ErrorKind::BinaryFile, "the input is a picture; export the list as CSV")),
        (b"PAR1", (ErrorKind::BinaryFile, "the input is Parquet; export it as CSV")),
    ];
    match KNOWN.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, (kind, text))) => Err(Error::new(*kind, *text)),
        None => Ok(()),
    }
}

/// Whichever of the usual delimiters the header line has most of outside quotes; comma if none.
fn detect_delimiter(line: &[u8]) -> u8 {
    const USUAL: [u8; 4] = *b",;\t|";
    let mut counts = [0_u32; USUAL.len()];
    let mut in_quotes = false;
    for &byte in line {
        match USUAL.iter().position(|usual| *usual == byte) {
            _ if byte == b'"' => in_quotes = !in_quotes,
            Some(which) if !in_quotes => counts[which] += 1,
            _ => {}
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let which = counts.iter().position(|count| *count == most).unwrap_or_default();
    USUAL[which]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_the_delimiter() {
        assert_eq!(detect_delimiter(b"email;phone"), b';');
        assert_eq!(detect_delimiter(b"email\tfirst, last"), b',');
        assert_eq!(detect_delimiter(b"\"a;b;c\",email"), b',');
        assert_eq!(detect_delimiter(b"a|b|c,d"), b'|');
        assert_eq!(detect_delimiter(b"email"), b',');
    }
}
