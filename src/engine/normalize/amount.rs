//! Lifetime value: an amount as people write it.
//!
//! In: cleaned text; what is known of the column. Out: a plain decimal number with a point, not
//! negative (Meta's `LOOKALIKE_VALUE`, customer list custom audiences, read 2026-09-12: a number;
//! its reference gives 0 as an example, its upload tool refuses 0: the reference is followed).
//!
//! A currency's sign, code or short name may stand on either side. Of a point and a comma the last
//! one is the decimal mark. One alone is the decimal mark unless three digits follow; then a sample
//! of the column decides ([`Evidence`]), else a comma groups digits, and a point is not guessed.

use super::Rejection;

/// A column whose amounts contradict each other.
const BOTH: u8 = b'?';

/// What the amounts of a sample say of their decimal mark.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence {
    points: u32,
    commas: u32,
}

impl Evidence {
    /// Takes one cell into account.
    pub(crate) fn add(&mut self, text: &str) {
        let Some((number, _)) = bare(text) else { return };
        let last = number.rfind(['.', ',']);
        let Some(at) = last else { return };
        let (mark, other) = match number.as_bytes()[at] {
            b'.' => ('.', ','),
            _ => (',', '.'),
        };
        let is_alone = number.matches(mark).count() == 1;
        let is_decimal = is_alone && (number.contains(other) || number.len() - at - 1 != 3);
        let is_group = !is_alone;
        match (mark, is_decimal, is_group) {
            ('.', true, _) | (',', _, true) => self.points += 1,
            (',', true, _) | ('.', _, true) => self.commas += 1,
            _ => {}
        }
    }

    /// The decimal mark of the column; none if nothing was found, [`BOTH`] if both were.
    pub(crate) fn mark(self) -> Option<u8> {
        match (self.points, self.commas) {
            (0, 0) => None,
            (1.., 0) => Some(b'.'),
            (0, 1..) => Some(b','),
            _ => Some(BOTH),
        }
    }
}

/// Appends an amount.
pub(super) fn write(text: &str, mark: Option<u8>, out: &mut Vec<u8>) -> Result<(), Rejection> {
    const DIGITS_MAX: usize = 18;
    let (number, is_negative) = bare(text).ok_or(Rejection::Malformed)?;
    if is_negative {
        return Err(Rejection::OutOfRange);
    }
    let (whole, fraction) = match decimal_at(number, mark)? {
        Some(at) => (&number[..at], &number[at + 1..]),
        None => (number, ""),
    };
    let digits = grouped_digits(whole).ok_or(Rejection::Malformed)?;
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(fraction) || (digits.is_empty() && fraction.is_empty()) {
        return Err(Rejection::Malformed);
    }
    if digits.len() + fraction.len() > DIGITS_MAX {
        return Err(Rejection::TooLong);
    }
    let significant = digits.trim_start_matches('0');
    out.extend_from_slice(if significant.is_empty() { "0" } else { significant }.as_bytes());
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    Ok(())
}

/// The number without sign and currency, and whether it is negative.
fn bare(text: &str) -> Option<(&str, bool)> {
    const MINUS: [char; 3] = ['-', '\u{2212}', '('];
    let is_digit = |c: char| c.is_ascii_digit();
    let digit = text.find(is_digit)?;
    // `.5` starts with its mark.
    let start = digit - usize::from(text[..digit].ends_with(['.', ',']));
    let end = text.rfind(is_digit)? + 1;
    let before = text[..start].trim();
    // `100,-` has no cents; `100-` is a debt.
    let after = text[end..].trim();
    let after = after.strip_prefix([',', '.']).map_or(after, |cents| cents.trim_start_matches('-'));
    let is_negative = before.contains(MINUS) || after.starts_with(MINUS);
    let is_sign = |c: char| MINUS.contains(&c) || matches!(c, '+' | ')' | ' ');
    let is_whole = [before, after].map(|side| is_currency(side.trim_matches(is_sign)));
    (is_whole == [true, true]).then_some((&text[start..end], is_negative))
}

/// Nothing, a currency's sign, its ISO code, or a short name.
fn is_currency(word: &str) -> bool {
    const NAMES: [&str; 22] = [
        "kr",
        "kr.",
        "z\u{142}",
        "k\u{10d}",
        "ft",
        "lei",
        "rs",
        "rs.",
        "r",
        "r$",
        "us$",
        "fr",
        "fr.",
        "tl",
        "euro",
        "euros",
        "dollar",
        "dollars",
        "pounds",
        "\u{440}\u{443}\u{431}",
        "\u{440}\u{443}\u{431}.",
        "\u{5186}",
    ];
    let is_wide_sign = |c: char| matches!(c, '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}');
    let is_sign = |c: char| {
        matches!(c, '$' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20cf}') || is_wide_sign(c)
    };
    let is_code = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    // `CA$`: a sign with up to three letters before it.
    let bare = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let mut signs = bare.chars();
    let is_signed = word.len() - bare.len() <= 3 && signs.next().is_some_and(is_sign);
    word.is_empty()
        || is_code
        || NAMES.contains(&word.to_lowercase().as_str())
        || (is_signed && signs.next().is_none())
}

