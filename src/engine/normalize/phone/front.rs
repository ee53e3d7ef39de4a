//! Text -> digits: where a number starts and ends in what somebody typed.
//!
//! In: the bytes of a cell. Out: its digits in the buffers, and whether a `+` stood before them; or
//! why the text is no number. Two paths for ASCII, each of which hands on what it does not know:
//! one for digits and punctuation, one for letters and extensions. Text with digits, blanks and
//! dashes of other kinds is spelled in ASCII first. Anything else is the business of `unicode.rs`.

use super::Reason;
use super::core::Buffers;
use super::digits::{BYTES_MAX, Kinds};
use super::program;
use super::tables::Tables;
use super::text::digit;

/// What a text turned out to be.
pub(super) enum Front {
    /// Digits in the buffers; true if a `+` stood before them.
    Digits(bool),
    /// No number, and why.
    None(Reason),
    /// Not for this path.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Digit,
    Plus,
    /// Punctuation that numbers have inside.
    Inner,
    Letter,
    Other,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' => Class::Digit,
            b'+' => Class::Plus,
            b'-' | b' ' | b'(' | b')' | b'.' | b'[' | b']' | b'/' | b'~' | b'*' => Class::Inner,
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

/// A number of fewer digits is none, unless it is nothing but two digits.
const DIGITS_MIN: usize = 3;

/// Spells text in ASCII that means the same to every pattern of libphonenumber: digits of other
/// scripts, spaces, dashes. `None` where there is something that it could tell apart.
pub(super) fn in_ascii<'a>(text: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    // In no pattern, neither letter nor number.
    const NOTHING: u8 = 1;
    // Inside numbers, and in no other pattern.
    const INNER: u8 = b'*';
    let (mut has_started, mut has_blank, mut has_digit, mut letters) = (false, false, false, 0);
    let mut length = 0;
    for c in text.chars() {
        let byte = match c {
            _ if c.is_ascii() => c as u8,
            '\u{ff0b}' => b'+',
            '\u{ff0e}' => b'.',
            '\u{a0}' => {
                has_blank = true;
                b' '
            }
            '\u{2010}'..='\u{2015}'
            | '\u{2212}'
            | '\u{ff0d}'
            | '\u{ff0f}'
            | '\u{ad}'
            | '\u{200b}'
            | '\u{2060}'
            | '\u{3000}'
            | '\u{ff08}'
            | '\u{ff09}'
            | '\u{ff3b}'
            | '\u{ff3d}'
            | '\u{2053}'
            | '\u{223c}' => INNER,
            '\u{2000}'..='\u{206f}' | '\u{feff}' => NOTHING,
            // An extension may start with these.
            '\u{ff03}' | '\u{ff5e}' => return None,
            // A mark on the o of an extension's label; a letter to some patterns.
            '\u{301}' | '\u{30fc}' => return None,
            _ => match digit(c) {
                Some(digit) => {
                    has_digit = true;
                    digit
                }
                None if has_started && c.is_alphanumeric() => return None,
                // A digit of another plane starts a number too.
                None if c.is_numeric() => return None,
                None => NOTHING,
            },
        };
        has_started |= matches!(class(byte), Class::Digit | Class::Plus);
        letters += usize::from(class(byte) == Class::Letter);
        *room.get_mut(length)? = byte;
        length += 1;
    }
    let spelled = &room[..length];
    // A blank of another kind ends no number before a second one, and starts no `123#`; in a vanity
    // number only ASCII digits count.
    let is_told_apart = (has_blank && spelled.iter().any(|byte| b"#/\\".contains(byte)))
        || (has_digit && letters >= DIGITS_MIN);
    (!is_told_apart).then_some(spelled)
}

/// Digits with punctuation between, and perhaps one `+` before them: most cells.
pub(super) fn plain(text: &[u8], buffers: &mut Buffers) -> Front {
    if text.len() > BYTES_MAX {
        return Front::Unknown;
    }
    let Kinds { digits, pluses, others } = buffers.keep_digits(text);
    let has_plus = pluses != 0;
    // All of them stand behind the one plus.
    let leads = digits & pluses.wrapping_sub(1) == 0 && pluses.is_power_of_two();
    let is_plain = others == 0 && buffers.digits().len() >= DIGITS_MIN;
    match is_plain && (!has_plus || leads) {
        true => Front::Digits(has_plus),
        false => Front::Unknown,
    }
}

