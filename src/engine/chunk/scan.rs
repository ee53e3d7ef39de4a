//! Where records end: the quote rules of the `csv` crate, byte by byte.
//!
//! In: a buffer that grows at its end. Out: [`Step`]s: a record, a blank line, a record that
//! never ends. No input or output happens here.
//!
//! A record that does not end within the limit, or whose quote is still open at the end of the
//! input, is given up: it costs its first physical line, and the scan starts again behind that
//! line. What the scan has seen is not lost: it goes along as a shadow. The second scan has the
//! opposite state behind the line end. Either it meets a line end first, and then a record has
//! ended, or its state becomes the shadow's; from there on both see the same, and it goes on
//! where the shadow has stopped. So every byte is looked at a bounded number of times, whatever
//! the input.

use memchr::{memchr, memchr2, memchr3};

/// The quote character.
pub(crate) const QUOTE: u8 = b'"';

/// How far a scan got.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A record ended; the next one starts at `record_start`.
    Record,
    /// A blank line ended.
    Blank,
    /// The buffer has no whole record any more.
    More,
    /// The record is longer than allowed, or a quote is still open at the end of the input.
    Over,
    /// The input is used up.
    Done,
}

/// Where the physical line of a record that is given up ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineEnd {
    /// Before this index, and within the limit.
    Within(usize),
    /// Before this index, but the line is longer than allowed.
    Beyond(usize),
    /// The next byte decides whether it is CR or CRLF.
    Unknown,
    /// Not in the buffer, and already too long.
    NotYet,
}

/// The state of a scan over a buffer.
#[derive(Debug)]
pub(super) struct Scanner {
    pub(super) delimiter: u8,
    pub(super) record_bytes_max: usize,
    /// The first byte of the record that is being looked at; all before it is whole.
    pub(super) record_start: usize,
    /// All before it has been looked at.
    scanned: usize,
    in_quotes: bool,
    shadow: Option<Shadow>,
    #[cfg(test)]
    looked_at: usize,
}

/// A scan that found no record end: where it was, and where it stopped.
#[derive(Clone, Copy, Debug)]
struct Shadow {
    at: usize,
    in_quotes: bool,
    until: usize,
    in_quotes_then: bool,
}

impl Scanner {
    pub(super) fn new(record_bytes_max: usize) -> Scanner {
        Scanner {
            delimiter: b',',
            record_bytes_max,
            record_start: 0,
            scanned: 0,
            in_quotes: false,
            shadow: None,
            #[cfg(test)]
            looked_at: 0,
        }
    }

    /// Starts afresh at this index.
    pub(super) fn restart(&mut self, at: usize) {
        self.shadow = None;
        self.resume(at);
    }

    /// Gives the record up and goes on behind its first line, which ends here.
    pub(super) fn give_up(&mut self, line_end: usize) {
        // A line end inside a record is inside quotes.
        self.shadow = Some(Shadow {
            at: line_end,
            in_quotes: true,
            until: self.scanned,
            in_quotes_then: self.in_quotes,
        });
        self.resume(line_end);
    }

    /// The first `bytes` of the buffer, all before `record_start`, are about to go.
    pub(super) fn shift(&mut self, buffer: &[u8], bytes: usize) {
        self.follow(buffer);
        self.record_start -= bytes;
        self.scanned -= bytes;
        if let Some(shadow) = &mut self.shadow {
            shadow.at -= bytes;
            shadow.until -= bytes;
        }
    }

    /// Looks at bytes until a record ends or something stands in the way.
    pub(super) fn step(&mut self, buffer: &[u8], is_at_end: bool) -> Step {
        loop {
            self.follow(buffer);
            if self.scanned - self.record_start > self.record_bytes_max {
                return Step::Over;
            }
            let rest = &buffer[self.scanned..];
            let hit = match self.in_quotes {
                true => memchr(QUOTE, rest),
                false => memchr3(QUOTE, b'\n', b'\r', rest),
            };
            #[cfg(test)]
            {
                self.looked_at += hit.map_or(rest.len(), |hit| hit + 1);
            }
            let Some(at) = hit.map(|hit| self.scanned + hit) else {
                self.scanned = buffer.len();
                return self.starved(buffer, is_at_end);
            };
            let next = buffer.get(at + 1).copied();
            let is_known = next.is_some() || is_at_end;
            match buffer[at] {
                QUOTE if self.in_quotes && !is_known => {
                    self.scanned = at;
                    return self.starved(buffer, is_at_end);
                }
                QUOTE => {
                    let is_first = at == self.record_start;
                    (self.scanned, self.in_quotes) =
                        self.behind_quote(buffer, at, self.in_quotes, is_first);
                }
                b'\r' if !is_known => {
                    self.scanned = at;
                    return self.starved(buffer, is_at_end);
                }
                b'\r' if next == Some(b'\n') => return self.line(at, at + 2),
                _ => return self.line(at, at + 1),
            }
        }
    }

