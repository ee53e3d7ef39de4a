//! The plain path: libphonenumber's algorithm on the metadata's own patterns.
//!
//! In: text, the default country, the territories. Out: the same labels as the fast path gives. It
//! shares no table with it: every question about a number is a regular expression of the metadata.
//! Finding the digits in a text is the business of `unicode.rs`, on libphonenumber's own patterns;
//! the fast path has two ways of its own for most texts and falls back on the same patterns for the
//! rest, so that for those only other ports of libphonenumber are a check. Slow, and only there so
//! that the fast path can be held to it.

use super::front::Front;
use super::metadata::{Lengths, Territory};
use super::unicode::Patterns;
use super::{DIGITS_MAX, Phone, Reason};
use regex::Regex;
use std::collections::HashMap;

/// Reads numbers the plain way.
pub struct Reference {
    territories: Vec<Territory>,
    patterns: Patterns,
    compiled: HashMap<String, Regex>,
}

impl Reference {
    /// A reader with these territories.
    pub fn new(territories: Vec<Territory>) -> Reference {
        Reference { territories, patterns: Patterns::new(), compiled: HashMap::new() }
    }

    /// Reads a text as `Reader::read` does.
    pub fn read(&mut self, text: &str, country: Option<&str>) -> Phone {
        match self.parse(text, country) {
            Ok(phone) => phone,
            Err(reason) => Phone::unread(reason),
        }
    }

    fn parse(&mut self, text: &str, country: Option<&str>) -> Result<Phone, Reason> {
        if super::is_too_long(text) {
            return Err(Reason::ParseTooLong);
        }
        let mut digits = Vec::new();
        let has_plus = match self.patterns.read(text, &mut digits) {
            Front::Digits(has_plus) => has_plus,
            Front::None(reason) => return Err(reason),
            Front::Unknown => return Err(Reason::ParseNotANumber),
        };
        let digits: String = digits.into_iter().map(char::from).collect();
        let known = |territory: &&Territory| Some(territory.id.as_str()) == country;
        let default = self.territories.iter().find(known).filter(|it| it.id != "001").cloned();
        if default.is_none() && !has_plus {
            return Err(Reason::ParseInvalidCountryCode);
        }
        let (code, national) = match self.calling_code(&digits, has_plus, default.as_ref()) {
            Err(Reason::ParseInvalidCountryCode) if has_plus => {
                match self.calling_code(&digits, false, default.as_ref())? {
                    (0, _) => return Err(Reason::ParseInvalidCountryCode),
                    found => found,
                }
            }
            found => found?,
        };
        let (territory, code, national) = match (code, default) {
            (0, None) => return Err(Reason::ParseInvalidCountryCode),
            (0, Some(territory)) => {
                let code = territory.code;
                (territory, code, digits)
            }
            _ => (self.main(code).ok_or(Reason::ParseInvalidCountryCode)?, code, national),
        };
        if national.len() < 2 {
            return Err(Reason::ParseTooShortNsn);
        }
        let without = self.without_prefix(&national, &territory);
        let national = match length_of(&territory, without.len()) {
            Reason::TooShort | Reason::IsPossibleLocalOnly | Reason::InvalidLength => national,
            _ => without,
        };
        if national.len() < 2 {
            return Err(Reason::ParseTooShortNsn);
        }
        if national.len() > DIGITS_MAX {
            return Err(Reason::ParseTooLong);
        }
        let main = self.main(code).ok_or(Reason::ParseInvalidCountryCode)?;
        let reason = length_of(&main, national.len());
        let is_valid = self.is_valid(code, &national);
        let mut code_digits = [0; 3];
        code_digits.iter_mut().zip(code.to_string().bytes()).for_each(|(to, from)| *to = from);
        let mut room = [0; DIGITS_MAX];
        room[..national.len()].copy_from_slice(national.as_bytes());
        Ok(Phone::new(code_digits, &room, national.len(), reason, is_valid))
    }

    fn sharing(&self, code: u16) -> Vec<Territory> {
        let of_code = |territory: &&Territory| territory.code == code;
        let mut sharing: Vec<_> = self.territories.iter().filter(of_code).cloned().collect();
        sharing.sort_by_key(|territory| !territory.is_main);
        sharing
    }

    fn main(&self, code: u16) -> Option<Territory> {
        self.sharing(code).into_iter().next()
    }

    fn regex(&mut self, pattern: String) -> &Regex {
        let compile = |pattern: &String| Regex::new(pattern).unwrap_or_else(|_| never());
        compile_once(&mut self.compiled, pattern, compile)
    }

    /// True if a pattern matches a whole number.
    fn matches(&mut self, pattern: &str, number: &str) -> bool {
        self.regex(format!("^(?:{pattern})$")).is_match(number)
    }

