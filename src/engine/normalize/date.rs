//! Dates of birth.
//!
//! In: cleaned text; what is known of the column. Out: [`Date`], or why it is unusable.
//!
//! A date whose day and month cannot be told apart is not guessed. The order is asked for
//! ([`DateOrder`]), or found from all dates of a sample of the column (a tally of them): one date
//! such as 25/12/1990 decides. Year first is never ambiguous. A month may be a word (English). A
//! year of two digits is read as Meta's upload screen does (facebookincubator OCFU 75ea65f): up to
//! today's year this century, else the last; without today's date it is not read. A time behind a
//! date is dropped. Six digits are read in a declared order only. A year alone is no date: Meta's
//! upload screen makes it the first of January, which nobody said. Meta asks for YYYYMMDD (its
//! Parameter Builder 1.3.2).

use super::Rejection;
use std::str::FromStr;

const YEAR_MIN: u32 = 1800;
const YEAR_MAX: u32 = 2100;

/// A day of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u32,
    month: u32,
    day: u32,
}

/// In which order a column's dates have their parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DateOrder {
    /// Year, month, day.
    YearFirst,
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

impl DateOrder {
    /// The order as people write it: `DD/MM/YYYY`.
    pub fn pattern(self) -> &'static str {
        match self {
            DateOrder::YearFirst => "YYYY-MM-DD",
            DateOrder::DayFirst => "DD/MM/YYYY",
            DateOrder::MonthFirst => "MM/DD/YYYY",
        }
    }
}

impl FromStr for DateOrder {
    type Err = String;

    /// Reads a pattern such as `DD.MM.YYYY`, `MM/DD/YY` or `YYYYMMDD`: the order of the letters
    /// counts, whatever stands between.
    fn from_str(pattern: &str) -> Result<DateOrder, String> {
        let mut letters: Vec<char> = pattern
            .chars()
            .filter(char::is_ascii_alphabetic)
            .map(|c| c.to_ascii_uppercase())
            .collect();
        letters.dedup();
        match letters[..] {
            ['Y', 'M', 'D'] => Ok(DateOrder::YearFirst),
            ['D', 'M', 'Y'] => Ok(DateOrder::DayFirst),
            ['M', 'D', 'Y'] => Ok(DateOrder::MonthFirst),
            _ => Err("write it like DD/MM/YYYY, MM/DD/YYYY or YYYY-MM-DD".into()),
        }
    }
}

impl Date {
    /// A day of the calendar, if there is such a day.
    pub fn new(year: u32, month: u32, day: u32) -> Option<Date> {
        let is_day = (YEAR_MIN..=YEAR_MAX).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days(year, month)).contains(&day);
        is_day.then_some(Date { year, month, day })
    }

    /// Appends `YYYYMMDD`.
    pub fn write(self, out: &mut Vec<u8>) {
        let number = self.year * 10_000 + self.month * 100 + self.day;
        out.extend((0..8).rev().map(|power| b'0' + (number / 10_u32.pow(power) % 10) as u8));
    }
}

impl std::fmt::Debug for Date {
    /// Without the date: it is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Date(..)")
    }
}

/// What is known of a column's dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DateHints {
    /// Asked for: dates of another order are no dates.
    pub(crate) declared: Option<DateOrder>,
    /// Found: decides what a date itself leaves open.
    pub(crate) found: Option<DateOrder>,
    pub(crate) today: Option<Date>,
    /// True while the order is only tried out.
    pub(crate) is_probe: bool,
}

/// What the dates of a sample say of their order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence {
    day_first: u32,
    month_first: u32,
}

impl Evidence {
    /// Takes one cell into account.
    pub(crate) fn add(&mut self, text: &str, today: Option<Date>) {
        let open = |order| DateHints { declared: Some(order), found: None, today, is_probe: true };
        let reads = |order| read_in(text, open(order)).is_ok();
        match (reads(DateOrder::DayFirst), reads(DateOrder::MonthFirst)) {
            (true, false) => self.day_first += 1,
            (false, true) => self.month_first += 1,
            _ => {}
        }
    }

