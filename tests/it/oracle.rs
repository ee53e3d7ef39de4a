//! The executable specification: one row at a time, no threads, nothing clever.
//!
//! In: a whole input and the options. Out: what the engine must make of it. E-mail and phone
//! rules are written down here once more; the other fields go through the public normalizer, one
//! value at a time.

use matchkey::normalize::date::DateOrder;
use matchkey::normalize::phone::{Reason, reference::Reference, territories};
use matchkey::normalize::{Country, Hints, Normalizer, Outcome};
use matchkey::platform::Encoding;
use matchkey::{Form, Identifier, Options, RowProblem};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashSet;

/// What the oracle says of one row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OracleRow {
    pub(crate) number: u64,
    pub(crate) byte: u64,
    pub(crate) line: u64,
    pub(crate) problem: Option<RowProblem>,
    pub(crate) kept: Vec<Vec<u8>>,
    /// A key in hexadecimal, a plain value, or nothing, for each used column.
    pub(crate) cells: Vec<Option<String>>,
    pub(crate) is_usable: bool,
}

/// The columns of a test: identifier and place.
pub(crate) type Used = [(Identifier, usize)];

/// A record as the plain reader sees it.
pub(crate) struct PlainRecord {
    pub(crate) start: usize,
    pub(crate) fields: Vec<Vec<u8>>,
    pub(crate) problem: Option<RowProblem>,
}

impl PlainRecord {
    /// The fields that may be used.
    fn trusted(&self) -> Vec<Vec<u8>> {
        // The quote that opened a cell and never closed is no part of it.
        let without_stray_quote = |cell: &Vec<u8>| match &cell[..] {
            [b'"', rest @ ..] if !rest.contains(&b'"') => rest.to_vec(),
            [b'\'', rest @ ..] if !rest.contains(&b'\'') => rest.to_vec(),
            cell => without_blank(cell),
        };
        match self.problem {
            Some(RowProblem::RecordTooLarge | RowProblem::QuoteError) => Vec::new(),
            Some(RowProblem::QuoteRecovered) => {
                self.fields.iter().map(without_stray_quote).collect()
            }
            _ => self.fields.iter().map(|cell| without_blank(cell)).collect(),
        }
    }
}

/// ` "b"` as `b`: a blank in front of quotes makes them content, which nobody means.
fn without_blank(cell: &[u8]) -> Vec<u8> {
    match cell.trim_ascii() {
        [b'"', inner @ .., b'"'] if cell[0] == b' ' && !inner.contains(&b'"') => inner.to_vec(),
        _ => cell.to_vec(),
    }
}

/// Every row of an input with a header, `record_bytes_max` as in the options.
pub(crate) fn rows(
    input: &[u8],
    used: &Used,
    kept: &[usize],
    country: Option<&str>,
    record_bytes_max: usize,
) -> Vec<OracleRow> {
    let body = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let dropped = input.len() - body.len();
    let held = Held { bytes_max: usize::MAX, width: None };
    let (header, rest) = match plain_record(body, skip_blank(body, 0), held) {
        Some((header, end)) => (header, end),
        None => return Vec::new(),
    };
    let width = header.fields.len();
    let default = country.and_then(Country::parse);
    let records = records_behind(body, rest, record_bytes_max, width);
    let orders: Vec<_> = used.iter().map(|used| date_order(*used, &records)).collect();
    let records = records.iter().enumerate();
    records
        .map(|(index, record)| {
            let before = &body[..record.start];
            row(index as u64 + 1, before, dropped, record, used, &orders, kept, default, width)
        })
        .collect()
}

fn records_behind(body: &[u8], mut at: usize, bytes_max: usize, width: usize) -> Vec<PlainRecord> {
    let mut records = Vec::new();
    let held = Held { bytes_max, width: Some(width) };
    while let Some((record, end)) = plain_record(body, skip_blank(body, at), held) {
        let content = &body[record.start..end];
        let is_filler = content.iter().all(|byte| matches!(byte, 0 | 0x1a));
        if !is_filler || content.len() > bytes_max {
            records.push(record);
        }
        at = end;
    }
    records
}

