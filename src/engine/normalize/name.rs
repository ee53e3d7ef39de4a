//! First and last names, in the spellings that platforms hash.
//!
//! In: cleaned text (NFC). Out: the name in a [`Form`]:
//!
//! - [`Form::Meta`], also the generic one: lower case without white space and ASCII punctuation;
//!   accents, digits, letters of any script and emoji stay. Meta's Parameter Builder 1.3.2 and its
//!   upload screen (facebookincubator OCFU 75ea65f) agree on this; Meta's docs (customer list
//!   custom audiences, read 2026-09-12) say "a-z only" and "special characters in UTF-8"; its older
//!   SDKs drop accents. The newest two are followed.
//! - [`Form::Initial`]: the first letter of that, with its marks (docs: `FI`);
//!   [`Form::FirstFive`]: its first five characters (Meta's Conversions SDKs, executed 2026-11).
//! - [`Form::Google`]: trimmed, lower case, runs of white space as one space; hyphens, apostrophes
//!   and other punctuation stay. A title in front of a first name (`mr. mrs. ms. dr.`, with its
//!   dot) and suffixes behind a last name (`jr`, `iii`, `phd`, ...) go. It is the rule of Google's
//!   Data Manager utility for Node 0.3.0 (executed 2026-11); Python's keeps titles, Java's also
//!   cuts them from the middle; Google's docs say "no punctuation", which none of the three does.
//! - [`Form::Amazon`]: letters a-z and digits. Second-hand (connectors).
//! - [`Form::LinkedIn`]: as typed, sent plain, at most 35 characters. Second-hand.

use super::Rejection;
use super::text::{lower, push};
use crate::engine::identifier::Identifier;
use crate::engine::rules::Form;
use unicode_segmentation::UnicodeSegmentation;

/// LinkedIn refuses longer names.
const LINKEDIN_CHARS_MAX: usize = 35;

/// Appends a name in this form.
pub(super) fn write(
    identifier: Identifier,
    form: Form,
    text: &str,
    out: &mut Vec<u8>,
) -> Result<(), Rejection> {
    let start = out.len();
    match form {
        Form::Google => write_google(identifier, text, out),
        Form::Amazon => lower(text, |c| {
            if c.is_ascii_alphanumeric() {
                push(out, c);
            }
        }),
        Form::LinkedIn if text.chars().nth(LINKEDIN_CHARS_MAX).is_some() => {
            return Err(Rejection::TooLong);
        }
        Form::LinkedIn | Form::Plain => out.extend_from_slice(text.as_bytes()),
        Form::Initial => {
            write_meta(text, out);
            let name = std::str::from_utf8(&out[start..]).unwrap_or_default();
            let first = name.graphemes(true).next().map_or(0, str::len);
            out.truncate(start + first);
        }
        Form::FirstFive => {
            write_meta(text, out);
            let name = std::str::from_utf8(&out[start..]).unwrap_or_default();
            let five = name.char_indices().nth(5).map_or(name.len(), |(end, _)| end);
            out.truncate(start + five);
        }
        _ => write_meta(text, out),
    }
    if out.len() == start { Err(Rejection::NothingLeft) } else { Ok(()) }
}

/// Appends a name in Meta's form.
fn write_meta(text: &str, out: &mut Vec<u8>) {
    let is_dropped = |c: char| c.is_whitespace() || c.is_ascii_punctuation();
    // The capital sigma's lower case depends on its neighbours, which are those that stay.
    let bare: String;
    let text = match !text.is_ascii() && text.contains('\u{3a3}') {
        true => {
            bare = text.chars().filter(|c| !is_dropped(*c)).collect();
            &bare
        }
        false => text,
    };
    lower(text, |c| {
        if !is_dropped(c) {
            push(out, c);
        }
    });
}

fn write_google(identifier: Identifier, text: &str, out: &mut Vec<u8>) {
    let start = out.len();
    for word in text.split_whitespace() {
        if out.len() > start {
            out.push(b' ');
        }
        lower(word, |c| push(out, c));
    }
    if identifier == Identifier::FirstName {
        let title = title_bytes(&out[start..]);
        out.drain(start..start + title);
    } else {
        while let Some(rest) = without_suffix(&out[start..]) {
            out.truncate(start + rest);
        }
    }
}

