//! Where records end, byte by byte.
//!
//! In: a buffer that grows at its end. Out: [`Step`]s: a record, a blank line, a record whose
//! quotes do not add up. No input or output happens here.
//!
//! Records end as the `csv` crate ends them. One that is damaged is read again by `recover.rs`.
//! To find that out the scan may have to look far ahead, and in vain: it does so as long as the
//! bytes looked at for nothing stay within a multiple of those that were read. Beyond that a
//! quote has to close on its own line. So the work is linear, whatever the input, and the same
//! for every size of chunk and read.

use super::Damage;
use crate::engine::dialect::{Dialect, Meets, behind_line_end};
use crate::engine::record::{Fields, is_no_row, split};
use crate::engine::recover;
use memchr::{memchr2, memchr3};

/// How far a scan got.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A record ended; the next one starts at `record_start`.
    Record,
    /// A blank line ended.
    Blank,
    /// The buffer has no whole record any more.
    More,
    /// The record is longer than allowed, or its quotes do not add up.
    Damaged,
    /// The input is used up.
    Done,
}

/// What becomes of a damaged record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    /// It ends before this index.
    Ends(usize, Damage),
    /// It ends before this index, and is only ragged.
    Ragged(usize),
    /// Its line is too long, and does not end in the buffer.
    Skip,
    /// The buffer does not hold enough to know.
    More,
}

/// Where a physical line ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// The index behind its content, within the limit.
    Within(usize),
    /// The line is longer than allowed.
    Beyond(usize),
    /// Not in the buffer, and already too long.
    NotYet,
    /// More bytes are needed.
    Unknown,
}

/// The state of a scan over a buffer.
pub(super) struct Scanner {
    pub(super) dialect: Dialect,
    /// The header's number of fields, where it is known.
    pub(super) width: Option<usize>,
    pub(super) record_bytes_max: usize,
    /// A line with nothing but two of these is no row.
    pub(super) no_row: Option<u8>,
    /// The place of the buffer in the input.
    pub(super) origin: u64,
    /// The first byte of the record that is being looked at; all before it is whole.
    pub(super) record_start: usize,
    /// All before it has been looked at.
    scanned: usize,
    in_quotes: bool,
    has_quotes: bool,
    /// Its quotes do not add up, or it is too long.
    is_damaged: bool,
    /// It is whole, and ends here, but it spans lines and does not fit the header.
    misfit_end: Option<usize>,
    /// Bytes that may still be looked at in vain; none if it is negative.
    sight: i64,
    fields: Fields,
    #[cfg(test)]
    looked_at: usize,
}

/// For each byte that was read so many may be looked at in vain.
const SIGHT_PER_BYTE: i64 = 4;
/// And so many of the longest records at any time.
const SIGHT_RECORDS: i64 = 4;

impl Scanner {
    pub(super) fn new(dialect: Dialect, record_bytes_max: usize) -> Scanner {
        Scanner {
            dialect,
            width: None,
            record_bytes_max,
            no_row: None,
            origin: 0,
            record_start: 0,
            scanned: 0,
            in_quotes: false,
            has_quotes: false,
            is_damaged: false,
            misfit_end: None,
            sight: sight_max(record_bytes_max),
            fields: Fields::default(),
            #[cfg(test)]
            looked_at: 0,
        }
    }

    /// Goes on at this index, where a record starts.
    pub(super) fn resume(&mut self, at: usize) {
        let earned = at.saturating_sub(self.record_start) as i64 * SIGHT_PER_BYTE;
        self.sight = self.sight.saturating_add(earned).min(sight_max(self.record_bytes_max));
        self.record_start = at;
        self.scanned = at;
        self.in_quotes = false;
        self.has_quotes = false;
        self.is_damaged = false;
        self.misfit_end = None;
    }

    /// True if nothing of the record at `record_start` has been looked at.
    pub(super) fn is_between_records(&self) -> bool {
        self.scanned == self.record_start && !self.is_damaged
    }

