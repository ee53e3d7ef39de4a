//! A record whose quotes do not add up -> the reading that fits the header.
//!
//! In: the bytes from the record's start on. Out: where it ends, and how it is to be read; or word
//! that it is given up, which costs one physical line. A record comes here if text follows a
//! closing quote, if it is never closed, or if it spans lines and has not as many fields as the
//! header. Tried in this order, and the header's number of fields decides:
//!
//! 1. its physical line alone, where a quoted field may close at any quote in front of a delimiter
//!    or the line's end (and must, if a quoted field follows);
//! 2. the same, where a quote that opens a field may also be content;
//! 3. what the `csv` crate makes of it;
//! 4. as 1, over up to 200 lines.
//!
//! A record that is whole and spans lines, but has another number of fields, stays one ragged row
//! if its line alone fits in no way and none of its lines looks like a row.

use super::dialect::{Dialect, Meets, behind_line_end, is_line_end};
use super::headers::recognize;
use super::record::{Cells, Fields, closing, split as split_strictly};
use super::sniff::is_email;
use std::collections::HashSet;

/// How a damaged record is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A quoted field may close at any quote in front of a delimiter or a line end.
    Lenient,
    /// The same, and a quote that opens a field may be content.
    Literal,
    /// As the csv crate reads it.
    Strict,
}

const LINES_MAX: usize = 200;

/// Reads within the physical line that starts at `start` and whose content ends where `bytes`
/// end. `width` is the header's number of fields; without it any number will do.
pub(crate) fn read_line(
    bytes: &[u8],
    start: usize,
    dialect: Dialect,
    width: Option<usize>,
    fields: &mut Fields,
) -> Option<Reading> {
    let readings = [Reading::Lenient, Reading::Literal];
    readings.into_iter().find(|reading| {
        let lines_max = 1;
        let mut search = Search { reading: *reading, lines_max, fuel: fuel(bytes, start) };
        search.run(bytes, start, dialect, width, fields).is_some()
    })
}

/// What a search may cost: lines of ordinary length are tried in every way.
fn fuel(bytes: &[u8], start: usize) -> usize {
    8 * (bytes.len() - start) + (64 << 10)
}

/// Reads over several lines: how, and the index behind the content, if anything fits; and how many
/// bytes were looked at for it. `bytes` hold the longest record and one byte more, or all there is.
pub(crate) fn read_lines(
    bytes: &[u8],
    start: usize,
    dialect: Dialect,
    width: Option<usize>,
    bytes_max: usize,
    fields: &mut Fields,
) -> (Option<(Reading, usize)>, usize) {
    let (end, _) = split_strictly(bytes, start, dialect, fields);
    let fits = width.is_none_or(|width| fields.fit(width));
    if fits && end - start <= bytes_max && is_closed(bytes, start, end, dialect) {
        return (Some((Reading::Strict, end)), end - start);
    }
    let tank = fuel(bytes, start);
    let mut search = Search { reading: Reading::Lenient, lines_max: LINES_MAX, fuel: tank };
    let found = search.run(bytes, start, dialect, width, fields);
    (found.map(|end| (Reading::Lenient, end)), end - start + tank - search.fuel)
}

/// The fields of a record of which it is known how it is to be read; it ends where `bytes` end.
pub(crate) fn split(
    bytes: &[u8],
    start: usize,
    dialect: Dialect,
    width: Option<usize>,
    reading: Reading,
    fields: &mut Fields,
) {
    match reading {
        Reading::Strict => {
            split_strictly(bytes, start, dialect, fields);
        }
        reading => {
            // It was found before, at a bounded cost.
            let mut search = Search { reading, lines_max: LINES_MAX, fuel: usize::MAX };
            search.run(bytes, start, dialect, width, fields);
        }
    }
}

/// True if the strict reading met the end of its last field before the end of all bytes, or at it
/// outside quotes.
fn is_closed(bytes: &[u8], start: usize, end: usize, dialect: Dialect) -> bool {
    if end < bytes.len() {
        return true;
    }
    let mut at = start;
    loop {
        if dialect.opens(bytes.get(at)) {
            let (close, _) = closing(bytes, at + 1, dialect);
            if close == bytes.len() {
                return false;
            }
            at = close + 1;
        }
        at = dialect.field_end(bytes, at);
        match bytes.get(at) {
            Some(byte) if *byte == dialect.delimiter => at += 1,
            _ => return true,
        }
    }
}

/// A search for a reading.
struct Search {
    reading: Reading,
    lines_max: usize,
    /// Bytes that may still be looked at.
    fuel: usize,
}

/// A field that may be read in another way.
struct Choice {
    /// Where it starts, and how many fields and lines are before it.
    start: usize,
    fields: usize,
    lines: usize,
    /// Where another closing quote may be; `None` if only the literal reading is left.
    from: Option<usize>,
}

