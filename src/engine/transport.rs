//! What an input is packed in -> plain bytes.
//!
//! In: any reader, told apart by its first bytes, never by a name. Out: a reader of plain bytes, or
//! what the file is and what to do. gzip (all members), zstd (all frames) and zip (one file) are
//! unpacked; checksums are verified to the end. A packed input that is cut short or damaged is an
//! error of the whole input: half a list is a wrong list.

mod gzip;
mod zip;

use super::error::{Error, ErrorKind};
use super::tally::Tally;
use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

/// A reader of plain bytes, and what they were packed in.
pub(crate) struct Unpacked {
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) packing: Option<&'static str>,
}

/// How much may come out of a packed input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes out for each byte in, once more than [`RATIO_FROM`] came out.
    pub(crate) ratio_max: u64,
}

/// So much may come out of any input, whatever its ratio.
const RATIO_FROM: u64 = 64 << 20;
const BYTES_MAX: u64 = 1 << 40;

/// zstd's default for untrusted input: 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Looked at to tell what a file is: a tar's mark is at 257.
const MAGIC_BYTES: usize = 512;

/// Opens an input.
pub(crate) fn open(
    reader: Box<dyn Read + Send>,
    tally: Tally,
    limits: Limits,
) -> Result<Unpacked, Error> {
    let raw = Raw { reader, tally: tally.clone() };
    let (start, raw) = peek(Box::new(raw), MAGIC_BYTES);
    let (packing, unpacking): (_, Box<dyn Read + Send>) = if start.starts_with(b"\x1f\x8b") {
        ("gzip", Box::new(gzip::Members::new(BufReader::new(raw))))
    } else if starts_zstd(&start) {
        let mut decoder = zstd::Decoder::new(raw).map_err(|error| opened(error, "zstd"))?;
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|error| opened(error, "zstd"))?;
        ("zstd", Box::new(decoder))
    } else if zip::starts(&start) {
        ("zip", Box::new(zip::Entry::open(BufReader::new(raw)).map_err(|it| opened(it, "zip"))?))
    } else {
        refuse_other_files(&start)?;
        return Ok(Unpacked { reader: Box::new(Plain(raw)), packing: None });
    };
    let bounded = Bounded { reader: unpacking, packing, tally, limits, bytes: 0 };
    let (start, reader) = peek(Box::new(bounded), MAGIC_BYTES);
    if start.starts_with(b"\x1f\x8b") || starts_zstd(&start) || zip::starts(&start) {
        let text = "a packed file inside a packed file; unpack it once";
        return Err(Error::new(ErrorKind::NestedCompression, text));
    }
    refuse_other_files(&start)?;
    Ok(Unpacked { reader, packing: Some(packing) })
}

/// A frame, or one to be skipped.
fn starts_zstd(start: &[u8]) -> bool {
    let is_skippable = matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    start.starts_with(b"\x28\xb5\x2f\xfd") || is_skippable
}

/// The first bytes of a reader, and a reader that still has them. If it fails before it gave so
/// many, it will do so when they are read again.
pub(crate) fn peek(
    mut reader: Box<dyn Read + Send>,
    bytes: usize,
) -> (Vec<u8>, Box<dyn Read + Send>) {
    let mut start = Vec::new();
    let error = (&mut reader).take(bytes as u64).read_to_end(&mut start).err();
    let again = Cursor::new(start.clone()).chain(Failed(error)).chain(reader);
    (start, Box::new(again))
}

/// Fails once, if at all.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// A failure before the first row.
fn opened(error: io::Error, packing: &'static str) -> Error {
    Error::of_reader(told(error, packing), super::error::Position { byte: 0, line: 1, row: 0 })
}

/// An error of the input's own reader, to be told from what an unpacker says.
#[derive(Debug)]
struct Own(io::Error);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Own {}

/// The input's own reader; counts its bytes.
struct Raw {
    reader: Box<dyn Read + Send>,
    tally: Tally,
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Ok(bytes) => {
                // A reader that says more than it can have read is not believed.
                let bytes = bytes.min(buffer.len());
                self.tally.read(bytes as u64);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::new(error.kind(), Own(error))),
        }
    }
}