    /// Where a scan goes on behind a quote, and whether it is inside quotes there.
    fn behind_quote(
        &self,
        buffer: &[u8],
        at: usize,
        in_quotes: bool,
        is_first: bool,
    ) -> (usize, bool) {
        match in_quotes {
            true if buffer.get(at + 1) == Some(&QUOTE) => (at + 2, true),
            true => (at + 1, false),
            false => (at + 1, is_first || buffer[at - 1] == self.delimiter),
        }
    }

    /// Takes the shadow along to where this scan is; once both are in the same state, goes on
    /// where the shadow stopped.
    fn follow(&mut self, buffer: &[u8]) {
        let Some(mut shadow) = self.shadow else { return };
        while shadow.at < self.scanned.min(shadow.until) {
            let behind = &buffer[shadow.at..self.scanned.min(shadow.until)];
            let hit = memchr(QUOTE, behind);
            #[cfg(test)]
            {
                self.looked_at += hit.map_or(behind.len(), |hit| hit + 1);
            }
            (shadow.at, shadow.in_quotes) = match hit {
                None => (shadow.at + behind.len(), shadow.in_quotes),
                Some(hit) => self.behind_quote(buffer, shadow.at + hit, shadow.in_quotes, false),
            };
        }
        let is_behind = self.scanned > self.record_start;
        if self.scanned >= shadow.until {
            self.shadow = None;
        } else if is_behind && (shadow.at, shadow.in_quotes) == (self.scanned, self.in_quotes) {
            self.scanned = shadow.until;
            self.in_quotes = shadow.in_quotes_then;
            self.shadow = None;
        } else {
            self.shadow = Some(shadow);
        }
    }

    /// A line whose content ends at `content_end`, outside quotes.
    fn line(&mut self, content_end: usize, end: usize) -> Step {
        let content_bytes = content_end - self.record_start;
        if content_bytes > self.record_bytes_max {
            self.scanned = content_end;
            return Step::Over;
        }
        self.resume(end);
        if content_bytes == 0 { Step::Blank } else { Step::Record }
    }

    /// All of the buffer has been looked at.
    fn starved(&mut self, buffer: &[u8], is_at_end: bool) -> Step {
        if self.scanned - self.record_start > self.record_bytes_max {
            Step::Over
        } else if !is_at_end {
            Step::More
        } else if self.record_start == buffer.len() {
            Step::Done
        } else if self.in_quotes {
            Step::Over
        } else {
            self.line(buffer.len(), buffer.len())
        }
    }

    /// Where the physical line at `record_start` ends.
    pub(super) fn first_line_end(&self, buffer: &[u8], is_at_end: bool) -> LineEnd {
        let rest = &buffer[self.record_start..];
        let Some(at) = memchr2(b'\n', b'\r', rest) else {
            return match rest.len() <= self.record_bytes_max {
                true => LineEnd::Within(buffer.len()),
                false if is_at_end => LineEnd::Beyond(buffer.len()),
                false => LineEnd::NotYet,
            };
        };
        let end = match (rest[at], rest.get(at + 1)) {
            (b'\r', Some(b'\n')) => at + 2,
            (b'\r', None) if !is_at_end => return LineEnd::Unknown,
            _ => at + 1,
        };
        match at <= self.record_bytes_max {
            true => LineEnd::Within(self.record_start + end),
            false => LineEnd::Beyond(self.record_start + end),
        }
    }

    fn resume(&mut self, at: usize) {
        self.record_start = at;
        self.scanned = at;
        self.in_quotes = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scans a whole buffer; says how many lines were given up and how many bytes looked at.
    fn scan(buffer: &[u8], record_bytes_max: usize) -> (usize, usize) {
        let mut scanner = Scanner::new(record_bytes_max);
        let mut given_up = 0;
        loop {
            match scanner.step(buffer, true) {
                Step::Record | Step::Blank => {}
                Step::More => unreachable!("the input is at its end"),
                Step::Done => return (given_up, scanner.looked_at),
                Step::Over => {
                    given_up += 1;
                    match scanner.first_line_end(buffer, true) {
                        LineEnd::Within(end) => scanner.give_up(end),
                        LineEnd::Beyond(end) => scanner.restart(end),
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
        ] {
            for record_bytes_max in [7, 1_000, 1 << 20] {
                let buffer = line.repeat(200_000 / line.len());
                let (_, looked_at) = scan(buffer.as_bytes(), record_bytes_max);
                assert!(
                    looked_at <= 8 * buffer.len(),
                    "{line:?} {record_bytes_max}: {looked_at} for {}",
                    buffer.len()
                );
            }
        }
    }

    #[test]
    fn a_line_that_never_ends_is_given_up_alone() {
        let (given_up, _) = scan("x\",\"\n".repeat(1_000).as_bytes(), 1 << 20);
        assert_eq!(given_up, 1_000);
        let (given_up, _) = scan(b"a,\"b\n1,2\n3,4\n", 1 << 20);
        assert_eq!(given_up, 1);
    }
}
