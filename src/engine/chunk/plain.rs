//! Plain rows are cut many at once.
//!
//! In: the buffer of a [`Cutter`] that is between records. Out: where it goes on, behind rows that
//! are counted; all else is left to `scan.rs`. Chunks end where they would end otherwise.

use super::scan::Step;
use super::{CHUNK_ROWS_MAX, Cutter, line_ends};
use crate::engine::dialect::behind_line_end;
use crate::engine::index::plain_rows;

/// To look for plain rows costs as much as to step over so many.
const WORTH_ROWS: u64 = 4;

/// Where there are never enough of them, they are looked for once in so many steps.
const STEPS_MAX: u32 = 64;

/// When plain rows are looked for.
#[derive(Default)]
pub(super) struct Patience {
    /// Steps before the next look, and before the one behind it if that is in vain too.
    left: u32,
    next: u32,
}

impl Patience {
    fn is_over(&mut self) -> bool {
        let is_over = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_over
    }

    fn learn(&mut self, rows: u64) {
        self.next = if rows < WORTH_ROWS { (2 * self.next).clamp(1, STEPS_MAX) } else { 0 };
        self.left = self.next;
    }
}

impl Cutter {
    /// Looks at plain rows up to where the chunk may be full, or at one record.
    pub(super) fn step(&mut self) -> Step {
        #[cfg(test)]
        if self.is_stepwise {
            return self.scanner.step(&self.buffer, self.is_at_end);
        }
        if self.scanner.is_between_records() && self.patience.is_over() && self.pass_over_rows() {
            return Step::Blank;
        }
        self.scanner.step(&self.buffer, self.is_at_end)
    }

    /// Counts plain rows; false if there is not one line.
    fn pass_over_rows(&mut self) -> bool {
        let start = self.scanner.record_start;
        // A line within so many bytes is within the limit. The last byte may be half of a line end.
        let line_max = start.saturating_add(self.sizes.record_bytes_max);
        let stop = self.buffer.len().saturating_sub(1).min(self.sizes.chunk_bytes).min(line_max);
        let Some(bytes) = self.buffer.get(start..stop) else { return false };
        let behind_multiple = (self.origin.row + self.rows).checked_rem(self.sizes.chunk_rows);
        let to_multiple = self.sizes.chunk_rows - behind_multiple.unwrap_or(0);
        let rows_max = to_multiple.min(CHUNK_ROWS_MAX.saturating_sub(self.rows));
        let plain = plain_rows(bytes, self.scanner.dialect, rows_max);
        self.patience.learn(plain.rows);
        if plain.end == 0 {
            return false;
        }
        let end = behind_line_end(&self.buffer, start + plain.end - 1);
        self.scanner.resume(end);
        self.lines += line_ends(&self.buffer[self.counted..start]) + plain.lines;
        self.counted = end;
        self.count_rows(plain.rows);
        true
    }
}
