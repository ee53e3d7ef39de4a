//! The first bytes of a list -> how it is written: delimiter, quote, escape, header, and what
//! stands before the header.
//!
//! In: a sample of the text, the options, which always win. Out: [`Found`], with a word on each
//! decision. What the header names decides first; where nothing is named, the delimiter under
//! which cells look like e-mails and phones, and then the one under which records are equally long.

use super::dialect::{Dialect, behind_line_end, is_line_end};
use super::headers::{fold, recognize};
use super::identifier::Identifier;
use super::options::{Header, Options};
use super::record::{Cells, Fields, each_record, split_sample};
use crate::normalize::text;
use std::cmp::Ordering;
use std::collections::HashSet;

/// How a list is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) dialect: Dialect,
    /// True if there is a header.
    pub(crate) is_named: bool,
    /// Bytes before the header or the first row: a `sep=` line, titles, comments.
    pub(crate) skipped_bytes: usize,
    /// Why; no cell content.
    pub(crate) reasons: Vec<String>,
}

/// Delimiters that are looked for, the usual ones first.
const DELIMITERS: [u8; 9] = [b',', b';', b'\t', b'|', b'^', 0x1f, 0x1e, b'~', b':'];

/// Titles and comments before a header.
const LINES_BEFORE_MAX: usize = 20;

/// Records that are compared.
const RECORDS_MAX: usize = 200;

/// Finds out. The sample starts at the first line that is not blank.
pub(crate) fn sniff(sample: &[u8], options: &Options) -> Found {
    let mut reasons = Vec::new();
    let (mut given, mut start) = (options.delimiter, 0);
    if let Some(delimiter) = given {
        reasons.push(format!("delimiter {}: said by the options", shown(delimiter)));
    }
    if let Some((delimiter, end)) = separator_line(sample) {
        start = end;
        if given.is_none() && Some(delimiter) != options.quote.unwrap_or(Some(b'"')) {
            given = Some(delimiter);
            reasons.push(format!("delimiter {}: said by a sep= line", shown(delimiter)));
        }
    }
    let text = &sample[start..];
    let quote = options.quote.unwrap_or(Some(b'"'));
    let dialects: Vec<Dialect> = match given {
        Some(delimiter) => vec![Dialect { delimiter, quote, escape: options.escape }],
        None => DELIMITERS
            .into_iter()
            .filter(|delimiter| Some(*delimiter) != quote && Some(*delimiter) != options.escape)
            .map(|delimiter| Dialect { delimiter, quote, escape: options.escape })
            .collect(),
    };
    let named = match options.header {
        Header::No => None,
        Header::Yes => best_header(text, &dialects, options, 0),
        Header::Auto => best_header(text, &dialects, options, LINES_BEFORE_MAX),
    };
    let (dialect, is_named) = match &named {
        Some(named) => (named.dialect, true),
        None => {
            // Of equals the first: the last one is what would be taken.
            let best = dialects.iter().rev().copied().max_by_key(|dialect| fit(text, *dialect));
            let dialect = best.unwrap_or_default();
            let is_data = first_is_data(text, dialect);
            (dialect, options.header == Header::Yes || (options.header == Header::Auto && !is_data))
        }
    };
    if given.is_none() {
        let text = match (&named, fit(text, dialect)) {
            (Some(named), _) if named.fields > 1 => {
                format!("the header has {} known names under it", named.known)
            }
            (_, (_, share, fields)) if fields > 1 => {
                format!("{share} % of the first records have {fields} fields under it")
            }
            _ => "no other was found".to_owned(),
        };
        reasons.push(format!("delimiter {}: {text}", shown(dialect.delimiter)));
    }
    let before = named.as_ref().map_or(0, |named| named.start);
    if options.header == Header::Auto {
        reasons.push(match (&named, is_named) {
            (Some(named), _) if named.lines_before > 0 => {
                format!("header: known names, behind {} other lines", named.lines_before)
            }
            (Some(_), _) => "header: known names in the first line".to_owned(),
            (None, true) => "header: the first line holds no e-mail and no long number".to_owned(),
            (None, false) => "no header: the first line holds an e-mail or a number".to_owned(),
        });
    }
    let dialect = with_quoting(&text[before..], dialect, options, &mut reasons);
    Found { dialect, is_named, skipped_bytes: start + before, reasons }
}