    /// How many bytes may still be looked at in vain.
    pub(super) fn sight(&self) -> i64 {
        self.sight
    }

    /// Goes on at the front of a new buffer, as an earlier scan was there.
    pub(super) fn restore(&mut self, origin: u64, sight: i64) {
        self.record_start = 0;
        self.resume(0);
        self.origin = origin;
        self.sight = sight.min(sight_max(self.record_bytes_max));
    }

    /// The first `bytes` of the buffer, all before `record_start`, are about to go.
    pub(super) fn shift(&mut self, bytes: usize) {
        self.origin += bytes as u64;
        self.record_start -= bytes;
        self.scanned -= bytes;
    }

    /// Looks at bytes until a record ends or something stands in the way.
    pub(super) fn step(&mut self, buffer: &[u8], is_at_end: bool) -> Step {
        if self.is_damaged {
            return Step::Damaged;
        }
        let step = self.look(buffer, is_at_end);
        self.is_damaged = step == Step::Damaged;
        step
    }

    fn look(&mut self, buffer: &[u8], is_at_end: bool) -> Step {
        loop {
            if self.scanned - self.record_start > self.record_bytes_max {
                return Step::Damaged;
            }
            let from = self.scanned;
            let stop = match self.in_quotes {
                true => self.inside(buffer, is_at_end),
                false => self.outside(buffer, is_at_end),
            };
            #[cfg(test)]
            {
                self.looked_at += self.scanned.saturating_sub(from).max(1);
            }
            match stop {
                None => {}
                Some(Step::More) => return self.starved(buffer, is_at_end),
                Some(step) => return step,
            }
            debug_assert!(self.scanned > from);
        }
    }

    /// Goes on to the next quote inside quotes.
    fn inside(&mut self, buffer: &[u8], is_at_end: bool) -> Option<Step> {
        let from = self.scanned;
        let (at, step) = match self.dialect.inside(buffer, from) {
            Meets::Nothing => (buffer.len(), Some(Step::More)),
            Meets::Quote(at) | Meets::Escape(at) if at + 1 == buffer.len() && !is_at_end => {
                (at, Some(Step::More))
            }
            Meets::Escape(at) => ((at + 2).min(buffer.len()), None),
            Meets::Quote(at) if self.dialect.is_pair(buffer, at) => (at + 2, None),
            Meets::Quote(at) => match self.dialect.closes(buffer, at) {
                None if !is_at_end => (at, Some(Step::More)),
                Some(false) => (at + 1, Some(Step::Damaged)),
                _ => {
                    self.in_quotes = false;
                    (at + 1, None)
                }
            },
        };
        self.scanned = at;
        if self.is_blind() && memchr2(b'\n', b'\r', &buffer[from..at]).is_some() {
            return Some(Step::Damaged);
        }
        step
    }

    /// True if a quote has to close on its own line.
    fn is_blind(&self) -> bool {
        self.sight < 0
    }

    /// Goes on to the end of the line, or to the next quoted field.
    fn outside(&mut self, buffer: &[u8], is_at_end: bool) -> Option<Step> {
        let rest = &buffer[self.scanned..];
        let hit = match self.dialect.quote {
            // The next field is quoted as well.
            Some(quote) if rest.starts_with(&[self.dialect.delimiter, quote]) => Some(1),
            Some(quote) => memchr3(quote, b'\n', b'\r', rest),
            None => memchr2(b'\n', b'\r', rest),
        };
        let Some(at) = hit.map(|hit| self.scanned + hit) else {
            self.scanned = buffer.len();
            return Some(Step::More);
        };
        match buffer[at] {
            b'\r' if at + 1 == buffer.len() && !is_at_end => {
                self.scanned = at;
                Some(Step::More)
            }
            b'\r' | b'\n' => Some(self.line(buffer, at, behind_line_end(buffer, at))),
            _ => {
                self.scanned = at + 1;
                if at == self.record_start || buffer[at - 1] == self.dialect.delimiter {
                    self.in_quotes = true;
                    self.has_quotes = true;
                }
                None
            }
        }
    }

