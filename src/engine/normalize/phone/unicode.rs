//! Text of any script -> digits, by libphonenumber's own patterns.
//!
//! In: text. Out: as `front.rs`. The patterns are those of Google's Java code (PhoneNumberUtil,
//! 9.0.33); they are compiled on first use, once for each reader. It reads any text, so that it is
//! also the plain path that the fast ones are held to.

use super::Reason;
use super::front::{Front, keypad};
use super::text::digit;
use regex::Regex;

/// What may stand inside a number.
const PUNCTUATION: &str = concat!(
    r"-x\u{2010}-\u{2015}\u{2212}\u{30FC}\u{FF0D}-\u{FF0F} \u{A0}\u{AD}\u{200B}\u{2060}\u{3000}()",
    r"\u{FF08}\u{FF09}\u{FF3B}\u{FF3D}.\[\]/~\u{2053}\u{223C}\u{FF5E}"
);

/// Java's letters without regard to case: the Turkish i's fold to `i` there.
const LETTERS: &str = r"A-Za-z\u{130}\u{131}";

const EXTENSION: &str = concat!(
    r";ext=(\p{Nd}{1,20})",
    r"|[ \u{A0}\t,]*(?:e?xt(?:ens[i\u{130}\u{131}]",
    r"(?:o\u{301}?|\u{F3}))?n?|\u{FF45}?\u{FF58}\u{FF54}\u{FF4E}?",
    r"|\u{434}\u{43E}\u{431}|anexo)[:.\u{FF0E}]?[ \u{A0}\t,-]*(\p{Nd}{1,20})#?",
    r"|[ \u{A0}\t,]*(?:[x\u{FF58}#\u{FF03}~\u{FF5E}]|[i\u{130}\u{131}]nt|\u{FF49}\u{FF4E}\u{FF54})",
    r"[:.\u{FF0E}]?[ \u{A0}\t,-]*(\p{Nd}{1,9})#?",
    r"|[- ]+(\p{Nd}{1,6})#",
    r"|[ \u{A0}\t]*(?:,{2}|;)[:.\u{FF0E}]?[ \u{A0}\t,-]*(\p{Nd}{1,15})#?",
    r"|[ \u{A0}\t]*(?:,)+[:.\u{FF0E}]?[ \u{A0}\t,-]*(\p{Nd}{1,9})#?"
);

/// The compiled patterns.
pub(super) struct Patterns {
    start: Regex,
    end: Regex,
    second: Regex,
    viable: Regex,
    extension: Regex,
    context: Regex,
}

impl Patterns {
    pub(super) fn new() -> Patterns {
        let number = [
            r"\p{Nd}{2}|[+\u{FF0B}]*(?:[",
            PUNCTUATION,
            r"*]*\p{Nd}){3,}[",
            PUNCTUATION,
            "*",
            LETTERS,
            r"\p{Nd}]*(?:",
            EXTENSION,
            ")?",
        ]
        .concat();
        let domain = concat!(
            r"(?:[A-Za-z\p{Nd}]+(?:-*[A-Za-z\p{Nd}])*\.)*",
            r"[A-Za-z]+(?:-*[A-Za-z\p{Nd}])*\.?"
        );
        Patterns {
            start: pattern(r"[+\u{FF0B}\p{Nd}]"),
            end: pattern(r"[^\p{N}\p{L}#]+$"),
            second: pattern(r"[\\/] *x"),
            viable: pattern(&format!("^(?i:(?:{number}))$")),
            extension: pattern(&format!("(?i:(?:{EXTENSION})$)")),
            context: pattern(&format!(r"^(?:\+[-.()]*\p{{Nd}}[\p{{Nd}}\-.()]*|{domain})$")),
        }
    }

    /// Reads a text; its digits are appended to `digits`.
    pub(super) fn read(&self, text: &str, digits: &mut Vec<u8>) -> Front {
        let none = Front::None(Reason::ParseNotANumber);
        let Some(number) = self.number_in(text) else { return none };
        let number = match number.find(";isub=").filter(|at| *at > 0) {
            Some(at) => &number[..at],
            None => &number,
        };
        if !self.is_viable(number) {
            return none;
        }
        let extension = self.extension.find(number).map(|found| found.start());
        let number = match extension {
            Some(at) if self.is_viable(&number[..at]) => &number[..at],
            _ => number,
        };
        let bare = number.trim_start_matches(['+', '\u{ff0b}']);
        let letters = bare.chars().filter(char::is_ascii_alphabetic).count();
        for c in bare.chars() {
            match c {
                _ if letters >= 3 => digits.extend(vanity_digit(c)),
                _ => digits.extend(digit(c)),
            }
        }
        Front::Digits(bare.len() < number.len())
    }

    /// The part of a text that may be a number; `None` if a context says that it is none.
    fn number_in(&self, text: &str) -> Option<String> {
        const CONTEXT: &str = ";phone-context=";
        let Some(at) = text.find(CONTEXT) else { return Some(self.possible_number(text)) };
        let context = &text[at + CONTEXT.len()..];
        let context = context.split(';').next().unwrap_or_default();
        if !self.context.is_match(context) {
            return None;
        }
        let start = text.find("tel:").map_or(0, |prefix| prefix + "tel:".len());
        let national = text.get(start..at).unwrap_or_default();
        Some(match context.starts_with('+') {
            true => format!("{context}{national}"),
            false => national.to_owned(),
        })
    }

    fn possible_number(&self, text: &str) -> String {
        let Some(start) = self.start.find(text) else { return String::new() };
        let number = &text[start.start()..];
        let number = self.end.find(number).map_or(number, |end| &number[..end.start()]);
        self.second.find(number).map_or(number, |second| &number[..second.start()]).to_owned()
    }

    fn is_viable(&self, number: &str) -> bool {
        number.encode_utf16().nth(1).is_some() && self.viable.is_match(number)
    }
}

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles them")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// In a vanity number letters are digits, and so are ASCII digits only.
fn vanity_digit(c: char) -> Option<u8> {
    match c {
        '0'..='9' => Some(c as u8),
        'a'..='z' | 'A'..='Z' => Some(keypad(c as u8)),
        // Their capitals in Java.
        '\u{131}' => Some(keypad(b'I')),
        '\u{17f}' => Some(keypad(b'S')),
        _ => None,
    }
}