    /// The order of the column; none if nothing or both was found.
    pub(crate) fn order(self) -> Option<DateOrder> {
        match (self.day_first, self.month_first) {
            (1.., 0) => Some(DateOrder::DayFirst),
            (0, 1..) => Some(DateOrder::MonthFirst),
            _ => None,
        }
    }
}

/// Reads a date.
pub(crate) fn read(text: &str, hints: DateHints) -> Result<Date, Rejection> {
    let date = match hints.declared {
        Some(_) => read_in(text, hints)?,
        None => {
            let with =
                |order| read_in(text, DateHints { declared: Some(order), is_probe: true, ..hints });
            let [day_first, month_first] = [DateOrder::DayFirst, DateOrder::MonthFirst].map(with);
            match (day_first, month_first) {
                (Ok(date), Err(_)) | (Err(_), Ok(date)) => date,
                (Ok(one), Ok(other)) if one == other => one,
                (Ok(one), Ok(other)) => match hints.found {
                    Some(DateOrder::DayFirst) => one,
                    Some(DateOrder::MonthFirst) => other,
                    _ => return Err(Rejection::Ambiguous),
                },
                (Err(rejection), Err(_)) => return Err(rejection),
            }
        }
    };
    match hints.today {
        Some(today) if date > today => Err(Rejection::OutOfRange),
        _ => Ok(date),
    }
}

/// Reads a date in the declared order; year first always reads.
fn read_in(text: &str, hints: DateHints) -> Result<Date, Rejection> {
    let parts = Parts::of(text)?;
    let order = hints.declared.unwrap_or(DateOrder::YearFirst);
    let [first, second, third] = match parts.0 {
        [Some(whole), None, None] => split_digits(whole, order, hints.is_probe)?,
        [Some(first), Some(second), Some(third)] => [first, second, third],
        _ => return Err(Rejection::Malformed),
    };
    let is_year_first = first.is_year() || (order == DateOrder::YearFirst && !third.is_year());
    // A word can only be the month, wherever it stands.
    let (year, month, day) = match (is_year_first, first.is_word, second.is_word) {
        (true, _, _) => (first, second, third),
        (false, true, _) => (third, first, second),
        (false, _, true) => (third, second, first),
        _ if order == DateOrder::DayFirst => (third, second, first),
        _ if order == DateOrder::MonthFirst => (third, first, second),
        _ => return Err(Rejection::Malformed),
    };
    if year.is_word || day.is_word || month.is_year() || day.is_year() {
        return Err(Rejection::Malformed);
    }
    let year = match (year.digits, hints.today) {
        (4, _) => year.number,
        (2, Some(today)) => {
            let century = today.year / 100 * 100;
            let year = century + year.number;
            if year > today.year { year - 100 } else { year }
        }
        _ => return Err(Rejection::Malformed),
    };
    Date::new(year, month.number, day.number).ok_or(Rejection::Malformed)
}

/// One number, or the word of a month.
#[derive(Clone, Copy)]
struct Part {
    number: u32,
    digits: usize,
    is_word: bool,
}

impl Part {
    fn is_year(self) -> bool {
        self.digits > 2
    }

    fn of(text: &str) -> Result<Part, Rejection> {
        const DIGITS_MAX: usize = 8;
        if text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= DIGITS_MAX {
            let number = text.parse().map_err(|_| Rejection::Malformed)?;
            return Ok(Part { number, digits: text.len(), is_word: false });
        }
        let number = month_named(text).ok_or(Rejection::Malformed)?;
        Ok(Part { number, digits: 0, is_word: true })
    }
}

struct Parts([Option<Part>; 3]);

impl Parts {
    fn of(text: &str) -> Result<Parts, Rejection> {
        let is_separator = |c: char| matches!(c, '-' | '/' | '.' | ',' | ' ' | '\u{2013}');
        let mut parts = [None; 3];
        let words = without_time(text).split(is_separator).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            *parts.get_mut(index).ok_or(Rejection::Malformed)? = Some(Part::of(word)?);
        }
        Ok(Parts(parts))
    }
}

