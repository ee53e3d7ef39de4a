//! E-mail addresses in their generic form.
//!
//! In: cleaned text. Out: the address in lower case, or why it is unusable.
//!
//! The rule: one `@`, a local part, a domain with a dot, no white space and no control character
//! inside; one trailing dot of the domain is dropped; Unicode default lower case. Dots and `+tag`
//! of the local part stay. It is what Meta asks for (Meta "Customer list custom audiences",
//! developers.facebook.com, read 2026-09-12: trim, lower-case). Role addresses, disposable ones
//! and `test@test.com` are addresses like any other.

use super::Rejection;
use super::text::{self, lower, push};

/// Appends the canonical form of a cleaned address.
///
/// ```
/// let mut out = Vec::new();
/// matchkey::normalize::email::write("Mary.Ann+news@Example.COM.", &mut out).unwrap();
/// assert_eq!(out, b"mary.ann+news@example.com");
/// ```
pub fn write(text: &str, out: &mut Vec<u8>) -> Result<(), Rejection> {
    let (local, domain) = text.split_once('@').ok_or(Rejection::NoAt)?;
    if domain.contains('@') {
        return Err(Rejection::SeveralAt);
    }
    if text.contains(char::is_whitespace) {
        return Err(Rejection::WhiteSpace);
    }
    if text::has_control(text) {
        return Err(Rejection::ControlChar);
    }
    if local.is_empty() {
        return Err(Rejection::NoLocalPart);
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    if domain.is_empty() {
        return Err(Rejection::NoDomain);
    }
    if !domain.contains('.') {
        return Err(Rejection::NoDotInDomain);
    }
    let address = &text[..local.len() + 1 + domain.len()];
    if address.is_ascii() {
        out.extend(address.bytes().map(|byte| byte.to_ascii_lowercase()));
    } else {
        lower(address, |c| push(out, c));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, Rejection> {
        let mut out = Vec::new();
        write(text, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn usable() {
        assert_eq!(canonical("A.b+C@X.Org").unwrap(), "a.b+c@x.org");
        assert_eq!(canonical("a@x.org.").unwrap(), "a@x.org");
        assert_eq!(
            canonical("\u{c4}@M\u{dc}NCHEN.example").unwrap(),
            "\u{e4}@m\u{fc}nchen.example"
        );
        assert_eq!(canonical("test@test.com").unwrap(), "test@test.com");
    }

    #[test]
    fn unusable() {
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
            assert_eq!(canonical(text), Err(rejection), "{text:?}");
        }
    }
}
