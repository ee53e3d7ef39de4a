//! A place between two batches, to go on from in another run over the same input.
//!
//! In: where the reader stood when it had cut a chunk. Out: [`Checkpoint`], as a value or a short
//! text; it holds numbers only.

use super::error::Position;
use std::fmt;
use std::str::FromStr;

/// A place between two batches of a run: see [`Batch::end`](crate::Batch::end) and
/// [`Source::skip_to`](crate::Source::skip_to). As text: `byte:line:row:sight:skipping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub(crate) position: Position,
    /// How far the search for a lost quote may still go in vain.
    pub(crate) sight: i64,
    /// True inside a line that is too long, whose row is counted already.
    pub(crate) is_skipping: bool,
}

impl Checkpoint {
    /// Where the next batch starts; `row` counts the rows before it.
    pub fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { byte, line, row } = self.position;
        write!(f, "{byte}:{line}:{row}:{}:{}", self.sight, u8::from(self.is_skipping))
    }
}

impl FromStr for Checkpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Checkpoint, String> {
        let parse = || {
            let mut parts = text.split(':');
            let mut number = || parts.next()?.parse::<i64>().ok();
            let (byte, line, row) = (number()?, number()?, number()?);
            let (sight, skipping) = (number()?, number()?);
            let natural = |number: i64| u64::try_from(number).ok();
            let position =
                Position { byte: natural(byte)?, line: natural(line)?, row: natural(row)? };
            let is_whole = parts.next().is_none() && matches!(skipping, 0 | 1);
            is_whole.then_some(Checkpoint { position, sight, is_skipping: skipping == 1 })
        };
        parse().ok_or_else(|| "no checkpoint".to_owned())
    }
}