/// `1985-03-07T00:00:00Z` and `1985-03-07 00:00` without their time.
fn without_time(text: &str) -> &str {
    if let Some((date, time)) = text.split_once(['T', 't'])
        && date.ends_with(|c: char| c.is_ascii_digit())
        && time.starts_with(|c: char| c.is_ascii_digit())
    {
        return date;
    }
    match text.find(':').and_then(|colon| text[..colon].rfind(' ')) {
        Some(space) => text[..space].trim_end(),
        None => text,
    }
}

/// Digits without anything between.
fn split_digits(whole: Part, order: DateOrder, is_probe: bool) -> Result<[Part; 3], Rejection> {
    let part = |number, digits| Part { number, digits, is_word: false };
    let number = whole.number;
    match (whole.is_word, whole.digits, order) {
        (false, 8, _) if is_year_month_day(number) => {
            Ok([part(number / 10_000, 4), part(number / 100 % 100, 2), part(number % 100, 2)])
        }
        (false, 8, DateOrder::DayFirst | DateOrder::MonthFirst) => {
            let (first, second) = (number / 1_000_000, number / 10_000 % 100);
            Ok([part(first, 2), part(second, 2), part(number % 10_000, 4)])
        }
        // Six digits may be anything: only a declared order reads them.
        (false, 6, _) if !is_probe => {
            Ok([part(number / 10_000, 2), part(number / 100 % 100, 2), part(number % 100, 2)])
        }
        _ => Err(Rejection::Malformed),
    }
}

/// Never true of a day and month with a year of this calendar behind them: its third pair would
/// be a century.
fn is_year_month_day(number: u32) -> bool {
    Date::new(number / 10_000, number / 100 % 100, number % 100).is_some()
}