/// ASCII with letters, extensions, whatever.
pub(super) fn ascii(text: &[u8], tables: &Tables, buffers: &mut Buffers) -> Front {
    if !text.is_ascii() || find(text, b";phone-context=").is_some() {
        return Front::Unknown;
    }
    let Some(mut number) = possible_number(text) else {
        return Front::None(Reason::ParseNotANumber);
    };
    if let Some(at) = find(number, b";isub=").filter(|at| *at > 0) {
        number = &number[..at];
    }
    if !is_viable(number, tables) {
        return Front::None(Reason::ParseNotANumber);
    }
    let number = without_extension(number, tables);
    buffers.clear();
    let pluses = number.iter().take_while(|byte| **byte == b'+').count();
    let number = &number[pluses..];
    let letters = number.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    for byte in number {
        match class(*byte) {
            Class::Digit => buffers.push(*byte),
            Class::Letter if letters >= DIGITS_MIN => buffers.push(keypad(*byte)),
            _ => {}
        }
    }
    Front::Digits(pluses > 0)
}

/// Where a parameter starts; `wanted` starts with `;`.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memchr(b';', text).and_then(|_| memchr::memmem::find(text, wanted))
}

/// From the first digit or `+` on, up to what cannot end a number or starts a second one.
fn possible_number(text: &[u8]) -> Option<&[u8]> {
    let start = text.iter().position(|byte| matches!(class(*byte), Class::Digit | Class::Plus))?;
    let ends = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
    let end = text.iter().rposition(ends).map_or(start, |last| last + 1).max(start);
    let number = &text[start..end];
    let mut at = 0;
    while let Some(slash) = number[at..].iter().position(|byte| matches!(byte, b'/' | b'\\')) {
        let slash = at + slash;
        let behind = &number[slash + 1..];
        if behind.iter().find(|byte| **byte != b' ') == Some(&b'x') {
            return Some(&number[..slash]);
        }
        at = slash + 1;
    }
    Some(number)
}

/// True if libphonenumber would try to read it.
fn is_viable(number: &[u8], tables: &Tables) -> bool {
    if let [first, second] = number
        && first.is_ascii_digit()
        && second.is_ascii_digit()
    {
        return true;
    }
    let pluses = number.iter().take_while(|byte| **byte == b'+').count();
    let (mut at, mut digits) = (pluses, 0);
    while digits < DIGITS_MIN {
        match number.get(at).map(|byte| (class(*byte), *byte)) {
            Some((Class::Digit, _)) => digits += 1,
            Some((Class::Inner, _) | (_, b'x' | b'X')) => {}
            _ => return false,
        }
        at += 1;
    }
    let rest = &number[at..];
    let inner = |byte: &&u8| matches!(class(**byte), Class::Digit | Class::Inner | Class::Letter);
    let run = at + rest.iter().take_while(inner).count();
    run == number.len() || extension(number, at, tables).is_some_and(|start| start <= run)
}

/// Where an extension starts that reaches to the end, the first such place from `least` on. It ends
/// in digits and perhaps `#`, and has no digit before those.
fn extension(number: &[u8], least: usize, tables: &Tables) -> Option<usize> {
    let end = number.strip_suffix(b"#").unwrap_or(number);
    let digits = end.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    if digits == end.len() {
        return None;
    }
    let label = end[..digits].iter().rposition(u8::is_ascii_digit).map_or(0, |last| last + 1);
    // Blanks and dashes alone make one only before `#`.
    let says_so = |byte: &u8| byte.is_ascii_alphabetic() || b",;#~".contains(byte);
    if end.len() == number.len() && !end[label..digits].iter().any(says_so) {
        return None;
    }
    let may_start = |byte: u8| {
        matches!(byte, b' ' | b'\t' | b',' | b';' | b'-' | b'#' | b'~')
            || matches!(byte | 0x20, b'e' | b'x' | b'a' | b'i')
    };
    let fits = |text: &[u8]| {
        program::run(&tables.steps, &tables.sets, tables.extension as usize, text).is_some()
    };
    (label.max(least)..digits).find(|from| may_start(number[*from]) && fits(&number[*from..]))
}

/// The number before its extension, if what is left may be read.
fn without_extension<'a>(number: &'a [u8], tables: &Tables) -> &'a [u8] {
    match extension(number, 0, tables) {
        Some(at) if is_viable(&number[..at], tables) => &number[..at],
        _ => number,
    }
}

/// The digit of a letter's key.
pub(super) fn keypad(letter: u8) -> u8 {
    const KEYS: &[u8; 26] = b"22233344455566677778889999";
    KEYS[usize::from((letter.to_ascii_uppercase() - b'A').min(25))]
}