/// A delimiter as people write it.
pub(crate) fn shown(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tab".to_owned(),
        0x21..=0x7e => char::from(delimiter).to_string(),
        other => format!("0x{other:02x}"),
    }
}

/// `sep=;`, which Excel writes and obeys; and the index behind it and blank lines.
fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let end = text.iter().position(|byte| is_line_end(*byte)).unwrap_or(text.len());
    let line = text[..end].trim_ascii_end();
    let bare = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (name, value) = bare.split_at_checked(4)?;
    // A tab at the end is no blank here.
    let value = if value.is_empty() { text[..end].get(4..)? } else { value };
    let [delimiter] = value else { return None };
    let is_it = name.eq_ignore_ascii_case(b"sep=") && delimiter.is_ascii();
    let mut behind = end;
    while text.get(behind).is_some_and(|byte| is_line_end(*byte)) {
        behind += 1;
    }
    is_it.then_some((*delimiter, behind))
}

/// A line whose cells are names of columns.
struct Named {
    dialect: Dialect,
    /// Where it starts.
    start: usize,
    lines_before: usize,
    known: usize,
    fields: usize,
}

/// The first line with known names; a later one only where the first looks like a title: it is
/// narrower, and names less.
fn best_header(
    text: &[u8],
    dialects: &[Dialect],
    options: &Options,
    lines_before_max: usize,
) -> Option<Named> {
    let mut best: Option<Named> = None;
    let mut fields = Fields::default();
    for dialect in dialects {
        let (mut start, mut lines_before) = (0, 0);
        // The width of the first line that holds data.
        let (mut row_fields, mut rows_before) = (None, 0);
        while start < text.len() && lines_before <= lines_before_max {
            let end = split_sample(text, start, *dialect, &mut fields);
            let cells = Cells::new(text, &fields);
            let fields = cells.len();
            let is_row = cells.iter().any(is_data);
            // Titles may hold an e-mail; what follows a row of the same width is a header only if
            // it says so with most of its names.
            let is_said = says_all(cells, options);
            let known = known_names(cells, options).filter(|known| {
                let is_behind = |row: usize| {
                    let kinds = kinds(cells);
                    let says_so = kinds >= KNOWN_MIN && kinds * 2 >= fields;
                    *known >= KNOWN_MIN && (row != fields || (says_so && rows_before <= TITLES_MAX))
                };
                is_said || (!is_row && row_fields.is_none_or(is_behind))
            });
            if let Some(known) = known {
                let named = Named { dialect: *dialect, start, lines_before, known, fields };
                if best.as_ref().is_none_or(|best| named.is_better_than(best)) {
                    best = Some(named);
                }
            }
            if is_row {
                row_fields.get_or_insert(fields);
                // Titles are padded with delimiters; a full line is a row.
                let is_title = cells.iter().any(|cell| cell.trim_ascii().is_empty());
                rows_before += if is_title { 1 } else { TITLES_MAX + 1 };
            }
            // A title may hold a stray quote: its physical line is what counts.
            let line = text[start..end].iter().position(|byte| is_line_end(*byte));
            start = behind_line_end(text, line.map_or(end, |line| start + line));
            while text.get(start).is_some_and(|byte| is_line_end(*byte)) {
                start += 1;
            }
            lines_before += 1;
        }
    }
    best
}

impl Named {
    fn is_better_than(&self, other: &Named) -> bool {
        let rank = |named: &Named| (named.known, named.fields);
        match self.lines_before.cmp(&other.lines_before) {
            Ordering::Equal => rank(self) > rank(other),
            Ordering::Greater => self.known > other.known && self.fields > other.fields,
            // The other is under another delimiter.
            Ordering::Less => self.known >= other.known || self.fields >= other.fields,
        }
    }
}

/// How many identifiers are named.
fn kinds(cells: Cells<'_>) -> usize {
    let names = cells.iter().filter_map(|cell| recognize(&text::lossless(cell)));
    names.collect::<HashSet<_>>().len()
}

/// Titles that may hold an e-mail or a number.
const TITLES_MAX: usize = 3;

/// So many known names make a header of any line.
const KNOWN_MIN: usize = 2;

