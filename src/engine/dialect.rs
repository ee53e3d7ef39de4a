//! How a list is written: what stands between fields and around them.
//!
//! In: options, or what `sniff.rs` finds. Out: [`Dialect`], which cutting and splitting share.

use memchr::{memchr, memchr2, memchr3};

/// The bytes that mean something between and around fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between fields.
    pub delimiter: u8,
    /// Around a field that holds delimiters, line ends or quotes; twice inside it for one of them.
    pub quote: Option<u8>,
    /// Inside quotes the byte behind it is taken as it is.
    pub escape: Option<u8>,
}

impl Default for Dialect {
    fn default() -> Dialect {
        Dialect { delimiter: b',', quote: Some(b'"'), escape: None }
    }
}

/// What a quoted field meets next.
pub(crate) enum Meets {
    /// A quote, or the escape byte, at this index.
    Quote(usize),
    Escape(usize),
    /// Neither, up to the end of the bytes.
    Nothing,
}

impl Dialect {
    /// True if the quote at `at` and the one behind it stand for one: not where an escape does
    /// that.
    pub(crate) fn is_pair(self, bytes: &[u8], at: usize) -> bool {
        let is_doubled = self.escape.is_none() || self.escape == self.quote;
        is_doubled && bytes.get(at + 1) == bytes.get(at)
    }

    /// True if a field that starts with this byte is quoted.
    pub(crate) fn opens(self, byte: Option<&u8>) -> bool {
        byte.is_some() && byte == self.quote.as_ref()
    }

    /// True if the quote at `at` may close a field: nothing but blanks stands between it and a
    /// delimiter or a line end. `None` if the bytes end before that is known.
    pub(crate) fn closes(self, bytes: &[u8], at: usize) -> Option<bool> {
        let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t') && **byte != self.delimiter;
        let behind = bytes.get(at + 1..).unwrap_or_default();
        let blanks = behind.iter().take_while(is_blank).count();
        behind.get(blanks).map(|byte| *byte == self.delimiter || is_line_end(*byte))
    }

    /// The first byte from `at` on that ends an unquoted field.
    pub(crate) fn field_end(self, bytes: &[u8], at: usize) -> usize {
        // Behind a closing quote, and where nothing stands, it is the first.
        if bytes.get(at).is_some_and(|byte| *byte == self.delimiter || is_line_end(*byte)) {
            return at;
        }
        let end = memchr3(self.delimiter, b'\n', b'\r', &bytes[at..]);
        end.map_or(bytes.len(), |end| at + end)
    }

    /// What comes first from `at` on inside quotes.
    pub(crate) fn inside(self, bytes: &[u8], at: usize) -> Meets {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(quote) = self.quote else { return Meets::Nothing };
        let hit = match self.escape {
            Some(escape) => memchr2(quote, escape, rest),
            None => memchr(quote, rest),
        };
        match hit {
            Some(hit) if rest[hit] == quote => Meets::Quote(at + hit),
            Some(hit) => Meets::Escape(at + hit),
            None => Meets::Nothing,
        }
    }
}

/// True for either byte that ends a line.
pub(crate) fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// The index behind the line end at `at`.
pub(crate) fn behind_line_end(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => at + 2,
        (Some(b'\r' | b'\n'), _) => at + 1,
        _ => at,
    }
}