/// How many bytes a title and the space behind it take.
fn title_bytes(name: &[u8]) -> usize {
    const TITLES: [&[u8]; 4] = [b"mr.", b"mrs.", b"ms.", b"dr."];
    let title = TITLES.iter().find(|title| name.starts_with(title));
    match title.map(|title| (title.len(), name.get(title.len()))) {
        Some((length, None)) => length,
        Some((length, Some(b' '))) => length + 1,
        _ => 0,
    }
}

/// The length of the name without its last suffix and the comma or space before it.
fn without_suffix(name: &[u8]) -> Option<usize> {
    const SUFFIXES: [&[u8]; 17] = [
        b"jr.", b"jr", b"sr.", b"sr", b"2nd", b"3rd", b"ii", b"iii", b"iv", b"v", b"vi", b"cpa",
        b"dc", b"dds", b"vm", b"jd", b"md",
    ];
    let suffixes = SUFFIXES.iter().copied().chain([&b"phd"[..]]);
    for suffix in suffixes {
        let Some(rest) = name.strip_suffix(suffix) else { continue };
        let bare = rest.iter().rposition(|byte| !matches!(byte, b',' | b' '));
        let bare = bare.map_or(0, |last| last + 1);
        if bare < rest.len() {
            return Some(bare);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(identifier: Identifier, form: Form, text: &str) -> Option<String> {
        let mut out = b"before ".to_vec();
        let written = write(identifier, form, text, &mut out);
        written.ok().map(|()| String::from_utf8(out[7..].to_vec()).unwrap())
    }

    fn check(identifier: Identifier, f: Form, cases: &[(&str, &str)]) {
        for (text, expected) in cases {
            let expected = Some(*expected).filter(|name| !name.is_empty());
            assert_eq!(form(identifier, f, text).as_deref(), expected, "{f:?} {text:?}");
        }
    }

    #[test]
    fn meta_and_generic() {
        let cases = [
            ("Mary Ann", "maryann"),
            ("O'Brien-Smith, Jr.", "obriensmithjr"),
            ("Jos\u{c9}", "jos\u{e9}"),
            ("\u{738b}", "\u{738b}"),
            ("\u{1f642} John", "\u{1f642}john"),
            ("\u{391}\u{3a3} \u{391}\u{3a3}", "\u{3b1}\u{3c3}\u{3b1}\u{3c2}"),
            ("-.-", ""),
        ];
        check(Identifier::FirstName, Form::Meta, &cases);
        check(Identifier::LastName, Form::Generic, &cases);
    }

    #[test]
    fn parts_of_a_name() {
        let name = Identifier::FirstName;
        check(
            name,
            Form::Initial,
            &[
                ("Mary", "m"),
                (" '\u{1f642}x", "\u{1f642}"),
                ("\u{1f44d}\u{1f3fd}x", "\u{1f44d}\u{1f3fd}"),
                ("\u{1f1e9}\u{1f1ea}x", "\u{1f1e9}\u{1f1ea}"),
                ("-", ""),
            ],
        );
        check(name, Form::FirstFive, &[("Mary Ann", "marya"), ("Jo", "jo")]);
    }

    #[test]
    fn google() {
        let cases = [
            ("Mr. Alex", "alex"),
            ("DR. Alex", "alex"),
            ("Mr.", ""),
            ("Mr Alex", "mr alex"),
            ("Mr.Alex", "mr.alex"),
            ("Alex Dr.", "alex dr."),
            ("Mary\u{a0} Ann", "mary ann"),
            ("Smith Jr.", "smith jr."),
        ];
        check(Identifier::FirstName, Form::Google, &cases);
        let cases = [
            ("Quinn, Jr.", "quinn"),
            ("quinn, jr., dds", "quinn"),
            ("Quinn-Alex", "quinn-alex"),
            ("Boardds", "boardds"),
            ("Smith V", "smith"),
            ("Smith IV", "smith"),
            ("Smith, Ph.D.", "smith, ph.d."),
            (", Jr.", ""),
            ("Jr.", "jr."),
            ("Mr. Quinn", "mr. quinn"),
        ];
        check(Identifier::LastName, Form::Google, &cases);
    }

    #[test]
    fn amazon_and_linkedin() {
        check(
            Identifier::LastName,
            Form::Amazon,
            &[("O'Neil \u{e9}2", "oneil2"), ("\u{738b}", "")],
        );
        check(Identifier::LastName, Form::LinkedIn, &[("O'Neil", "O'Neil")]);
        let long = "x".repeat(36);
        check(Identifier::LastName, Form::LinkedIn, &[(&long[1..], &long[1..]), (&long, "")]);
    }
}