/// The fields that may be used of every row of an input without a byte order mark.
pub(crate) fn records(input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let held = Held { bytes_max: usize::MAX, width: None };
    let (header, rest) = plain_record(input, 0, held).unwrap();
    let records = records_behind(input, rest, 1 << 20, header.fields.len());
    records.iter().map(PlainRecord::trusted).collect()
}

/// The order of a column's dates, if all dates that tell agree. Inputs are smaller than a sample.
fn date_order(
    (identifier, index): (Identifier, usize),
    records: &[PlainRecord],
) -> Option<DateOrder> {
    let (mut day_first, mut month_first) = (false, false);
    for record in records.iter().filter(|_| identifier == Identifier::Dob) {
        let cell = record.fields.get(index).cloned().unwrap_or_default();
        let text = String::from_utf8_lossy(&cell).trim().to_owned();
        let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
        let [first, second, year] = parts[..] else { continue };
        if year.len() == 4
            && let (Ok(first), Ok(second)) = (first.parse::<u32>(), second.parse::<u32>())
        {
            day_first |= (13..=31).contains(&first) && (1..=12).contains(&second);
            month_first |= (13..=31).contains(&second) && (1..=12).contains(&first);
        }
    }
    match (day_first, month_first) {
        (true, false) => Some(DateOrder::DayFirst),
        (false, true) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

#[expect(clippy::too_many_arguments, reason = "a plain function of everything it needs")]
fn row(
    number: u64,
    before: &[u8],
    dropped: usize,
    record: &PlainRecord,
    used: &Used,
    orders: &[Option<DateOrder>],
    kept: &[usize],
    default: Option<Country>,
    width: usize,
) -> OracleRow {
    let field = |index: usize| record.fields.get(index).cloned().unwrap_or_default();
    let is_spoilt =
        matches!(record.problem, Some(RowProblem::RecordTooLarge | RowProblem::QuoteError));
    let trusted = |index: usize| record.trusted().get(index).cloned().unwrap_or_default();
    let named = used.iter().filter(|(identifier, _)| *identifier == Identifier::Country);
    let country = named.filter_map(|(_, index)| country_named(&field(*index))).next().or(default);
    let outcome = |(identifier, index): &(Identifier, usize), order: &Option<DateOrder>| {
        cell(*identifier, &trusted(*index), country, *order)
    };
    // In a row that is too long cells behind the first unusable one may be of other columns.
    let beyond = record.fields.get(width..).unwrap_or_default();
    let is_long = record.problem.is_none() && beyond.iter().any(|field| !field.is_empty());
    // Unless a primary identifier behind it is in its place.
    let cells = || used.iter().zip(orders).map(|(used, order)| (used, outcome(used, order)));
    let is_certain =
        |((identifier, _), outcome): &(&(Identifier, usize), Result<Option<String>, ()>)| {
            identifier.is_primary() && matches!(outcome, Ok(Some(_)))
        };
    let certain = cells().filter(is_certain).map(|((_, index), _)| *index).max().unwrap_or(0);
    let unusable = cells().filter(|(_, outcome)| outcome.is_err()).map(|((_, index), _)| *index);
    let end = unusable.filter(|index| *index >= certain).min().filter(|_| is_long);
    let outcomes: Vec<_> = used
        .iter()
        .zip(orders)
        .map(|(used, order)| match end {
            Some(end) if used.1 > end => Ok(None),
            _ => outcome(used, order),
        })
        .collect();
    let primary =
        || used.iter().zip(&outcomes).filter(|((identifier, _), _)| identifier.is_primary());
    let is_blank = primary().all(|(_, outcome)| *outcome == Ok(None));
    OracleRow {
        number,
        byte: (dropped + record.start) as u64,
        line: 1 + naive_line_ends(before),
        problem: if is_blank && !is_spoilt {
            Some(RowProblem::NoIdentifier)
        } else {
            record.problem
        },
        kept: kept.iter().map(|index| field(*index)).collect(),
        is_usable: primary().any(|(_, outcome)| matches!(outcome, Ok(Some(_)))),
        cells: outcomes.into_iter().map(|outcome| outcome.unwrap_or(None)).collect(),
    }
}

fn country_named(cell: &[u8]) -> Option<Country> {
    let text = String::from_utf8_lossy(cell);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if text.bytes().all(|byte| byte.is_ascii_digit()) { None } else { Country::parse(text) }
}

/// `Ok(None)`: empty; `Ok(Some(key))`: usable; `Err(())`: unusable.
fn cell(
    identifier: Identifier,
    raw: &[u8],
    country: Option<Country>,
    order: Option<DateOrder>,
) -> Result<Option<String>, ()> {
    let ascii = std::str::from_utf8(raw).ok().filter(|text| text.is_ascii());
    let trimmed = ascii.map(|text| text.trim_matches(|c: char| c == '\0' || c.is_whitespace()));
    match (identifier, trimmed) {
        // The oracle's own words for the plain case; the rest is tested value by value.
        (Identifier::Email, Some(text)) if !is_prehashed(text) => email(text),
        (Identifier::Phone, Some(text)) if !is_prehashed(text) => phone(text, country),
        _ => {
            let mut out = Vec::new();
            let mut normalizer = Normalizer::new(&Options::new());
            let hints = Hints::from(country).date_order(order);
            match normalizer.normalize(identifier, Form::Generic, raw, hints, &mut out) {
                Outcome::Empty => Ok(None),
                Outcome::Usable if identifier == Identifier::Ltv => {
                    Ok(Some(String::from_utf8(out).unwrap()))
                }
                Outcome::Usable => Ok(Some(sha256(&out))),
                Outcome::Prehashed(digest) if digest.as_bytes().len() == 32 => {
                    Ok(Some(digest.text(Encoding::Hex)))
                }
                _ => Err(()),
            }
        }
    }
}

fn is_prehashed(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_null(text: &str) -> bool {
    const TOKENS: [&str; 17] = [
        "",
        "-",
        "--",
        "n/a",
        "#n/a",
        "#ref!",
        "(null)",
        "\\n",
        "na",
        "null",
        "none",
        "nan",
        "nil",
        "undefined",
        ".",
        "?",
        "unknown",
    ];
    TOKENS.contains(&text.to_lowercase().as_str())
}

fn email(text: &str) -> Result<Option<String>, ()> {
    if is_null(text) {
        return Ok(None);
    }
    let address = text.to_lowercase();
    let address = address.strip_suffix('.').unwrap_or(&address);
    let parts: Vec<&str> = address.split('@').collect();
    let is_clean = !address.chars().any(|c| c.is_whitespace() || c.is_control());
    match parts[..] {
        [local, domain] if is_clean && !local.is_empty() && domain.contains('.') => {
            Ok(Some(sha256(address.as_bytes())))
        }
        _ => Err(()),
    }
}

fn phone(text: &str, country: Option<Country>) -> Result<Option<String>, ()> {
    if is_null(text) {
        return Ok(None);
    }
    let country = country.map(|country| country.to_string());
    let phone = PLAIN.with_borrow_mut(|plain| plain.read(text, country.as_deref()));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let code = phone.calling_code().to_string();
    let national = phone.e164().get(1 + code.len()..).unwrap_or_default();
    let is_filler = national.bytes().all(|digit| digit == national.as_bytes()[0])
        || (digits == "1234567890" && !text.contains('+'));
    match phone.reason() {
        Reason::IsPossible if phone.e164().len() <= 16 && !is_filler => {
            Ok(Some(sha256(phone.e164().as_bytes())))
        }
        _ => Err(()),
    }
}

thread_local! {
    /// Compiles the metadata's patterns as they are asked for.
    static PLAIN: RefCell<Reference> = RefCell::new(Reference::new(territories()));
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn skip_blank(input: &[u8], at: usize) -> usize {
    at + input[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

fn naive_line_ends(bytes: &[u8]) -> u64 {
    let mut ends = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let is_lone_return = *byte == b'\r' && bytes.get(index + 1) != Some(&b'\n');
        ends += u64::from(*byte == b'\n' || is_lone_return);
    }
    ends
}

/// What the plain reader holds a record to.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    pub(crate) bytes_max: usize,
    /// The header's number of fields; without it the record is the header itself.
    pub(crate) width: Option<usize>,
}

/// The record that starts at `start`, and the index behind its content. The contract's reader,
/// written down once more: strict first, and where that does not add up one line in every way,
/// then more lines, then one line alone.
pub(crate) fn plain_record(input: &[u8], start: usize, held: Held) -> Option<(PlainRecord, usize)> {
    if start == input.len() {
        return None;
    }
    let rest = &input[start..];
    let strict = split(rest);
    let content = &rest[..strict.length];
    let line_length =
        rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
    let line = &rest[..line_length];
    let spans = strict.length > line_length;
    let is_misfit = held
        .width
        .is_some_and(|width| spans && (!fit(&strict.fields, width) || swallows(content, width)));
    let is_whole = strict.is_closed && strict.length <= held.bytes_max;
    let intact = |fields: Vec<Vec<u8>>, length: usize, problem: Option<RowProblem>| {
        Some((PlainRecord { start, fields, problem }, start + length))
    };
    if is_whole && !strict.has_text_behind_quote && !is_misfit {
        let is_odd = held.width.is_some_and(|width| width != strict.fields.len());
        let problem = (is_odd && strict.has_bare_quote).then_some(RowProblem::QuoteRecovered);
        return intact(strict.fields, strict.length, problem);
    }
    if line_length > held.bytes_max {
        return intact(Vec::new(), line_length, Some(RowProblem::RecordTooLarge));
    }
    let in_line = |width| {
        let mut search = Search { bytes: line, width, literal: false, lines_max: 1 };
        search.first().or_else(|| {
            search.literal = true;
            search.first()
        })
    };
    let recovered = Some(RowProblem::QuoteRecovered);
    if held.width.is_some() {
        if let Some((fields, _)) = in_line(held.width) {
            return intact(fields, line_length, recovered);
        }
        let width = held.width.unwrap_or_default();
        if is_whole && !strict.has_text_behind_quote && may_swallow(content, width) {
            let fields = in_line(None).map_or(Vec::new(), |(fields, _)| fields);
            return intact(fields, line_length, Some(RowProblem::QuoteError));
        }
        if is_whole && !strict.has_text_behind_quote {
            let is_odd = held.width.is_some_and(|width| width != strict.fields.len());
            let problem = (is_odd && strict.has_bare_quote).then_some(RowProblem::QuoteRecovered);
            return intact(strict.fields, strict.length, problem);
        }
        if is_whole && fit(&strict.fields, width) {
            return intact(strict.fields, strict.length, recovered);
        }
        let window = &rest[..rest.len().min(held.bytes_max + 1)];
        let lines = Search { bytes: window, width: held.width, literal: false, lines_max: 200 };
        if let Some((fields, end)) = lines.first().filter(|(_, end)| *end <= held.bytes_max) {
            return intact(fields, end, recovered);
        }
    }
    let fields = in_line(None).map_or(Vec::new(), |(fields, _)| fields);
    intact(fields, line_length, Some(RowProblem::QuoteError))
}

/// A record as the `csv` crate reads it.
struct Strict {
    fields: Vec<Vec<u8>>,
    /// How many bytes it has.
    length: usize,
    is_closed: bool,
    /// Anything but blanks.
    has_text_behind_quote: bool,
    /// Inside a field that is not quoted.
    has_bare_quote: bool,
}

fn split(bytes: &[u8]) -> Strict {
    let mut fields = vec![Vec::new()];
    // Before any byte of a field; inside quotes; behind them; in a field without.
    #[derive(PartialEq)]
    enum State {
        Start,
        Quoted,
        Behind,
        Plain,
    }
    let mut state = State::Start;
    let (mut has_text_behind_quote, mut has_bare_quote) = (false, false);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        let last = fields.len() - 1;
        if state == State::Quoted {
            match byte {
                b'"' if bytes.get(at + 1) == Some(&b'"') => {
                    fields[last].push(b'"');
                    at += 1;
                }
                b'"' => state = State::Behind,
                byte => fields[last].push(byte),
            }
            at += 1;
            continue;
        }
        match byte {
            b'\r' | b'\n' => break,
            b',' => {
                fields.push(Vec::new());
                state = State::Start;
            }
            b'"' if state == State::Start => state = State::Quoted,
            byte => {
                let is_behind = state == State::Behind;
                has_text_behind_quote |= is_behind && !matches!(byte, b' ' | b'\t');
                if state == State::Start {
                    state = State::Plain;
                }
                has_bare_quote |= state == State::Plain && byte == b'"';
                fields[last].push(byte);
            }
        }
        at += 1;
    }
    let is_closed = state != State::Quoted;
    Strict { fields, length: at, is_closed, has_text_behind_quote, has_bare_quote }
}

/// As many fields as the header, or more of which the last are empty.
fn fit(fields: &[Vec<u8>], width: usize) -> bool {
    fields.len() >= width && fields[width..].iter().all(Vec::is_empty)
}

/// The lines of a record, each split at commas.
fn lines_of(content: &[u8]) -> Vec<Vec<&[u8]>> {
    let lines = content.split(|byte| matches!(byte, b'\r' | b'\n'));
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| line.split(|byte| *byte == b',').collect()).collect()
}

fn looks_like_mail(cell: &[u8]) -> bool {
    let parts: Vec<&[u8]> = cell.split(|byte| *byte == b'@').collect();
    let [local, domain] = parts[..] else { return false };
    let is_odd = |byte: &u8| byte.is_ascii_whitespace() || b",;:|^~\"<>()".contains(byte);
    let is_letter = |byte: &u8| !byte.is_ascii() || byte.is_ascii_alphanumeric();
    let dot = domain.iter().skip(1).rev().skip(1).any(|byte| *byte == b'.');
    let is_domain = domain.iter().all(|byte| is_letter(byte) || b".-".contains(byte));
    !local.is_empty() && !local.iter().any(is_odd) && dot && is_domain && cell.len() <= 254
}

/// True if nine of ten lines, at least half as wide as the header, have an e-mail in one place.
fn have_mails(lines: &[Vec<&[u8]>], width: usize) -> bool {
    let mail_at = |line: &Vec<&[u8]>| {
        let bare = |field: &&[u8]| {
            let field = field.trim_ascii();
            looks_like_mail(field.strip_prefix(b"\"").unwrap_or(field))
        };
        line.iter()
            .position(bare)
            .filter(|_| (line.len() > 1 || width == 1) && line.len() * 2 >= width)
    };
    let first = mail_at(&lines[0]);
    let alike = lines.iter().filter(|line| first.is_some() && mail_at(line) == first).count();
    let least = if width == 1 { 3 } else { 2 };
    lines.len() >= least && alike * 10 >= lines.len() * 9
}

/// True if each line has as many fields as the header, and that is no chance, or has an e-mail in
/// the same place.
fn swallows(content: &[u8], width: usize) -> bool {
    let lines = lines_of(content);
    let are_rows = width > 1 && lines.iter().all(|line| line.len() == width);
    have_mails(&lines, width) || (are_rows && (lines.len() - 1) * (width - 1) >= 6)
}

/// The same of a record that does not fit: one line inside it is a row, or all are alike, or they
/// are too many.
fn may_swallow(content: &[u8], width: usize) -> bool {
    let lines = lines_of(content);
    let rest = lines.get(1..).unwrap_or_default();
    let inside = &rest[..rest.len().saturating_sub(1)];
    let is_row_inside = width > 1 && inside.iter().any(|line| line.len() == width);
    let are_alike =
        lines.len() > 3 && rest.iter().all(|line| line.len() > 1 && line.len() == rest[0].len());
    have_mails(&lines, width) || is_row_inside || are_alike || lines.len() > 200
}

/// A search for the first reading with the right number of fields.
struct Search<'a> {
    bytes: &'a [u8],
    width: Option<usize>,
    /// Opening quotes may be content.
    literal: bool,
    lines_max: usize,
}

/// Fields, and where the record ends.
type Found = (Vec<Vec<u8>>, usize);

impl Search<'_> {
    fn first(&self) -> Option<Found> {
        self.from(0, &mut Vec::new(), &mut HashSet::new())
    }

    /// Fields from `at` on, behind those that are there.
    fn from(
        &self,
        at: usize,
        fields: &mut Vec<Vec<u8>>,
        failed: &mut HashSet<(usize, usize)>,
    ) -> Option<Found> {
        if failed.contains(&(at, fields.len())) {
            return None;
        }
        let unquoted = |bytes: &[u8], at: usize| {
            let rest = &bytes[at..];
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n'));
            at + end.unwrap_or(rest.len())
        };
        let is_quoted = self.bytes.get(at) == Some(&b'"');
        let mut readings = Vec::new();
        if is_quoted {
            for close in self.closers(at + 1) {
                let end = unquoted(self.bytes, close + 1);
                readings.push((halved(&self.bytes[at + 1..close]), end));
            }
        }
        if !is_quoted || self.literal {
            let end = unquoted(self.bytes, at);
            readings.push((self.bytes[at..end].to_vec(), end));
        }
        for (field, end) in readings {
            fields.push(field);
            let count = fields.len();
            let is_over = |width: usize| count > width && !fields[count - 1].is_empty();
            let fits = !self.width.is_some_and(is_over);
            let found = match self.bytes.get(end) {
                _ if !fits => None,
                Some(b',') => self.from(end + 1, fields, failed),
                byte => {
                    let is_end = byte.is_none() || self.lines_max > 1;
                    let is_right = self.width.is_none_or(|width| fit(fields, width));
                    (is_end && is_right).then(|| (fields.clone(), end))
                }
            };
            if found.is_some() {
                return found;
            }
            fields.truncate(count - 1);
        }
        failed.insert((at, fields.len()));
        None
    }

    /// Where a quoted field may close, up to the place where it must.
    fn closers(&self, from: usize) -> Vec<usize> {
        let mut closers = Vec::new();
        let mut at = from;
        while at < self.bytes.len() {
            if self.bytes[at] != b'"' {
                at += 1;
                continue;
            }
            // The second of two quotes may close.
            let last = if self.bytes.get(at + 1) == Some(&b'"') { at + 1 } else { at };
            let lines = 1 + naive_line_ends(&self.bytes[..at]);
            if lines > self.lines_max as u64 {
                break;
            }
            let behind = &self.bytes[last + 1..];
            let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let next = behind.get(blanks);
            if next.is_none_or(|byte| matches!(byte, b',' | b'\r' | b'\n')) {
                closers.push(last);
                if next == Some(&b',') && behind.get(blanks + 1) == Some(&b'"') {
                    break;
                }
            }
            at = last + 1;
        }
        closers
    }
}

/// Each pair of quotes as one.
fn halved(content: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    let mut at = 0;
    while at < content.len() {
        field.push(content[at]);
        at += if content[at..].starts_with(b"\"\"") { 2 } else { 1 };
    }
    field
}