    fn calling_code(
        &mut self,
        digits: &str,
        has_plus: bool,
        default: Option<&Territory>,
    ) -> Result<(u16, String), Reason> {
        let abroad = match default {
            _ if has_plus => Some(0),
            Some(territory) => {
                let pattern = format!("^(?:{})", territory.international_prefix);
                let found = self.regex(pattern).find(digits).map(|found| found.end());
                found.filter(|end| !digits[*end..].starts_with('0'))
            }
            None => None,
        };
        if let Some(prefix) = abroad {
            let rest = &digits[prefix..];
            if rest.len() <= 2 {
                return Err(Reason::ParseTooShortAfterIdd);
            }
            for length in 1..=3.min(rest.len()) {
                let code = rest[..length].parse().unwrap_or(0);
                if !rest.starts_with('0') && self.main(code).is_some() {
                    return Ok((code, rest[length..].to_owned()));
                }
            }
            return Err(Reason::ParseInvalidCountryCode);
        }
        let Some(territory) = default else { return Ok((0, String::new())) };
        if let Some(rest) = digits.strip_prefix(&territory.code.to_string()) {
            let rest = self.without_prefix(rest, territory);
            let is_better = !self.matches(&territory.general, digits)
                && self.matches(&territory.general, &rest);
            if is_better || length_of(territory, digits.len()) == Reason::TooLong {
                return Ok((territory.code, rest));
            }
        }
        Ok((0, String::new()))
    }

    fn without_prefix(&mut self, number: &str, territory: &Territory) -> String {
        let prefix = &territory.national_prefix_for_parsing;
        if prefix.is_empty() || number.is_empty() {
            return number.to_owned();
        }
        let regex = self.regex(format!("^(?:{prefix})")).clone();
        let Some(found) = regex.captures(number) else { return number.to_owned() };
        let end = found.get(0).map_or(0, |whole| whole.end());
        let last = found.get(found.len() - 1).filter(|_| found.len() > 1);
        let without = match last {
            Some(_) if !territory.transform_rule.is_empty() => {
                let mut text = String::new();
                found.expand(&braced(&territory.transform_rule), &mut text);
                text + &number[end..]
            }
            _ => number[end..].to_owned(),
        };
        let is_worse =
            self.matches(&territory.general, number) && !self.matches(&territory.general, &without);
        if is_worse { number.to_owned() } else { without }
    }

    fn is_valid(&mut self, code: u16, national: &str) -> bool {
        let sharing = self.sharing(code);
        for territory in &sharing {
            let is_known = self.is_known(territory, national);
            let leads = match territory.leading_digits.is_empty() {
                true => is_known,
                false => {
                    self.regex(format!("^(?:{})", territory.leading_digits)).is_match(national)
                }
            };
            if leads || sharing.len() == 1 {
                return is_known;
            }
        }
        false
    }

    fn is_known(&mut self, territory: &Territory, national: &str) -> bool {
        let has = |lengths: Lengths| lengths >> national.len() & 1 != 0;
        has(territory.possible)
            && self.matches(&territory.general, national)
            && territory
                .types
                .iter()
                .any(|(pattern, lengths)| has(*lengths) && self.matches(pattern, national))
    }
}

fn compile_once(
    compiled: &mut HashMap<String, Regex>,
    pattern: String,
    compile: impl Fn(&String) -> Regex,
) -> &Regex {
    compiled.entry(pattern).or_insert_with_key(compile)
}

/// `9$1` as the regex crate has it: `9${1}`.
fn braced(rule: &str) -> String {
    let mut text = String::new();
    let mut chars = rule.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('$', Some(digit)) => {
                chars.next();
                text += &format!("${{{digit}}}");
            }
            _ => text.push(c),
        }
    }
    text
}

/// A pattern that matches nothing, in the place of one that cannot be compiled.
fn never() -> Regex {
    #[expect(clippy::unwrap_used, reason = "a constant pattern")]
    Regex::new("[^\\s\\S]").unwrap()
}

fn length_of(territory: &Territory, digits: usize) -> Reason {
    let has = |lengths: Lengths| digits < 32 && lengths >> digits & 1 != 0;
    let mut possible = (0..32).filter(|length| territory.possible >> length & 1 != 0);
    let Some(least) = possible.next() else { return Reason::InvalidLength };
    let most = possible.next_back().unwrap_or(least);
    match digits {
        _ if has(territory.local) => Reason::IsPossibleLocalOnly,
        _ if has(territory.possible) => Reason::IsPossible,
        _ if digits < least => Reason::TooShort,
        _ if digits > most => Reason::TooLong,
        _ => Reason::InvalidLength,
    }
}
