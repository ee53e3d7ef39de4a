//! Why a command ends early. In: errors of the library and of the system. Out: [`Failure`], which
//! the exit code is made of.

use matchkey::{Error, ErrorKind};
use std::io::{self, Write};

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments cannot be met: exit code 2.
    Usage(String),
    /// The input was refused, or something could not be read or written: exit code 1.
    Refused(String),
    /// The library could not read an input to its end: exit code 1. With the error's code.
    Unreadable(&'static str, String),
    /// An option that cannot be met by any reader: exit code 2. With the error's code.
    Unsupported(&'static str, String),
    /// Nobody reads the output any more: exit code 0.
    ClosedPipe,
}

impl Failure {
    /// An error of the library in one of the inputs.
    pub(crate) fn of(input: &str, error: &Error) -> Failure {
        let text = format!("{input}: {error} ({})", error.kind().code());
        match error.kind() {
            ErrorKind::Options | ErrorKind::ColumnNotFound => Failure::Usage(text),
            kind => Failure::Unreadable(kind.code(), text),
        }
    }

    /// An error while writing.
    pub(crate) fn writing(what: &str, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedPipe,
            _ => Failure::Refused(format!("{what} could not be written: {error}")),
        }
    }
}

/// A line on stderr. Nothing can be done if nobody listens.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A share of a whole: `93.8 %`.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "0 %".into(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}
