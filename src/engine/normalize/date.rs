//! Dates of birth as YYYYMMDD.
//!
//! In: cleaned text: year first, or day and month first where the numbers leave no doubt which is
//! which, with any of `- / .` or blanks between; eight digits with the year first; a time behind
//! the date is dropped. Out: the date, or why it is unusable. `03/04/1990` is not guessed.

use super::Rejection;

const YEAR_MIN: u32 = 1800;
const YEAR_MAX: u32 = 2100;

/// Appends the canonical form of a date of birth.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let (year, month, day) = read(text)?;
    let is_date = (YEAR_MIN..=YEAR_MAX).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days(year, month)).contains(&day);
    if !is_date {
        return Err(Rejection::Malformed);
    }
    let number = year * 10_000 + month * 100 + day;
    let digit = |power: u32| b'0' + (number / 10_u32.pow(power) % 10) as u8;
    out.extend((0..8).rev().map(digit));
    Ok(())
}

fn read(text: &str) -> Result<(u32, u32, u32), Rejection> {
    let date = text.split(['T', 't']).next().unwrap_or_default();
    let date = match date.split_once(' ') {
        Some((date, time)) if time.contains(':') => date,
        _ => date,
    };
    let mut parts = date.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty());
    let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
    let number = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
        true => part.parse::<u32>().map_err(|_| Rejection::Malformed),
        false => Err(Rejection::Malformed),
    };
    let short = |part: &str| match part.len() <= 2 {
        true => number(part),
        false => Err(Rejection::Malformed),
    };
    match parts {
        [Some(whole), None, ..] if whole.len() == 8 => {
            let date = number(whole)?;
            Ok((date / 10_000, date / 100 % 100, date % 100))
        }
        [Some(year), Some(month), Some(day), None] if year.len() == 4 => {
            Ok((number(year)?, short(month)?, short(day)?))
        }
        [Some(a), Some(b), Some(year), None] if year.len() == 4 => {
            let (a, b, year) = (short(a)?, short(b)?, number(year)?);
            match (a > 12, b > 12) {
                (true, false) => Ok((year, b, a)),
                (false, true) => Ok((year, a, b)),
                (false, false) if a == b => Ok((year, a, b)),
                (false, false) => Err(Rejection::Ambiguous),
                (true, true) => Err(Rejection::Malformed),
            }
        }
        _ => Err(Rejection::Malformed),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("1985-03-07", Ok("19850307")),
            ("1985/3/7", Ok("19850307")),
            ("19850307", Ok("19850307")),
            ("1985-03-07T00:00:00Z", Ok("19850307")),
            ("1985-03-07 00:00", Ok("19850307")),
            ("31.12.1985", Ok("19851231")),
            ("12/31/1985", Ok("19851231")),
            ("7/7/1985", Ok("19850707")),
            ("2000-02-29", Ok("20000229")),
            ("1900-02-29", Err(Rejection::Malformed)),
            ("3/4/1990", Err(Rejection::Ambiguous)),
            ("31/31/1990", Err(Rejection::Malformed)),
            ("1/2/90", Err(Rejection::Malformed)),
            ("2010-000000011/0001", Err(Rejection::Malformed)),
            ("yesterday", Err(Rejection::Malformed)),
            ("99999999999999", Err(Rejection::Malformed)),
        ] {
            let mut out = Vec::new();
            let result = write(text, &mut out).map(|()| out);
            assert_eq!(result, expected.map(|date| date.as_bytes().to_vec()), "{text}");
        }
    }
}