/// What the error of a reader means: its own one as it was, an unpacker's as a file error.
fn told(error: io::Error, packing: &str) -> io::Error {
    let is_own = error.get_ref().is_some_and(|inner| inner.is::<Own>());
    let is_told = error.get_ref().is_some_and(|inner| inner.is::<Error>());
    if is_own {
        let inner = error.into_inner().and_then(|inner| inner.downcast::<Own>().ok());
        return inner.map_or_else(|| io::Error::other("unknown"), |own| own.0);
    }
    if is_told || packing.is_empty() || error.kind() == io::ErrorKind::Interrupted {
        return error;
    }
    let (kind, text) = match error.kind() {
        io::ErrorKind::UnexpectedEof => (
            ErrorKind::TruncatedInput,
            format!("the {packing} data ends too early; get the whole file again"),
        ),
        _ if packing == "zstd" && error.to_string().contains("too much memory") => (
            ErrorKind::UnsupportedCompression,
            "zstd with a window over 8 MiB (--long); pack it without".to_owned(),
        ),
        _ => (
            ErrorKind::CorruptCompressed,
            format!("the {packing} data is damaged; get the file again"),
        ),
    };
    io::Error::other(Error::new(kind, text))
}

/// An input that is not packed.
struct Plain(Box<dyn Read + Send>);

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| told(error, ""))
    }
}

/// What comes out of an unpacker, up to a limit.
struct Bounded {
    reader: Box<dyn Read + Send>,
    packing: &'static str,
    tally: Tally,
    limits: Limits,
    bytes: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = match self.reader.read(buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Err(told(error, self.packing)),
        };
        self.bytes += bytes as u64;
        let packed = self.tally.counts().input_bytes.max(1);
        let is_bomb = self.bytes > RATIO_FROM && self.bytes / packed > self.limits.ratio_max;
        if is_bomb || self.bytes > BYTES_MAX {
            let text = format!(
                "more than {} bytes came out of {packed} bytes of {}; if that is right, unpack it \
                 first or raise --max-ratio",
                self.bytes, self.packing
            );
            return Err(io::Error::other(Error::new(ErrorKind::DecompressionBomb, text)));
        }
        Ok(bytes)
    }
}

/// Files that are no list, by their first bytes.
const OTHER_FILES: [(&[u8], ErrorKind, &str); 15] = [
    (
        b"\xd0\xcf\x11\xe0",
        ErrorKind::SpreadsheetFile,
        "the input is a spreadsheet (.xls); export it as CSV",
    ),
    (b"{\\rtf", ErrorKind::NotCsv, "the input is a text document (.rtf); export the list as CSV"),
    (b"%PDF", ErrorKind::BinaryFile, "the input is a PDF; export the list as CSV"),
    (b"\x89PNG", ErrorKind::BinaryFile, "the input is a picture; export the list as CSV"),
    (b"\xff\xd8\xff", ErrorKind::BinaryFile, "the input is a picture; export the list as CSV"),
    (b"GIF8", ErrorKind::BinaryFile, "the input is a picture; export the list as CSV"),
    (b"PAR1", ErrorKind::BinaryFile, "the input is Parquet; export it as CSV"),
    (b"SQLite format 3\0", ErrorKind::BinaryFile, "the input is a database; export it as CSV"),
    (b"ARROW1", ErrorKind::BinaryFile, "the input is Arrow; export it as CSV"),
    (b"Obj\x01", ErrorKind::BinaryFile, "the input is Avro; export it as CSV"),
    (b"BZh", ErrorKind::UnsupportedCompression, "the input is bzip2; unpack it: bzip2 -dc"),
    (b"\xfd7zXZ", ErrorKind::UnsupportedCompression, "the input is xz; unpack it: xz -dc"),
    (b"7z\xbc\xaf", ErrorKind::UnsupportedCompression, "the input is 7-Zip; unpack it"),
    (b"\xff\x06\0\0sNaPpY", ErrorKind::UnsupportedCompression, "the input is snappy; unpack it"),
    (b"Rar!", ErrorKind::UnsupportedCompression, "the input is RAR; unpack it"),
];

/// Refuses what is no plain text.
fn refuse_other_files(start: &[u8]) -> Result<(), Error> {
    let known = OTHER_FILES.iter().find(|(magic, ..)| start.starts_with(magic));
    if let Some((_, kind, text)) = known {
        return Err(Error::new(*kind, *text));
    }
    if start.get(257..262) == Some(b"ustar") {
        let text = "the input is a tar archive; unpack it and give the list alone";
        return Err(Error::new(ErrorKind::ArchiveTar, text));
    }
    // zlib: a header that its own check digit confirms, and no text behind it.
    if let [0x78, flags @ (0x01 | 0x5e | 0x9c | 0xda), rest @ ..] = start
        && (0x7800 | u16::from(*flags)).is_multiple_of(31)
        && rest.iter().any(|byte| *byte >= 0x80 || *byte < 9)
    {
        let text = "the input is zlib data; unpack it";
        return Err(Error::new(ErrorKind::UnsupportedCompression, text));
    }
    Ok(())
}