/// Where the decimal mark stands, if there is one.
fn decimal_at(number: &str, mark: Option<u8>) -> Result<Option<usize>, Rejection> {
    let Some(at) = number.rfind(['.', ',']) else { return Ok(None) };
    let found = number.as_bytes()[at];
    let other = if found == b'.' { ',' } else { '.' };
    let digits = number.len() - at - 1;
    if number.matches(char::from(found)).count() > 1 {
        return Ok(None);
    }
    if number.contains(other) || digits != 3 {
        return Ok(Some(at));
    }
    let is_fraction = matches!(&number[..at], "" | "0");
    match (mark, found) {
        _ if is_fraction => Ok(Some(at)),
        (Some(BOTH), _) => Err(Rejection::Ambiguous),
        (Some(mark), _) => Ok((mark == found).then_some(at)),
        (None, b',') => Ok(None),
        (None, _) => Err(Rejection::Ambiguous),
    }
}

/// The digits of a whole number whose groups are set apart by one mark: groups of three, or, as
/// in India, of two before the last three.
fn grouped_digits(whole: &str) -> Option<String> {
    let is_mark = |c: char| matches!(c, ',' | '.' | '\'' | '\u{2019}' | '_') || c.is_whitespace();
    let one_blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    let mut marks = whole.chars().filter(|c| is_mark(*c)).map(one_blank);
    let first = marks.next();
    if marks.any(|mark| Some(mark) != first) {
        return None;
    }
    let groups: Vec<&str> = whole.split(is_mark).collect();
    let is_digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    let (last, others) = groups.split_last()?;
    let fits = match others {
        [] => true,
        [head, middle @ ..] => {
            let size = |size: usize| middle.iter().all(|group| group.len() == size);
            (1..=3).contains(&head.len()) && last.len() == 3 && (size(3) || size(2))
        }
    };
    (fits && groups.iter().all(is_digits)).then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str, mark: Option<u8>) -> Result<String, Rejection> {
        let mut out = Vec::new();
        write(text, mark, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn amounts() {
        for (text, expected) in [
            ("1234.5", Ok("1234.5")),
            ("$1,234.50", Ok("1234.50")),
            ("$ 1,234", Ok("1234")),
            ("12 \u{20ac}", Ok("12")),
            ("1.234,50 \u{20ac}", Ok("1234.50")),
            ("12,5", Ok("12.5")),
            ("1 234,50", Ok("1234.50")),
            ("1\u{202f}234\u{a0}567", Ok("1234567")),
            ("1'234.50 CHF", Ok("1234.50")),
            ("EUR 99", Ok("99")),
            ("CA$5", Ok("5")),
            ("NT$ 5", Ok("5")),
            ("5 \u{440}\u{443}\u{431}.", Ok("5")),
            ("5 euros", Ok("5")),
            ("R$ 1.234.567", Ok("1234567")),
            ("\u{20b9}1,23,456.78", Ok("123456.78")),
            ("100,- kr", Ok("100")),
            ("0.125", Ok("0.125")),
            (".5", Ok("0.5")),
            ("007", Ok("7")),
            ("0", Ok("0")),
            ("+5", Ok("5")),
            ("-5", Err(Rejection::OutOfRange)),
            ("-$5", Err(Rejection::OutOfRange)),
            ("($5.00)", Err(Rejection::OutOfRange)),
            ("1.234", Err(Rejection::Ambiguous)),
            ("12,34,5", Err(Rejection::Malformed)),
            ("1,2,3.4", Err(Rejection::Malformed)),
            ("1 apple", Err(Rejection::Malformed)),
            ("1e5", Err(Rejection::Malformed)),
            ("1-2", Err(Rejection::Malformed)),
            ("5-", Err(Rejection::OutOfRange)),
            ("5 EUR", Ok("5")),
            ("5 EUR USD", Err(Rejection::Malformed)),
            ("", Err(Rejection::Malformed)),
            ("$", Err(Rejection::Malformed)),
            (".", Err(Rejection::Malformed)),
            ("1234567890123456789", Err(Rejection::TooLong)),
        ] {
            assert_eq!(amount(text, None), expected.map(str::to_owned), "{text}");
        }
        assert_eq!(amount("1.234", Some(b',')).as_deref(), Ok("1234"));
        assert_eq!(amount("1.234", Some(b'.')).as_deref(), Ok("1.234"));
        assert_eq!(amount("1,234", Some(b',')).as_deref(), Ok("1.234"));
    }

    #[test]
    fn a_sample_decides_unless_it_contradicts_itself() {
        let mark = |texts: &[&str]| {
            let mut evidence = Evidence::default();
            texts.iter().for_each(|text| evidence.add(text));
            evidence.mark()
        };
        assert_eq!(mark(&["1.234", "12,50"]), Some(b','));
        assert_eq!(mark(&["1.234", "1.234.567"]), Some(b','));
        assert_eq!(mark(&["1,234", "12.50 $"]), Some(b'.'));
        assert_eq!(mark(&["1.234", "12", "x"]), None);
        assert_eq!(mark(&["1,5", "1.5"]), Some(BOTH));
        assert_eq!(amount("1,234", Some(BOTH)), Err(Rejection::Ambiguous));
    }
}
