//! First and last names in Meta's form.
//!
//! In: cleaned text. Out: lower case without white space and ASCII punctuation; accents, digits
//! and letters of any script stay (Meta's Parameter Builder 1.3.2 and its upload screen agree on
//! this; Meta's docs, read 2026-09-12, say "a-z only" and "special characters in UTF-8").

use super::Rejection;
use super::text::{lower, push};

/// Appends the canonical form of a name.
pub(super) fn write(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let start = out.len();
    lower(text, |c| {
        if !c.is_whitespace() && !c.is_ascii_punctuation() {
            push(out, c);
        }
    });
    if out.len() == start { Err(Rejection::NothingLeft) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, expected) in [
            ("Mary Ann", Some("maryann")),
            ("O'Brien-Smith", Some("obriensmith")),
            ("Jos\u{c9}", Some("jos\u{e9}")),
            ("\u{738b}", Some("\u{738b}")),
            ("-.-", None),
        ] {
            let mut out = Vec::new();
            let result = write(text, &mut out);
            assert_eq!(result.is_ok(), expected.is_some());
            assert_eq!(out, expected.unwrap_or_default().as_bytes());
        }
    }
}