/// How many cells are names that are known or mapped; `None` if that makes no header.
fn known_names(cells: Cells<'_>, options: &Options) -> Option<usize> {
    let names: Vec<String> = cells.iter().map(|cell| text::lossless(cell).into_owned()).collect();
    let folded: Vec<String> = names.iter().map(|name| fold(name)).collect();
    let wanted = options.mapped.iter().map(|(_, name)| name).chain(&options.kept);
    let mut wanted = wanted.filter(|name| !name.starts_with('#')).peekable();
    let is_there = |wanted: &String| names.contains(wanted) || folded.contains(&fold(wanted));
    let has_wanted = wanted.peek().is_some();
    if !wanted.all(is_there) {
        return None;
    }
    let known: Vec<Identifier> = names.iter().filter_map(|name| recognize(name)).collect();
    let is_header = has_wanted
        || known.len() >= KNOWN_MIN
        || known.iter().any(|identifier| identifier.is_primary());
    is_header.then_some(known.len() + options.mapped.len())
}

/// True for a line with every mapped name to the letter, where nothing else makes a header: it is
/// one whatever it looks like.
fn says_all(cells: Cells<'_>, options: &Options) -> bool {
    let has = |name: &String| cells.iter().any(|cell| cell == name.as_bytes());
    options.mapped_only && options.mapped.iter().all(|(_, name)| has(name))
}

/// True for a cell that no header has: an e-mail, a long number, a digest.
fn is_data(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    // A quote that is lost is no part of it.
    let cell = cell.strip_prefix(b"\"").unwrap_or(cell);
    is_email(cell) || is_number(cell) || is_digest(cell)
}

pub(crate) fn is_email(cell: &[u8]) -> bool {
    const BYTES_MAX: usize = 254;
    let mut parts = cell.split(|byte| *byte == b'@');
    let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_odd = |byte: &u8| byte.is_ascii_whitespace() || b",;:|^~\"<>()".contains(byte);
    let may_be_domain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-.".contains(byte) || *byte > 127;
    !local.is_empty()
        && cell.len() <= BYTES_MAX
        && domain.len() > 2
        && domain[1..domain.len() - 1].contains(&b'.')
        && domain.iter().all(may_be_domain)
        && !local.iter().any(is_odd)
}

/// Digits as phones have them.
fn is_number(cell: &[u8]) -> bool {
    const DIGITS_MIN: usize = 7;
    let bare = cell.strip_prefix(b"+").unwrap_or(cell);
    let is_inner = |byte: &u8| byte.is_ascii_digit() || b" -()./".contains(byte);
    let digits = bare.iter().filter(|byte| byte.is_ascii_digit()).count();
    bare.iter().all(is_inner) && digits >= DIGITS_MIN
}

fn is_digest(cell: &[u8]) -> bool {
    cell.len() == 64 && cell.iter().all(u8::is_ascii_hexdigit)
}

/// Whether the first record is a row.
fn first_is_data(text: &[u8], dialect: Dialect) -> bool {
    let mut fields = Fields::default();
    split_sample(text, 0, dialect, &mut fields);
    Cells::new(text, &fields).iter().any(is_data)
}

/// How well a delimiter fits: cells that look like data, the share of records with the usual number
/// of fields in percent, that number.
fn fit(text: &[u8], dialect: Dialect) -> (usize, usize, usize) {
    let mut lengths: Vec<usize> = Vec::new();
    let mut data = 0;
    each_record(text, dialect, |cells| {
        lengths.push(cells.len());
        data += cells.iter().filter(|cell| is_data(cell)).count();
        lengths.len() < RECORDS_MAX
    });
    lengths.sort_unstable();
    let runs = lengths.chunk_by(|one, other| one == other);
    let usual = runs.max_by_key(|run| (run[0] > 1, run.len(), run[0])).unwrap_or(&[]);
    match usual {
        [] | [1, ..] => (data, 0, 1),
        usual => (data, 100 * usual.len() / lengths.len(), usual[0]),
    }
}

