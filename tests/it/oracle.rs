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
    let (header, rest) = match plain_record(body, skip_blank(body, 0), usize::MAX, None) {
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
            row(index as u64 + 1, before, dropped, record, used, &orders, kept, default)
        })
        .collect()
}

fn records_behind(body: &[u8], mut at: usize, bytes_max: usize, width: usize) -> Vec<PlainRecord> {
    let mut records = Vec::new();
    while let Some((record, end)) = plain_record(body, skip_blank(body, at), bytes_max, Some(width))
    {
        records.push(record);
        at = end;
    }
    records
}

/// The fields of every row of an input without a byte order mark.
pub(crate) fn records(input: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (header, rest) = plain_record(input, 0, usize::MAX, None).unwrap();
    let records = records_behind(input, rest, 1 << 20, header.fields.len());
    records.into_iter().map(|record| record.fields).collect()
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
) -> OracleRow {
    let field = |index: usize| record.fields.get(index).cloned().unwrap_or_default();
    let named = used.iter().filter(|(identifier, _)| *identifier == Identifier::Country);
    let country = named.filter_map(|(_, index)| country_named(&field(*index))).next().or(default);
    let outcomes: Vec<_> = used
        .iter()
        .zip(orders)
        .map(|((identifier, index), order)| cell(*identifier, &field(*index), country, *order))
        .collect();
    let primary =
        || used.iter().zip(&outcomes).filter(|((identifier, _), _)| identifier.is_primary());
    let is_blank = primary().all(|(_, outcome)| *outcome == Ok(None));
    let is_spoilt =
        matches!(record.problem, Some(RowProblem::RecordTooLarge | RowProblem::QuoteError));
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

/// The record that starts at `start`, and the index behind its content. `width` is the header's
/// number of fields; without it the record is the header itself.
pub(crate) fn plain_record(
    input: &[u8],
    start: usize,
    bytes_max: usize,
    width: Option<usize>,
) -> Option<(PlainRecord, usize)> {
    if start == input.len() {
        return None;
    }
    let rest = &input[start..];
    let (fields, length, is_closed) = split(rest, true);
    if is_closed && length <= bytes_max {
        return Some((PlainRecord { start, fields, problem: None }, start + length));
    }
    let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
    let line = &rest[..length];
    let (fields, problem) = match [split(line, false).0, split(line, true).0] {
        _ if length > bytes_max => (Vec::new(), RowProblem::RecordTooLarge),
        [literal, _] if Some(literal.len()) == width => (literal, RowProblem::QuoteRecovered),
        [_, strict] if width.is_none_or(|width| strict.len() == width) => {
            (strict, RowProblem::QuoteRecovered)
        }
        _ => (Vec::new(), RowProblem::QuoteError),
    };
    Some((PlainRecord { start, fields, problem: Some(problem) }, start + length))
}

/// Fields up to the first line end outside quotes; how many bytes that is; whether every quote is
/// closed.
fn split(bytes: &[u8], quoting: bool) -> (Vec<Vec<u8>>, usize, bool) {
    let mut fields = vec![Vec::new()];
    let mut in_quotes = false;
    let mut at_field_start = true;
    let mut at = 0;
    while at < bytes.len() {
        let last = fields.len() - 1;
        match bytes[at] {
            b'"' if in_quotes && bytes.get(at + 1) == Some(&b'"') => {
                fields[last].push(b'"');
                at += 1;
            }
            b'"' if in_quotes => in_quotes = false,
            b'"' if quoting && at_field_start => in_quotes = true,
            b'\r' | b'\n' if !in_quotes => break,
            b',' if !in_quotes => {
                fields.push(Vec::new());
                at_field_start = true;
                at += 1;
                continue;
            }
            byte => fields[last].push(byte),
        }
        at_field_start = false;
        at += 1;
    }
    (fields, at, !in_quotes)
}
