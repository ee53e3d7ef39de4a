//! E-mail addresses, in the spellings that platforms hash.
//!
//! In: cleaned text, once. Out: [`Address`], which writes itself in any [`Form`], or says why it
//! has none there. The rules, with their sources:
//!
//! - [`Form::Generic`]: one `@`, a local part, a domain with a dot, no white space and no control
//!   character inside; one trailing dot of the domain is dropped; Unicode default lower case.
//! - [`Form::Meta`]: the same, and the shape that Meta's Parameter Builder 1.3.2 accepts
//!   (`emailUtil.js`, executed 2026-11): dot-separated ASCII words before the `@`, labels of
//!   letters, digits and inner hyphens behind it. Meta's docs (developers.facebook.com, customer
//!   list custom audiences, read 2026-09-12) say trim and lower-case, and nothing of shape; an
//!   address of another shape matches nobody there. Labels in other scripts are let through as
//!   typed: the docs do not exclude them.
//! - [`Form::Google`]: what Google's Data Manager utilities for Node 0.3.0 and Python 0.4.0 agree
//!   on (executed 2026-11): one `@`, no white space, lower case; in gmail.com and googlemail.com
//!   dots go and so does everything from the first `+`. The domain stays what it is. Java's utility
//!   lets white space and a second `@` through: a bug, not followed.
//! - [`Form::Uid2`]: unifiedid.com, normalization and encoding (uid2docs 90d6afe), and the client
//!   for Python 2.9.0 (executed 2026-11): only ASCII letters are lowered; in gmail.com alone dots
//!   and `+tag` go; white space and control characters inside stay.
//! - [`Form::Reddit`]: dots and `+tag` go in every domain. Second-hand: a connector's code says it
//!   follows Reddit's formats; another source says only trim and lower-case.
//! - [`Form::Amazon`]: lower case, then letters a-z, digits, `.`, `@` and `-` only. Second-hand.
//! - [`Form::LinkedIn`]: all white space goes, lower case. Second-hand.
//! - [`Form::Plain`]: one `@`, something on both sides, no white space, lower case: TikTok,
//!   Pinterest, Snapchat, X, Microsoft, OpenAI, Criteo. Dots and `+tag` stay; OpenAI says so
//!   expressly (developers.openai.com, custom audiences). TikTok's help of 2025-06 would drop
//!   `+tag`, its newer list does not; the newer is followed.
//!
//! Role addresses, disposable ones and `test@test.com` are addresses like any other.

mod masks;
mod sweep;

use super::Rejection;
use super::text::{self, lower, push};
use crate::engine::rules::Form;
pub(crate) use sweep::{Spelling, Swept};
use unicode_normalization::{IsNormalized, is_nfkc_quick};

/// An address that has been looked at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    text: &'a str,
    facts: Facts,
}

/// What there is to know of a text to write it in any form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Where the first `@` stands.
    at: Option<usize>,
    has_white_space: bool,
    has_control: bool,
}

impl Facts {
    pub(crate) fn of(text: &str) -> Facts {
        let bytes = text.as_bytes();
        let is_odd = |byte: &u8| byte.is_ascii_control() || *byte == b' ' || !byte.is_ascii();
        let is_odd = bytes.iter().any(is_odd);
        Facts {
            at: memchr::memchr(b'@', bytes),
            has_white_space: is_odd && text.contains(char::is_whitespace),
            has_control: is_odd && text::has_control(text),
        }
    }
}

