//! Gender, mobile advertising id and lifetime value.
//!
//! In: cleaned text. Out: `m` or `f`; a lower-case UUID; a plain decimal number, not negative
//! (Meta customer list custom audiences, read 2026-09-12: GEN is m or f, MADID in lower case with
//! its hyphens, LOOKALIKE_VALUE a number of at least 0).

use super::Rejection;

/// Appends `m` or `f`.
pub(super) fn write_gender(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    const MALE: [&str; 5] = ["m", "male", "man", "boy", "mr"];
    const FEMALE: [&str; 6] = ["f", "female", "woman", "girl", "ms", "mrs"];
    let word = text.trim_end_matches('.');
    let is = |known: &str| known.eq_ignore_ascii_case(word);
    if MALE.iter().any(|known| is(known)) {
        out.push(b'm');
    } else if FEMALE.iter().any(|known| is(known)) {
        out.push(b'f');
    } else {
        return Err(Rejection::Unknown);
    }
    Ok(())
}

/// Appends a mobile advertising id. The one that is all zeros says that tracking is off.
pub(super) fn write_madid(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let groups = text.split('-');
    let is_uuid = groups.clone().map(str::len).eq(GROUPS)
        && groups.flat_map(str::bytes).all(|byte| byte.is_ascii_hexdigit());
    if !is_uuid {
        return Err(Rejection::Malformed);
    }
    if text.bytes().all(|byte| byte == b'0' || byte == b'-') {
        return Err(Rejection::Placeholder);
    }
    out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
    Ok(())
}

/// Appends a number: digits, commas between groups of three, at most one decimal point; a
/// currency sign around it is dropped.
pub(super) fn write_ltv(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    const DIGITS_MAX: usize = 18;
    let is_currency = |c: char| matches!(c, '$' | '\u{20ac}' | '\u{a3}' | '\u{a5}');
    let bare = text.trim_matches(is_currency).trim();
    let (whole, fraction) = match bare.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (bare, None),
    };
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_grouped = match whole.contains(',') {
        true => first.len() <= 3 && groups.all(|group| group.len() == 3 && is_digits(group)),
        false => true,
    };
    if !is_digits(first) || !is_grouped || !fraction.is_none_or(is_digits) {
        return Err(Rejection::Malformed);
    }
    if whole.len() + fraction.map_or(0, str::len) > DIGITS_MAX {
        return Err(Rejection::TooLong);
    }
    out.extend(whole.bytes().filter(|byte| *byte != b','));
    if let Some(fraction) = fraction {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(&str, &mut Vec<u8>) -> Result<(), Rejection>;

    fn check(write: Write, text: &str, expected: Result<&str, Rejection>) {
        let mut out = Vec::new();
        let result = write(text, &mut out).map(|()| out);
        assert_eq!(result, expected.map(|form| form.as_bytes().to_vec()), "{text}");
    }

    #[test]
    fn values() {
        check(write_gender, "Female", Ok("f"));
        check(write_gender, "Mr.", Ok("m"));
        check(write_gender, "x", Err(Rejection::Unknown));
        let uuid = "AEBE52E7-03EE-455A-B3C4-E57283966239";
        check(write_madid, uuid, Ok(&uuid.to_lowercase()));
        check(write_madid, &uuid[1..], Err(Rejection::Malformed));
        check(write_madid, "00000000-0000-0000-0000-000000000000", Err(Rejection::Placeholder));
        check(write_ltv, "1234.5", Ok("1234.5"));
        check(write_ltv, "$1,234.50", Ok("1234.50"));
        check(write_ltv, "12 \u{20ac}", Ok("12"));
        check(write_ltv, "0", Ok("0"));
        check(write_ltv, "1.234,50", Err(Rejection::Malformed));
        check(write_ltv, "12,34", Err(Rejection::Malformed));
        check(write_ltv, "-5", Err(Rejection::Malformed));
        check(write_ltv, "", Err(Rejection::Malformed));
    }
}
