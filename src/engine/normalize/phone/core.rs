//! libphonenumber's algorithm on plain digits: calling code, national prefix, length, validity.
//!
//! In: the digits of a number, whether a `+` stood before them, the default territory. Out:
//! [`Number`], or why there is none. The steps and their order are those of Google's Java code
//! (PhoneNumberUtil, 9.0.33); nothing is allocated.

use super::digits::{self, Kinds};
use super::program;
use super::tables::{Dialling, Tables, may_start};
use super::{DIGITS_MAX, Reason};

/// Room for the digits of any text that is read, and for what a transform rule adds.
const ROOM: usize = 320;

/// Digits that are worked on.
pub(super) struct Buffers {
    digits: [u8; ROOM],
    start: usize,
    end: usize,
    /// What a transform rule has made.
    other: [u8; ROOM],
}

impl Buffers {
    pub(super) fn new() -> Buffers {
        Buffers { digits: [0; ROOM], start: 0, end: 0, other: [0; ROOM] }
    }

    /// Forgets all digits.
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Appends a digit, in ASCII.
    pub(super) fn push(&mut self, digit: u8) {
        if let Some(place) = self.digits.get_mut(self.end) {
            *place = digit;
            self.end += 1;
        }
    }

    /// Keeps the digits of a text, of 32 bytes at most, and says what else stands in it.
    pub(super) fn keep_digits(&mut self, text: &[u8]) -> Kinds {
        let Some(room) = self.digits.first_chunk_mut() else { return Kinds::default() };
        let kinds = digits::split(text, room);
        (self.start, self.end) = (0, kinds.digits.count_ones() as usize);
        kinds
    }

    /// Room for a national number from the first digit on.
    pub(super) fn national(&self) -> &[u8; DIGITS_MAX] {
        let room = self.digits[self.start..].first_chunk();
        room.unwrap_or(&[0; DIGITS_MAX])
    }

    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[self.start..self.end]
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::None => {}
            Change::Cut(digits) => self.start += digits,
            Change::Other(length) => {
                self.digits[..length].copy_from_slice(&self.other[..length]);
                (self.start, self.end) = (0, length);
            }
        }
    }

    /// The digits as they would be.
    fn changed(&self, change: Change) -> &[u8] {
        match change {
            Change::None => self.digits(),
            Change::Cut(digits) => &self.digits()[digits..],
            Change::Other(length) => &self.other[..length],
        }
    }
}

/// What taking off a national prefix does.
#[derive(Clone, Copy)]
enum Change {
    None,
    Cut(usize),
    Other(usize),
}

/// A number that was read.
/// Its national digits stay in the buffers.
pub(super) struct Number<'a> {
    pub(super) main: &'a Dialling,
    pub(super) reason: Reason,
    pub(super) is_valid: bool,
}

const LENGTH_MIN: usize = 2;

/// Reads the digits in the buffers.
pub(super) fn read<'a>(
    tables: &'a Tables,
    buffers: &mut Buffers,
    has_plus: bool,
    default: Option<&'a Dialling>,
) -> Result<Number<'a>, Reason> {
    let named = match calling_code(tables, buffers, has_plus, default) {
        Err(Reason::ParseInvalidCountryCode) if has_plus => {
            // Java tries once more without the plus.
            let named = calling_code(tables, buffers, false, default)?;
            Some(named.ok_or(Reason::ParseInvalidCountryCode)?)
        }
        named => named?,
    };
    let territory = named.or(default).ok_or(Reason::ParseInvalidCountryCode)?;
    if buffers.digits().len() < LENGTH_MIN {
        return Err(Reason::ParseTooShortNsn);
    }
    let change = strip(tables, territory, buffers);
    let length = length_of(territory, buffers.changed(change).len());
    let is_too_little =
        matches!(length, Reason::TooShort | Reason::IsPossibleLocalOnly | Reason::InvalidLength);
    if !is_too_little {
        buffers.apply(change);
    }
    let digits = buffers.digits();
    if digits.len() < LENGTH_MIN {
        return Err(Reason::ParseTooShortNsn);
    }
    if digits.len() > DIGITS_MAX {
        return Err(Reason::ParseTooLong);
    }
    let main = tables.main_of(territory).ok_or(Reason::ParseInvalidCountryCode)?;
    Ok(Number {
        main,
        reason: length_of(main, digits.len()),
        is_valid: tables.matches(main.valid, digits),
    })
}

/// Reads the digits in the buffers where no prefix has to be tried and nothing is wrong: most
/// numbers. `None` says nothing, and the digits stay: [`read`] tells.
pub(super) fn read_simple<'a>(
    tables: &'a Tables,
    buffers: &mut Buffers,
    has_plus: bool,
    default: Option<&'a Dialling>,
) -> Option<Number<'a>> {
    let may_have_prefix = |territory: &Dialling, digits: &[u8]| {
        territory.prefix != 0 && may_start(territory.prefix_start, digits)
    };
    let digits = buffers.digits();
    let (main, start) = match default {
        _ if has_plus => {
            let named = tables.lead(digits)?;
            let start = code_length(named.code_digits);
            if may_have_prefix(named, digits.get(start..)?) {
                return None;
            }
            (named, start)
        }
        // It may start with the prefix for dialling abroad, with its own calling code.
        Some(territory) if may_start(territory.abroad_start, digits) => return None,
        Some(territory) if digits.first() == territory.code_digits.first() => return None,
        Some(territory) if may_have_prefix(territory, digits) => return None,
        Some(territory) => (tables.main_of(territory)?, 0),
        None => return None,
    };
    let national = &digits[start..];
    let reason = length_of(main, national.len());
    if reason != Reason::IsPossible || national.len() > DIGITS_MAX {
        return None;
    }
    let is_valid = tables.matches(main.valid, national);
    buffers.start += start;
    Some(Number { main, reason, is_valid })
}