impl<'a> Address<'a> {
    /// Looks at a cleaned text.
    ///
    /// ```
    /// use matchkey::normalize::email::Address;
    /// use matchkey::Form;
    ///
    /// let address = Address::new("Mary.Ann+news@Gmail.COM.");
    /// let mut out = Vec::new();
    /// address.write(Form::Generic, &mut out).unwrap();
    /// assert_eq!(out, b"mary.ann+news@gmail.com");
    /// out.clear();
    /// Address::new("Mary.Ann+news@Gmail.COM").write(Form::Google, &mut out).unwrap();
    /// assert_eq!(out, b"maryann@gmail.com");
    /// ```
    pub fn new(text: &'a str) -> Address<'a> {
        Address { text, facts: Facts::of(text) }
    }

    /// The address of a text that was looked at before.
    pub(super) fn known(text: &'a str, facts: Facts) -> Address<'a> {
        Address { text, facts }
    }

    /// Before the first `@`, and behind it.
    fn parts(&self) -> Result<(&'a str, &'a str), Rejection> {
        let at = self.facts.at.ok_or(Rejection::NoAt)?;
        let (local, domain) = (&self.text[..at], &self.text[at + 1..]);
        match domain.contains('@') {
            true => Err(Rejection::SeveralAt),
            false => Ok((local, domain)),
        }
    }

    /// Appends the address in this form. After an error `out` may hold a part of it.
    ///
    /// # Errors
    ///
    /// Why the platforms of this form could not use it.
    pub fn write(&self, form: Form, out: &mut Vec<u8>) -> Result<(), Rejection> {
        match form {
            Form::Uid2 => return self.write_uid2(out),
            Form::LinkedIn if self.facts.has_white_space => {
                let bare: String = self.text.chars().filter(|c| !c.is_whitespace()).collect();
                return Address::new(&bare).write(Form::Plain, out);
            }
            _ => {}
        }
        let (local, domain) = self.checked()?;
        let start = out.len();
        match form {
            Form::Google => {
                lower_into(domain, out);
                let is_google = matches!(&out[start..], b"gmail.com" | b"googlemail.com");
                out.truncate(start);
                match is_google {
                    true => write_stripped(local, domain, out),
                    false => write_plain(self.text, out),
                }
            }
            Form::Reddit => write_stripped(local, domain, out),
            Form::Amazon => {
                let is_kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '-');
                lower(self.text, |c| {
                    if is_kept(c) {
                        push(out, c);
                    }
                });
                let written = &out[start..];
                match written.starts_with(b"@") || written.ends_with(b"@") {
                    true => Err(Rejection::NothingLeft),
                    false => Ok(()),
                }
            }
            Form::Plain | Form::LinkedIn => write_plain(self.text, out),
            _ => {
                let domain = domain.strip_suffix('.').unwrap_or(domain);
                if domain.is_empty() {
                    return Err(Rejection::NoDomain);
                }
                if !domain.contains('.') {
                    return Err(Rejection::NoDotInDomain);
                }
                if form == Form::Meta && !has_meta_shape(local, domain) {
                    return Err(Rejection::Malformed);
                }
                write_plain(&self.text[..local.len() + 1 + domain.len()], out)
            }
        }
    }

    /// The two parts of an address that no form but UID2's and LinkedIn's would change the shape
    /// of.
    fn checked(&self) -> Result<(&'a str, &'a str), Rejection> {
        let (local, domain) = self.parts()?;
        if self.facts.has_white_space {
            return Err(Rejection::WhiteSpace);
        }
        if self.facts.has_control {
            return Err(Rejection::ControlChar);
        }
        if local.is_empty() {
            return Err(Rejection::NoLocalPart);
        }
        if domain.is_empty() {
            return Err(Rejection::NoDomain);
        }
        Ok((local, domain))
    }

    fn write_uid2(&self, out: &mut Vec<u8>) -> Result<(), Rejection> {
        let (local, domain) = self.parts()?;
        let start = out.len();
        match domain.eq_ignore_ascii_case("gmail.com") {
            true => out.extend(stripped(local).bytes().filter(|byte| *byte != b'.')),
            false => out.extend_from_slice(local.as_bytes()),
        }
        if out.len() == start {
            return Err(Rejection::NoLocalPart);
        }
        if domain.is_empty() {
            return Err(Rejection::NoDomain);
        }
        out.push(b'@');
        out.extend_from_slice(domain.as_bytes());
        out[start..].make_ascii_lowercase();
        Ok(())
    }
}

impl std::fmt::Debug for Address<'_> {
    /// Without the address: it is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(..)")
    }
}

fn lower_into(text: &str, out: &mut Vec<u8>) {
    match text.is_ascii() {
        true => out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase())),
        false => lower(text, |c| push(out, c)),
    }
}

fn write_plain(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    lower_into(text, out);
    Ok(())
}

/// Up to the first `+`.
fn stripped(local: &str) -> &str {
    local.split('+').next().unwrap_or_default()
}

fn write_stripped(local: &str, domain: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let start = out.len();
    lower(stripped(local), |c| {
        if c != '.' {
            push(out, c);
        }
    });
    if out.len() == start {
        return Err(Rejection::NoLocalPart);
    }
    out.push(b'@');
    lower_into(domain, out);
    Ok(())
}