fn month_named(word: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    const LETTERS_MIN: usize = 3;
    if word.len() < LETTERS_MIN || !word.is_ascii() {
        return None;
    }
    let fits =
        |month: &&str| month.len() >= word.len() && month[..word.len()].eq_ignore_ascii_case(word);
    // `sept` is as usual as `sep`.
    MONTHS.iter().position(fits).map(|index| index as u32 + 1)
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Appends a year of birth: four digits (Meta's `DOBY`).
pub fn write_year(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    match text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => out.extend_from_slice(text.as_bytes()),
        false => return Err(Rejection::Malformed),
    }
    Ok(())
}

/// Appends a month of birth: two digits (Meta's `DOBM`).
pub fn write_month(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    write_two_digits(text, 12, out)
}

/// Appends a day of birth: two digits (Meta's `DOBD`).
pub fn write_day(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    write_two_digits(text, 31, out)
}

fn write_two_digits(text: &str, most: u32, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let is_short = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| is_short && (1..=most).contains(number));
    let number: u32 = number.ok_or(Rejection::Malformed)?;
    out.extend([b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Option<Date> {
        Date::new(2026, 11, 23)
    }

    fn form(text: &str, hints: DateHints) -> Result<String, Rejection> {
        let mut out = Vec::new();
        read(text, hints).map(|date| {
            date.write(&mut out);
            String::from_utf8(out).unwrap()
        })
    }

    fn check(hints: DateHints, cases: &[(&str, Result<&str, Rejection>)]) {
        for (text, expected) in cases {
            assert_eq!(form(text, hints), expected.map(str::to_owned), "{text} {hints:?}");
        }
    }

    #[test]
    fn dates_that_speak_for_themselves() {
        let malformed = Err(Rejection::Malformed);
        let hints = DateHints { today: today(), ..DateHints::default() };
        check(
            hints,
            &[
                ("1985-03-07", Ok("19850307")),
                ("1985/3/7", Ok("19850307")),
                ("19850307", Ok("19850307")),
                ("1985-03-07T00:00:00Z", Ok("19850307")),
                ("1985-03-07 00:00", Ok("19850307")),
                ("3/31/1985 12:00:00 AM", Ok("19850331")),
                ("31.12.1985", Ok("19851231")),
                ("12/31/1985", Ok("19851231")),
                ("12/31/85", Ok("19851231")),
                ("31121985", Ok("19851231")),
                ("7/7/1985", Ok("19850707")),
                ("7 March 1985", Ok("19850307")),
                ("March 7, 1985", Ok("19850307")),
                ("07-MAR-85", Ok("19850307")),
                ("1985-Mar-07", Ok("19850307")),
                ("2000-02-29", Ok("20000229")),
                ("1900-02-29", malformed),
                ("3/4/1990", Err(Rejection::Ambiguous)),
                ("03041990", Err(Rejection::Ambiguous)),
                ("31/31/1990", malformed),
                ("2010-000000011/0001", malformed),
                ("yesterday", malformed),
                ("1985", malformed),
                ("31113", malformed),
                ("311285", malformed),
                ("1/2/3/1990", malformed),
                ("99999999999999", malformed),
                ("2026-11-24", Err(Rejection::OutOfRange)),
                ("1799-01-01", malformed),
                ("March 1985", malformed),
            ],
        );
        assert_eq!(form("12/31/85", DateHints::default()), malformed.map(str::to_owned));
    }

    #[test]
    fn a_found_order_decides_what_is_open_and_a_declared_one_everything() {
        let hints = DateHints { today: today(), ..DateHints::default() };
        let found = |order| DateHints { found: Some(order), ..hints };
        let declared = |order| DateHints { declared: Some(order), ..hints };
        let malformed = Err(Rejection::Malformed);
        check(
            found(DateOrder::DayFirst),
            &[("3/4/1990", Ok("19900403")), ("12/31/1990", Ok("19901231"))],
        );
        check(
            found(DateOrder::MonthFirst),
            &[("3/4/90", Ok("19900304")), ("3/4/27", Ok("19270304"))],
        );
        check(
            declared(DateOrder::DayFirst),
            &[
                ("3/4/1990", Ok("19900403")),
                ("12/31/1990", malformed),
                ("1990-12-31", Ok("19901231")),
                ("311285", Ok("19851231")),
            ],
        );
        check(
            declared(DateOrder::YearFirst),
            &[("90-04-03", Ok("19900403")), ("851231", Ok("19851231")), ("3/4/1990", malformed)],
        );
    }

    #[test]
    fn a_sample_decides_unless_it_contradicts_itself() {
        let order = |texts: &[&str]| {
            let mut evidence = Evidence::default();
            texts.iter().for_each(|text| evidence.add(text, today()));
            evidence.order()
        };
        assert_eq!(order(&["3/4/1990", "25/12/1990", "x"]), Some(DateOrder::DayFirst));
        assert_eq!(order(&["3/4/1990", "12/25/1990"]), Some(DateOrder::MonthFirst));
        assert_eq!(order(&["3/4/1990", "1990-12-25", "7/7/1990"]), None);
        assert_eq!(order(&["12/25/1990", "25/12/1990"]), None);
    }

    #[test]
    fn patterns() {
        for (pattern, order) in [
            ("DD.MM.YYYY", DateOrder::DayFirst),
            ("mm/dd/yy", DateOrder::MonthFirst),
            ("YYYYMMDD", DateOrder::YearFirst),
        ] {
            assert_eq!(pattern.parse(), Ok(order));
            assert_eq!(order.pattern().parse(), Ok(order));
        }
        assert!("DD/YYYY".parse::<DateOrder>().is_err());
    }

    #[test]
    fn parts_of_a_date() {
        let part = |write: fn(&str, &mut Vec<u8>) -> Result<(), Rejection>, text| {
            let mut out = Vec::new();
            write(text, &mut out).ok().map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(part(write_year, "1985").as_deref(), Some("1985"));
        assert_eq!(part(write_year, "85"), None);
        assert_eq!(part(write_month, "5").as_deref(), Some("05"));
        assert_eq!(part(write_month, "13"), None);
        assert_eq!(part(write_day, "31").as_deref(), Some("31"));
        assert_eq!(part(write_day, "031"), None);
    }
}
