//! Why an input cannot be read to its end, and where.
//!
//! In: what the reader, the header and the options complain about.
//! Out: [`Error`], with a stable code, a position where there is one, and a text that says what
//! to do. A text never holds the content of a cell.

use std::fmt;

/// A place in an input. All three count from the start of one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Bytes before this place.
    pub byte: u64,
    /// Physical line, from 1. CR, LF and CRLF each end one line.
    pub line: u64,
    /// Data row, from 1; the header is row 0.
    pub row: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}, line {}, row {}", self.byte, self.line, self.row)
    }
}

/// What kind of trouble an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The options contradict themselves or cannot be met.
    Options,
    /// A column that the options name is not in the header.
    ColumnNotFound,
    /// The reader failed.
    Read,
    /// The input has no byte, or only blank lines.
    EmptyFile,
    /// No column for an e-mail, a phone or a mobile advertising id.
    NoIdentifierColumn,
    /// The header has more columns than allowed.
    TooManyColumns,
    /// The header is longer than allowed.
    HeaderTooLarge,
    /// The bytes are no text.
    BinaryFile,
    /// A spreadsheet, not a CSV.
    SpreadsheetFile,
    /// A character encoding that cannot be read.
    UnsupportedEncoding,
    /// Packed in a way that is not read.
    UnsupportedCompression,
    /// Packed data that ends too early.
    TruncatedInput,
    /// Packed data that its checksum or its form belies.
    CorruptCompressed,
    /// A packed file inside a packed file.
    NestedCompression,
    /// More came out of a packed file than is allowed.
    DecompressionBomb,
    /// An archive without a file.
    ArchiveNoEntries,
    /// An archive with several files.
    ArchiveMultipleEntries,
    /// A tar archive.
    ArchiveTar,
    /// An archive that names files outside of itself.
    ArchiveUnsafePath,
    /// An archive behind a password.
    EncryptedArchive,
    /// Text, but no list: HTML, JSON, XML.
    NotCsv,
    /// More rows than the options allow.
    TooManyRows,
}

impl ErrorKind {
    /// The stable name of this kind.
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Options => "options",
            ErrorKind::ColumnNotFound => "column_not_found",
            ErrorKind::Read => "read_error",
            ErrorKind::EmptyFile => "empty_file",
            ErrorKind::NoIdentifierColumn => "no_identifier_column",
            ErrorKind::TooManyColumns => "too_many_columns",
            ErrorKind::HeaderTooLarge => "header_too_large",
            ErrorKind::BinaryFile => "binary_file",
            ErrorKind::SpreadsheetFile => "spreadsheet_file",
            ErrorKind::UnsupportedEncoding => "unsupported_encoding",
            ErrorKind::UnsupportedCompression => "unsupported_compression",
            ErrorKind::TruncatedInput => "truncated_input",
            ErrorKind::CorruptCompressed => "corrupt_compressed",
            ErrorKind::NestedCompression => "nested_compression",
            ErrorKind::DecompressionBomb => "decompression_bomb",
            ErrorKind::ArchiveNoEntries => "archive_no_entries",
            ErrorKind::ArchiveMultipleEntries => "archive_multiple_entries",
            ErrorKind::ArchiveTar => "archive_tar",
            ErrorKind::ArchiveUnsafePath => "archive_unsafe_path",
            ErrorKind::EncryptedArchive => "encrypted_archive",
            ErrorKind::NotCsv => "not_csv",
            ErrorKind::TooManyRows => "too_many_rows",
        }
    }
}

/// An input that cannot be read to its end, or options that cannot be met.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    text: String,
    /// The same for a person who gave no options, where that is said otherwise.
    told: Option<String>,
    position: Option<Position>,
    source: Option<std::io::Error>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Error {
        Error(Box::new(Inner { kind, text: text.into(), told: None, position: None, source: None }))
    }

    /// Says it otherwise to a person who gave no options.
    pub(crate) fn told(mut self, told: String) -> Error {
        self.0.told = Some(told);
        self
    }

    /// What is wrong with the input and what to do, for a person who has never seen an option of
    /// ours: without names of options, the place or the system's words.
    pub fn message(&self) -> &str {
        self.0.told.as_deref().unwrap_or(&self.0.text)
    }

    /// The error of a reader: what it says of the file, or that it failed.
    pub(crate) fn of_reader(source: std::io::Error, position: Position) -> Error {
        if !source.get_ref().is_some_and(|inner| inner.is::<Error>()) {
            return Error::read(source, position);
        }
        let told = source.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
        match told {
            Some(mut error) => {
                error.0.position = Some(position).filter(|position| position.byte > 0);
                *error
            }
            None => Error::new(ErrorKind::Read, "the input could not be read on"),
        }
    }

    fn read(source: std::io::Error, position: Position) -> Error {
        Error(Box::new(Inner {
            kind: ErrorKind::Read,
            text: "the input could not be read on".into(),
            told: None,
            position: Some(position),
            source: Some(source),
        }))
    }

    /// What kind of trouble this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where it happened, for a reader that failed.
    pub fn position(&self) -> Option<Position> {
        self.0.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        if let Some(position) = self.0.position {
            write!(f, " at {position}")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.0.kind.code())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}