    /// A line whose content ends at `content_end`, outside quotes.
    fn line(&mut self, buffer: &[u8], content_end: usize, end: usize) -> Step {
        let content = &buffer[self.record_start..content_end];
        if content.len() > self.record_bytes_max {
            self.scanned = content_end;
            return Step::Damaged;
        }
        if !self.fits(content) {
            self.scanned = content_end;
            self.misfit_end = Some(content_end);
            return Step::Damaged;
        }
        let is_first = self.origin == 0 && self.record_start == 0;
        let is_blank = content.is_empty() || is_no_row(content, self.no_row, is_first);
        self.resume(end);
        if is_blank { Step::Blank } else { Step::Record }
    }

    /// False for a record that spans lines and has not as many fields as the header, or seems to
    /// be several rows.
    fn fits(&mut self, content: &[u8]) -> bool {
        let Some(width) = self.width.filter(|_| self.has_quotes) else { return true };
        if memchr2(b'\n', b'\r', content).is_none() {
            return true;
        }
        split(content, 0, self.dialect, &mut self.fields);
        self.fields.fit(width) && !recover::swallows_rows(content, self.dialect, width)
    }

    /// All of the buffer has been looked at.
    fn starved(&mut self, buffer: &[u8], is_at_end: bool) -> Step {
        if self.scanned - self.record_start > self.record_bytes_max {
            Step::Damaged
        } else if !is_at_end {
            Step::More
        } else if self.record_start == buffer.len() {
            Step::Done
        } else if self.in_quotes {
            Step::Damaged
        } else {
            self.line(buffer, buffer.len(), buffer.len())
        }
    }

    /// What becomes of the damaged record at `record_start`.
    pub(super) fn recover(&mut self, buffer: &[u8], is_at_end: bool) -> Recovery {
        let start = self.record_start;
        let line_end = match self.first_line_end(buffer, is_at_end) {
            LineEnd::Within(end) => end,
            LineEnd::Beyond(end) => return Recovery::Ends(end, Damage::TooLarge),
            LineEnd::NotYet => return Recovery::Skip,
            LineEnd::Unknown => return Recovery::More,
        };
        let (dialect, width) = (self.dialect, self.width);
        let line = &buffer[..line_end];
        let read = recover::read_line(line, start, dialect, width, &mut self.fields);
        // What was looked at, however much of it was in the buffer.
        let mut cost = match self.is_blind() {
            true => 0,
            false => (self.scanned - start).min(self.record_bytes_max.saturating_add(1)),
        };
        let mut found = (Damage::GivenUp, line_end);
        if let (Some(reading), Some(_)) = (read, width) {
            found = (Damage::Recovered(reading), line_end);
        } else if let Some(end) = self.misfit_end.filter(|end| {
            let content = &buffer[start..*end];
            !width.is_some_and(|width| recover::may_swallow_rows(content, dialect, width))
        }) {
            self.sight -= cost as i64;
            return Recovery::Ragged(behind_line_end(buffer, end));
        } else if self.misfit_end.is_none() && width.is_some() && !self.is_blind() {
            // The longest record and the byte behind it.
            let window_end = start.saturating_add(self.record_bytes_max).saturating_add(1);
            if buffer.len() < window_end && !is_at_end {
                return Recovery::More;
            }
            let window = &buffer[..window_end.min(buffer.len())];
            let (read, looked_at) = recover::read_lines(
                window,
                start,
                dialect,
                width,
                self.record_bytes_max,
                &mut self.fields,
            );
            cost += looked_at;
            // What ends with the window is too long, unless the input ends there too.
            let fits = |(_, end): &(_, usize)| end - start <= self.record_bytes_max;
            if let Some((reading, end)) = read.filter(fits) {
                found = (Damage::Recovered(reading), end);
            }
        }
        #[cfg(test)]
        {
            self.looked_at += cost;
        }
        self.sight -= cost as i64;
        match buffer.get(found.1) {
            Some(b'\r') if found.1 + 1 == buffer.len() && !is_at_end => Recovery::More,
            _ => Recovery::Ends(behind_line_end(buffer, found.1), found.0),
        }
    }