/// Words of ASCII letters, digits and some marks with a dot between (a colon may stand before the
/// dot: the Parameter Builder's pattern has it so); labels with a dot between.
fn has_meta_shape(local: &str, domain: &str) -> bool {
    let is_word_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"_!#$%&'*+/=?^`{|}~-".contains(&byte);
    let mut words = local.split('.').peekable();
    while let Some(word) = words.next() {
        let word = match words.peek() {
            Some(_) => word.strip_suffix(':').unwrap_or(word),
            None => word,
        };
        if word.is_empty() || !word.bytes().all(is_word_byte) {
            return false;
        }
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || is_letter_elsewhere(c);
    domain.split('.').all(|label| {
        label.starts_with(is_letter)
            && label.ends_with(is_letter)
            && label.chars().all(|c| c == '-' || is_letter(c))
    })
}

/// A letter, digit or mark of another script; not one that only looks like an ASCII letter in
/// another width.
fn is_letter_elsewhere(c: char) -> bool {
    !c.is_ascii()
        && (c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c))
        && is_nfkc_quick(std::iter::once(c)) != IsNormalized::No
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(form: Form, text: &str) -> Result<String, Rejection> {
        let mut out = Vec::new();
        Address::new(text).write(form, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn generic() {
        for (text, expected) in [
            ("A.b+C@X.Org", "a.b+c@x.org"),
            ("a@x.org.", "a@x.org"),
            ("\u{c4}@M\u{dc}NCHEN.example", "\u{e4}@m\u{fc}nchen.example"),
            ("test@test.com", "test@test.com"),
        ] {
            assert_eq!(canonical(Form::Generic, text).as_deref(), Ok(expected));
        }
        for (text, rejection) in [
            ("jane", Rejection::NoAt),
            ("a@b@c.org", Rejection::SeveralAt),
            ("a@x.org;b@x.org", Rejection::SeveralAt),
            ("@x.org", Rejection::NoLocalPart),
            ("a@", Rejection::NoDomain),
            ("a@.", Rejection::NoDomain),
            ("a@localhost", Rejection::NoDotInDomain),
            ("a@localhost.", Rejection::NoDotInDomain),
            ("a b@x.org", Rejection::WhiteSpace),
            ("a\u{a0}b@x.org", Rejection::WhiteSpace),
            ("a\0b@x.org", Rejection::ControlChar),
        ] {
            assert_eq!(canonical(Form::Generic, text), Err(rejection), "{text:?}");
        }
    }

    #[test]
    fn one_address_in_every_form() {
        let text = "Jane_A.Doe+Home@GoogleMail.com.";
        for (form, expected) in [
            (Form::Generic, "jane_a.doe+home@googlemail.com"),
            (Form::Meta, "jane_a.doe+home@googlemail.com"),
            (Form::Plain, "jane_a.doe+home@googlemail.com."),
            (Form::LinkedIn, "jane_a.doe+home@googlemail.com."),
            (Form::Google, "jane_a.doe+home@googlemail.com."),
            (Form::Uid2, "jane_a.doe+home@googlemail.com."),
            (Form::Reddit, "jane_adoe@googlemail.com."),
            (Form::Amazon, "janea.doehome@googlemail.com."),
        ] {
            assert_eq!(canonical(form, text).as_deref(), Ok(expected), "{form:?}");
        }
        for (form, gmail, googlemail) in [
            (Form::Google, "jadoe@gmail.com", "jadoe@googlemail.com"),
            (Form::Uid2, "jadoe@gmail.com", "j.a.doe+x+y@googlemail.com"),
            (Form::Plain, "j.a.doe+x+y@gmail.com", "j.a.doe+x+y@googlemail.com"),
        ] {
            assert_eq!(canonical(form, "J.A.Doe+x+y@GMAIL.com").as_deref(), Ok(gmail));
            assert_eq!(canonical(form, "J.A.Doe+x+y@googlemail.com").as_deref(), Ok(googlemail));
        }
    }

    #[test]
    fn where_the_forms_part() {
        let part = |text, form| canonical(form, text);
        for text in ["a..b@x.org", ".a@x.org", "a.@x.org", "\"a b\"@x.org", "a@-x.org", "a@x-.org"]
        {
            assert!(part(text, Form::Meta).is_err(), "{text}");
        }
        assert!(part("a:.b@x.org", Form::Meta).is_ok());
        assert!(part("a.:.b@x.org", Form::Meta).is_err());
        assert!(part("info@b\u{fc}cher.example", Form::Meta).is_ok());
        assert!(part("\u{e4}@x.org", Form::Meta).is_err());
        assert!(part("mary@\u{ff45}xample.com", Form::Meta).is_err());
        assert_eq!(part("+tag@gmail.com", Form::Google), Err(Rejection::NoLocalPart));
        assert_eq!(part("...@gmail.com", Form::Uid2), Err(Rejection::NoLocalPart));
        assert_eq!(part("\u{c9}a b@x", Form::Uid2).as_deref(), Ok("\u{c9}a b@x"));
        assert_eq!(part("Jane @ x.org", Form::LinkedIn).as_deref(), Ok("jane@x.org"));
        assert_eq!(part("a@localhost", Form::Plain).as_deref(), Ok("a@localhost"));
    }
}