/// Quote and escape, where the options leave them open.
fn with_quoting(
    text: &[u8],
    mut dialect: Dialect,
    options: &Options,
    reasons: &mut Vec<String>,
) -> Dialect {
    let bare = Dialect { quote: None, escape: None, ..dialect };
    let (mut singly, mut doubly, mut filled) = (0, 0, 0);
    let mut records = 0;
    each_record(text, bare, |cells| {
        for cell in cells.iter().filter(|cell| !cell.is_empty()) {
            filled += 1;
            singly += usize::from(matches!(cell, [b'\'', .., b'\'']));
            doubly += usize::from(cell.starts_with(b"\""));
        }
        records += 1;
        records < RECORDS_MAX
    });
    if options.quote.is_none() && doubly == 0 && singly * 2 > filled {
        dialect.quote = Some(b'\'');
        reasons.push(format!("quote ': around {singly} of {filled} cells"));
    }
    // Who says what the quote is says that there is no escape, or says it too.
    let is_open = options.escape.is_none() && options.quote.is_none();
    let Some(quote) = dialect.quote.filter(|_| is_open) else { return dialect };
    // A backslash before a quote inside a field; at a field's end it may be a path's.
    let mut escaped = 0;
    for at in memchr::memmem::find_iter(text, &[b'\\', quote]) {
        let behind = text.get(at + 2);
        let ends = behind.is_none_or(|byte| *byte == dialect.delimiter || is_line_end(*byte));
        escaped += usize::from(!ends);
    }
    let has_doubled = memchr::memmem::find_iter(text, &[quote, quote]).any(|at| {
        let around = [at.checked_sub(1).and_then(|before| text.get(before)), text.get(at + 2)];
        let ends = |byte: Option<&u8>| {
            byte.is_none_or(|byte| *byte == dialect.delimiter || is_line_end(*byte))
        };
        // `,"",` is an empty field.
        !around.into_iter().all(ends) && around[0] != Some(&b'\\')
    });
    if escaped > 0 && !has_doubled && doubly > 0 {
        dialect.escape = Some(b'\\');
        reasons.push(format!("escape \\: before {escaped} quotes inside fields"));
    }
    dialect
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (u8, bool, usize) {
        let found = sniff(text.as_bytes(), &Options::new());
        (found.dialect.delimiter, found.is_named, found.skipped_bytes)
    }

    #[test]
    fn the_header_decides_the_delimiter() {
        for (text, delimiter) in [
            ("email;phone\n", b';'),
            ("email\tfirst, last\n", b'\t'),
            ("\"a;b;c\",email\n", b','),
            ("a|b|email,d\n", b'|'),
            ("email\n", b','),
            ("email^phone\n", b'^'),
            ("email\u{1f}phone\n", 0x1f),
            ("name, email, phone\n", b','),
        ] {
            assert_eq!(found(text), (delimiter, true, 0), "{text:?}");
        }
    }

    #[test]
    fn what_stands_before_the_header_is_passed_over() {
        assert_eq!(found("sep=;\r\nemail;phone\r\n"), (b';', true, 7));
        assert_eq!(found("\"sep=\t\"\nemail\tphone\n"), (b'\t', true, 8));
        assert_eq!(found("Export,,\n,,\nemail,phone,x\na@x.org,1,2\n"), (b',', true, 12));
        assert_eq!(found("# made by a shop\nemail\n"), (b',', true, 17));
        // Behind a row nothing is a header.
        assert_eq!(found("a@x.org,1\nemail,phone\n"), (b',', false, 0));
    }

    #[test]
    fn rows_without_a_header_are_rows() {
        assert_eq!(found("a@x.org;+12025550101\nb@x.org;+12025550102\n"), (b';', false, 0));
        assert_eq!(found("foo,bar\n1,2\n"), (b',', true, 0));
        assert_eq!(found("a@x.org\nb@x.org\n"), (b',', false, 0));
    }

    #[test]
    fn quotes_and_escapes_are_found() {
        let quoting = |text: &str| {
            let dialect = sniff(text.as_bytes(), &Options::new()).dialect;
            (dialect.quote, dialect.escape)
        };
        assert_eq!(quoting("'email','name'\n'a@x.org','O, B'\n"), (Some(b'\''), None));
        assert_eq!(quoting("email,name\na@x.org,\"a \\\"b\\\" c\"\n"), (Some(b'"'), Some(b'\\')));
        assert_eq!(quoting("email,name\na@x.org,\"a \"\"b\"\" c\"\n"), (Some(b'"'), None));
        assert_eq!(quoting("email,path\na@x.org,\"C:\\\"\n"), (Some(b'"'), None));
    }
}