    /// Where the physical line at `record_start` ends.
    pub(super) fn first_line_end(&self, buffer: &[u8], is_at_end: bool) -> LineEnd {
        let rest = &buffer[self.record_start..];
        let is_over = |bytes: usize| bytes > self.record_bytes_max;
        match memchr2(b'\n', b'\r', rest) {
            Some(at) if rest[at] == b'\r' && at + 1 == rest.len() && !is_at_end => LineEnd::Unknown,
            Some(at) if is_over(at) => {
                LineEnd::Beyond(behind_line_end(buffer, self.record_start + at))
            }
            Some(at) => LineEnd::Within(self.record_start + at),
            None if !is_at_end && is_over(rest.len()) => LineEnd::NotYet,
            None if !is_at_end => LineEnd::Unknown,
            None if is_over(rest.len()) => LineEnd::Beyond(buffer.len()),
            None => LineEnd::Within(buffer.len()),
        }
    }
}

fn sight_max(record_bytes_max: usize) -> i64 {
    i64::try_from(record_bytes_max.max(1 << 20)).unwrap_or(i64::MAX).saturating_mul(SIGHT_RECORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scans a whole buffer; says how many records were damaged and how many bytes looked at.
    fn scan(buffer: &[u8], width: usize, record_bytes_max: usize) -> (usize, usize) {
        let mut scanner = Scanner::new(Dialect::default(), record_bytes_max);
        scanner.width = Some(width);
        let mut damaged = 0;
        loop {
            match scanner.step(buffer, true) {
                Step::Record | Step::Blank => {}
                Step::More => unreachable!("the input is at its end"),
                Step::Done => return (damaged, scanner.looked_at),
                Step::Damaged => {
                    damaged += 1;
                    match scanner.recover(buffer, true) {
                        Recovery::Ends(end, _) | Recovery::Ragged(end) => scanner.resume(end),
                        other => unreachable!("{other:?}"),
                    }
                }
            }
        }
    }

    /// Linear in counted work: no clock is asked.
    #[test]
    fn every_byte_is_looked_at_a_bounded_number_of_times() {
        for line in [
            "x\",\"\n",
            "a@b.co,5\" x 3\",\"\n",
            "\"\n",
            "\"a,b\n",
            "\",\"\n",
            "a,\"\"\"\n",
            "a,\"b\"\"\n\"\",\"\n",
            "\"\"\"\n",
            "a,b\n",
            "\n",
            "\"a\"\"b\n,\"",
            "\"a\" \"b\",\"c\n",
        ] {
            for (record_bytes_max, width) in [(7, 2), (1_000, 5), (1 << 20, 2), (1 << 20, 9_000)] {
                let buffer = line.repeat(2_000_000 / line.len());
                let (_, looked_at) = scan(buffer.as_bytes(), width, record_bytes_max);
                let most = sight_max(record_bytes_max) as usize + 20 * buffer.len();
                assert!(
                    looked_at <= most,
                    "{line:?} {record_bytes_max}: {looked_at} for {}",
                    buffer.len()
                );
            }
        }
    }

    #[test]
    fn a_line_that_opens_a_quote_is_damaged_alone() {
        let (damaged, _) = scan(b"a,\"b\n1,2\n3,4\n", 2, 1 << 20);
        assert_eq!(damaged, 1);
        let (damaged, _) = scan(b"a,\"b\n1,\"2\n3,4\n", 2, 1 << 20);
        assert_eq!(damaged, 2);
    }
}
