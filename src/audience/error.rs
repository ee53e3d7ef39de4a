//! Why something was not done. In: what the store, the disk and the rules say. Out: [`Error`].

use super::store::StoreError;
use std::fmt;
use std::io;

/// Why something was not done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// It may not be: nothing was changed.
    Refused(Refusal),
    /// Another process works in the folder.
    Locked,
    /// The settings cannot be met.
    Settings(String),
    /// The store failed.
    Store(StoreError),
    /// The disk failed.
    Io(io::Error),
}

/// Why something may not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such thing in this account.
    NotFound,
    /// There is no such file in this account.
    NoFile,
    /// The file's bytes are not all there.
    FileNotReady,
    /// The file's bytes were removed.
    FileGone,
    /// The file is there with other bytes.
    FileDiffers,
    /// The account's space is used up.
    NoSpace,
    /// A part is not there under that tag, or the parts are not in order.
    Parts,
    /// The audience's import is not over.
    NotFinal,
}

impl Error {
    /// True if the disk is full.
    pub fn is_full(&self) -> bool {
        match self {
            Error::Store(error) => matches!(error, StoreError::Full),
            Error::Io(error) => {
                let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
                full.contains(&error.kind())
            }
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => f.write_str(match refusal {
                Refusal::NotFound => "there is no such thing in this account",
                Refusal::NoFile => "there is no such file in this account",
                Refusal::FileNotReady => "the file's upload is not finished",
                Refusal::FileGone => "the file's bytes were removed; upload it again",
                Refusal::FileDiffers => "the file is there already, with other bytes",
                Refusal::NoSpace => "the account's space for uploads is used up",
                Refusal::Parts => "a part is not there under that tag, or parts are out of order",
                Refusal::NotFinal => "the audience is still being processed",
            }),
            Error::Locked => f.write_str("another process works in this data folder"),
            Error::Settings(text) => f.write_str(text),
            Error::Store(error) => error.fmt(f),
            // The kind only: a path says nothing to a reader.
            Error::Io(error) => write!(f, "the disk failed: {}", error.kind()),
        }
    }
}

impl std::error::Error for Error {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(refusal)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Error {
        Error::Store(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}