/// Takes the calling code off the front, if there is one: its main territory.
fn calling_code<'a>(
    tables: &'a Tables,
    buffers: &mut Buffers,
    has_plus: bool,
    default: Option<&'a Dialling>,
) -> Result<Option<&'a Dialling>, Reason> {
    let abroad = match default {
        _ if has_plus => Some(0),
        Some(territory) => prefix_abroad(tables, territory, buffers.digits()),
        None => None,
    };
    if let Some(prefix) = abroad {
        let digits = &buffers.digits()[prefix..];
        if digits.len() <= LENGTH_MIN {
            return Err(Reason::ParseTooShortAfterIdd);
        }
        let named = tables.lead(digits).ok_or(Reason::ParseInvalidCountryCode)?;
        buffers.start += prefix + code_length(named.code_digits);
        return Ok(Some(named));
    }
    let Some(territory) = default else { return Ok(None) };
    let own = territory.code_digits;
    let own_length = code_length(own);
    let fits = |at: usize| buffers.digits.get(buffers.start + at) == own.get(at);
    if buffers.digits().len() < own_length || !(0..own_length).all(fits) {
        return Ok(None);
    }
    let (start, whole) = (buffers.start, buffers.digits().len());
    let fits = tables.matches(territory.general, buffers.digits());
    buffers.start += own_length;
    let change = strip(tables, territory, buffers);
    let is_better = !fits && tables.matches(territory.general, buffers.changed(change));
    if is_better || length_of(territory, whole) == Reason::TooLong {
        buffers.apply(change);
        return Ok(tables.main_of(territory));
    }
    buffers.start = start;
    Ok(None)
}

/// How many digits a prefix for dialling abroad has, if there is one. No calling code starts with
/// 0: a prefix before one is none.
fn prefix_abroad(tables: &Tables, territory: &Dialling, digits: &[u8]) -> Option<usize> {
    if !may_start(territory.abroad_start, digits) {
        return None;
    }
    let found = program::run(&tables.steps, &tables.sets, territory.abroad as usize, digits)?;
    (digits.get(found.end) != Some(&b'0')).then_some(found.end)
}

/// What taking the national prefix off the digits does, by the territory's rules.
fn strip(tables: &Tables, territory: &Dialling, buffers: &mut Buffers) -> Change {
    let digits = &buffers.digits[buffers.start..buffers.end];
    if territory.prefix == 0 || !may_start(territory.prefix_start, digits) {
        return Change::None;
    }
    let entry = territory.prefix as usize;
    let Some(found) = program::run(&tables.steps, &tables.sets, entry, digits) else {
        return Change::None;
    };
    let group = |number: usize| found.group(number).map(|(start, end)| &digits[start..end]);
    let last = group(usize::from(territory.groups));
    let change = match last {
        Some(_) if !territory.transform.is_empty() => {
            let rest = &digits[found.end..];
            Change::Other(transform(&territory.transform, group, rest, &mut buffers.other))
        }
        _ => Change::Cut(found.end),
    };
    let fits = |digits: &[u8]| tables.matches(territory.general, digits);
    match fits(digits) && !fits(buffers.changed(change)) {
        true => Change::None,
        false => change,
    }
}

/// Writes a rule such as `9$1`, its groups filled in, and what follows the match.
fn transform<'a>(
    rule: &str,
    group: impl Fn(usize) -> Option<&'a [u8]>,
    rest: &[u8],
    out: &mut [u8; ROOM],
) -> usize {
    let mut length = 0;
    let mut write = |bytes: &[u8]| {
        let room = bytes.len().min(ROOM - length);
        out[length..length + room].copy_from_slice(&bytes[..room]);
        length += room;
    };
    let mut bytes = rule.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'$' => {
                let number = bytes.next().map_or(0, |digit| usize::from(digit.wrapping_sub(b'0')));
                write(group(number).unwrap_or_default());
            }
            _ => write(&[byte]),
        }
    }
    write(rest);
    length
}

/// What libphonenumber says of a number with so many digits.
fn length_of(territory: &Dialling, digits: usize) -> Reason {
    let bit = 1_u32.checked_shl(digits as u32).unwrap_or(0);
    let possible = territory.possible;
    if possible == 0 {
        return Reason::InvalidLength;
    }
    if territory.local & bit != 0 {
        Reason::IsPossibleLocalOnly
    } else if possible & bit != 0 {
        Reason::IsPossible
    } else if bit != 0 && bit < possible & possible.wrapping_neg() {
        Reason::TooShort
    } else if bit == 0 || bit > possible {
        Reason::TooLong
    } else {
        Reason::InvalidLength
    }
}

/// How many digits a calling code has.
pub(super) fn code_length(digits: [u8; 3]) -> usize {
    1 + usize::from(digits[1] != 0) + usize::from(digits[2] != 0)
}