impl Search {
    /// Tries the readings of the record's quoted fields, the shortest first, until one has the
    /// right number of fields; gives the index behind the record's content.
    fn run(
        &mut self,
        bytes: &[u8],
        start: usize,
        dialect: Dialect,
        width: Option<usize>,
        fields: &mut Fields,
    ) -> Option<usize> {
        fields.clear();
        let mut choices: Vec<Choice> = Vec::new();
        // Where a field started that led nowhere, and how many fields were before it.
        let mut seen = HashSet::new();
        let mut next = Choice { start, fields: 0, lines: 1, from: Some(start + 1) };
        loop {
            fields.truncate(next.fields);
            let (at, mut lines) = (next.start, next.lines);
            let close = match next.from.filter(|_| dialect.opens(bytes.get(at))) {
                Some(from) => proper_close(bytes, from, dialect, lines, self.lines_max),
                None => None,
            };
            let end = match close {
                Some(close) => {
                    lines = close.lines;
                    let end = dialect.field_end(bytes, close.at + 1);
                    // Only blanks stand behind it.
                    fields.push_quoted(bytes, (at + 1, close.at), &[], dialect);
                    let from = (!close.is_final).then_some(close.at + 1);
                    if from.is_some() || self.reading == Reading::Literal {
                        choices.push(Choice { from, ..next });
                    }
                    Some(end)
                }
                None if !dialect.opens(bytes.get(at)) || self.reading == Reading::Literal => {
                    let end = dialect.field_end(bytes, at);
                    fields.push(at, end);
                    Some(end)
                }
                None => None,
            };
            let cost = end.map_or(bytes.len() - at, |end| end - at) + 1;
            self.fuel = self.fuel.saturating_sub(cost);
            let count = fields.len();
            if let Some(end) = end.filter(|_| !width.is_some_and(|width| fields.exceed(width))) {
                let is_delimited = bytes.get(end) == Some(&dialect.delimiter);
                if is_delimited && (choices.is_empty() || seen.insert((end + 1, count))) {
                    next = Choice { start: end + 1, fields: count, lines, from: Some(end + 2) };
                    continue;
                }
                let is_end = end == bytes.len() || self.lines_max > 1;
                if !is_delimited && is_end && width.is_none_or(|width| fields.fit(width)) {
                    return Some(end);
                }
            }
            next = choices.pop().filter(|_| self.fuel > 0)?;
        }
    }
}

/// A quote in front of a delimiter, a line end or the end.
struct Close {
    at: usize,
    lines: usize,
    /// A quoted field follows: nothing else can be meant.
    is_final: bool,
}

fn proper_close(
    bytes: &[u8],
    mut at: usize,
    dialect: Dialect,
    mut lines: usize,
    lines_max: usize,
) -> Option<Close> {
    loop {
        let hit = match dialect.inside(bytes, at) {
            Meets::Nothing => return None,
            Meets::Quote(hit) | Meets::Escape(hit) => hit,
        };
        // More lines than are looked at end the search.
        let mut end = at;
        while let Some(ended) = memchr::memchr2(b'\n', b'\r', &bytes[end..hit]) {
            end = behind_line_end(bytes, end + ended);
            lines += 1;
            if lines > lines_max {
                return None;
            }
        }
        let is_quote = dialect.quote == Some(bytes[hit]);
        let is_pair = bytes.get(hit + 1) == bytes.get(hit);
        // The second of two quotes may close as well.
        let last = if is_quote && is_pair { hit + 1 } else { hit };
        if is_quote && dialect.closes(bytes, last).unwrap_or(true) {
            let end = dialect.field_end(bytes, last + 1);
            let is_delimited = bytes.get(end) == Some(&dialect.delimiter);
            let is_final = is_delimited && dialect.opens(bytes.get(end + 1));
            return Some(Close { at: last, lines, is_final });
        }
        at = if is_quote { last + 1 } else { hit + 2 };
    }
}

/// The fields of a single record, such as the header.
pub(crate) fn single(bytes: &[u8], dialect: Dialect, is_damaged: bool, fields: &mut Fields) {
    let ends = bytes.iter().rev().take_while(|byte| is_line_end(**byte)).count();
    let bytes = &bytes[..bytes.len() - ends];
    if !is_damaged {
        split_strictly(bytes, 0, dialect, fields);
        return;
    }
    // The reading in which more names are known.
    let known = |fields: &Fields| {
        let name = |cell: &&[u8]| recognize(&String::from_utf8_lossy(cell)).is_some();
        Cells::new(bytes, fields).iter().filter(name).count()
    };
    let literal = Dialect { quote: None, ..dialect };
    split_strictly(bytes, 0, literal, fields);
    let literally_known = known(fields);
    read_line(bytes, 0, dialect, None, fields);
    if known(fields) < literally_known {
        split_strictly(bytes, 0, literal, fields);
    }
}

