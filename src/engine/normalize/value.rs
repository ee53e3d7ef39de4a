//! Gender, mobile advertising id, handle.
//!
//! In: cleaned text. Out:
//!
//! - `m` or `f` (Meta, customer list custom audiences, read 2026-09-12), from the words that
//!   `genders.csv` lists: those of Meta's Parameter Builder 1.3.2 that say nothing but the gender,
//!   and the words of other languages' forms. Any other word is no gender, never a guess.
//! - A mobile advertising id: a UUID in lower case with its hyphens (the same page; TikTok's and
//!   X's lists of ids ask for the same). The one that is all zeros says that tracking is off.
//! - A handle of X: without `@`, lower case (developer.x.com, audiences, user data).

use super::Rejection;
use super::text::{lower, push};
use std::collections::HashMap;
use std::sync::LazyLock;

static GENDERS: LazyLock<HashMap<&'static str, u8>> = LazyLock::new(|| {
    let lines = include_str!("genders.csv").lines().skip(1);
    let lists = lines.filter_map(|line| line.split_once(','));
    let entry = |word, letter: &str| Some((word, *letter.as_bytes().first()?));
    lists
        .flat_map(|(letter, words)| words.split('|').filter_map(move |word| entry(word, letter)))
        .collect()
});

/// Appends `m` or `f`.
pub(super) fn write_gender(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    const BYTES_MAX: usize = 40;
    let word = text.trim_end_matches('.');
    if word.len() > BYTES_MAX {
        return Err(Rejection::Unknown);
    }
    let mut lowered = Vec::with_capacity(word.len());
    lower(word, |c| push(&mut lowered, c));
    let known = std::str::from_utf8(&lowered).ok().and_then(|word| GENDERS.get(word));
    out.push(*known.ok_or(Rejection::Unknown)?);
    Ok(())
}

/// Appends a mobile advertising id.
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

/// Appends a handle.
pub fn write_handle(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let handle = text.strip_prefix('@').unwrap_or(text);
    let is_handle_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if handle.is_empty() || !handle.bytes().all(is_handle_byte) {
        return Err(Rejection::Malformed);
    }
    out.extend(handle.bytes().map(|byte| byte.to_ascii_lowercase()));
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
        check(write_gender, "FRAU", Ok("f"));
        check(write_gender, "M\u{c4}NNLICH", Ok("m"));
        check(write_gender, "\u{5973}", Ok("f"));
        check(write_gender, "x", Err(Rejection::Unknown));
        check(write_gender, "king", Err(Rejection::Unknown));
        let uuid = "AEBE52E7-03EE-455A-B3C4-E57283966239";
        check(write_madid, uuid, Ok(&uuid.to_lowercase()));
        check(write_madid, &uuid[1..], Err(Rejection::Malformed));
        check(write_madid, "00000000-0000-0000-0000-000000000000", Err(Rejection::Placeholder));
        check(write_handle, "@AdsAPI", Ok("adsapi"));
        check(write_handle, "@", Err(Rejection::Malformed));
        check(write_handle, "a b", Err(Rejection::Malformed));
    }

    #[test]
    fn no_word_means_both() {
        let words: usize =
            include_str!("genders.csv").lines().skip(1).map(|line| line.split('|').count()).sum();
        assert_eq!(GENDERS.len(), words);
        assert!(GENDERS.keys().all(|word| word.to_lowercase() == *word));
    }
}