/// True if a record that fits the header seems to be several rows: each of its lines has as many
/// fields as the header, and too many of them for that to be chance, as in an address of two lines;
/// or nearly each has an e-mail in the same place.
pub(crate) fn swallows_rows(content: &[u8], dialect: Dialect, width: usize) -> bool {
    const DELIMITERS_MIN: usize = 6;
    let lines = Lines::of(content, dialect, width);
    let is_no_chance = lines.rows.saturating_sub(1) * width.saturating_sub(1) >= DELIMITERS_MIN;
    lines.has_mails(width) || (lines.rows == lines.all && is_no_chance)
}

/// The same of a record that does not fit: it is enough that a line inside it has as many fields as
/// the header, that all of several have as many as each other, or that they are too many.
pub(crate) fn may_swallow_rows(content: &[u8], dialect: Dialect, width: usize) -> bool {
    let lines = Lines::of(content, dialect, width);
    let are_alike = lines.all > 3 && lines.are_alike;
    lines.has_mails(width) || lines.rows_inside > 0 || are_alike || lines.all > LINES_MAX
}

/// What the physical lines of a record look like, taken alone.
struct Lines {
    all: usize,
    /// Those with as many fields as the header, and those of them that are neither first nor last.
    rows: usize,
    rows_inside: usize,
    /// Those of at least half the header's width with an e-mail where the first one has one.
    mails: usize,
    /// True if those that are neither first nor last have as many fields as each other, and
    /// several.
    are_alike: bool,
}

impl Lines {
    fn of(content: &[u8], dialect: Dialect, width: usize) -> Lines {
        let mut lines = Lines { all: 0, rows: 0, rows_inside: 0, mails: 0, are_alike: true };
        let (mut mail_at, mut inside) = (None, None);
        let mut last_is_row = false;
        for line in content.split(|byte| is_line_end(*byte)).filter(|line| !line.is_empty()) {
            let fields = line.split(|byte| *byte == dialect.delimiter);
            let bare = |field: &[u8]| {
                let field = field.trim_ascii();
                let field =
                    dialect.quote.and_then(|quote| field.strip_prefix(&[quote])).unwrap_or(field);
                is_email(field)
            };
            let count = fields.clone().count();
            let mail = fields
                .clone()
                .position(bare)
                .filter(|_| (count > 1 || width == 1) && count * 2 >= width);
            if lines.all == 0 {
                mail_at = mail;
            } else {
                // The line before this one was not the last.
                lines.rows_inside += usize::from(last_is_row && lines.all > 1);
            }
            lines.mails += usize::from(mail.is_some() && mail == mail_at);
            last_is_row = width > 1 && count == width;
            lines.rows += usize::from(last_is_row);
            // The last line is compared too; it rarely is another.
            if lines.all > 0 {
                lines.are_alike &= count > 1 && *inside.get_or_insert(count) == count;
            }
            lines.all += 1;
        }
        lines
    }

    /// Nine lines of ten; in a list of one column two addresses may be one cell.
    fn has_mails(&self, width: usize) -> bool {
        let least = if width == 1 { 3 } else { 2 };
        self.all >= least && self.mails * 10 >= self.all * 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, width: usize) -> Option<(Reading, Vec<String>)> {
        let mut fields = Fields::default();
        let reading = read_line(text.as_bytes(), 0, Dialect::default(), Some(width), &mut fields)?;
        let cells = Cells::new(text.as_bytes(), &fields);
        let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
        Some((reading, cells.iter().map(text).collect()))
    }

    #[test]
    fn the_number_of_fields_decides() {
        for (text, width, reading, expected) in [
            (r#"1,"5" screen","x""#, 3, Reading::Lenient, &["1", r#"5" screen"#, "x"][..]),
            (
                r#""he said "hi", then left",x"#,
                2,
                Reading::Lenient,
                &[r#"he said "hi", then left"#, "x"],
            ),
            (r#"a,"b"#, 2, Reading::Literal, &["a", "\"b"]),
            (r#""abc,"def""#, 2, Reading::Literal, &["\"abc", "def"]),
            (r#"x,"a", b",y"#, 3, Reading::Lenient, &["x", r#"a", b"#, "y"]),
        ] {
            let expected = expected.iter().map(|field| (*field).to_owned()).collect();
            assert_eq!(line(text, width), Some((reading, expected)), "{text}");
        }
        assert_eq!(line("a,\"b", 3), None);
    }
}
