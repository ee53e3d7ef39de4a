//! Names of things: a prefix and 22 characters that nobody can guess.
//!
//! In: randomness of the operating system, or a text from outside. Out: [`AudienceId`],
//! [`AccountId`], [`FileId`], [`KeyId`]. A text is an id only if it is spelled like one, so that an
//! id can stand in a file name.

use std::fmt;
use std::io;
use std::str::FromStr;

/// 131 bits.
const CHARS: usize = 22;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// So many characters of [`ALPHABET`], each as likely as the others.
pub(crate) fn random_text(chars: usize) -> io::Result<String> {
    // Bytes beyond the last whole round of the alphabet would favour its start.
    const ROUNDS_END: u8 = 248;
    let mut text = String::with_capacity(chars);
    let mut bytes = [0; 64];
    while text.len() < chars {
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let usable = bytes.iter().filter(|byte| **byte < ROUNDS_END);
        let letters = usable.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]));
        text.extend(letters.take(chars - text.len()));
    }
    Ok(text)
}

/// True for what may stand behind a prefix.
fn is_tail(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// A new one.
            ///
            /// # Errors
            ///
            /// If the operating system has no randomness.
            pub fn random() -> io::Result<$name> {
                Ok($name(format!("{}{}", $prefix, random_text(CHARS)?)))
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<$name, String> {
                match text.strip_prefix($prefix).is_some_and(is_tail) {
                    true => Ok($name(text.to_owned())),
                    false => Err(format!("an id of this kind starts with {}", $prefix)),
                }
            }
        }
    )*};
}

ids! {
    /// An audience: `adaud_...`.
    AudienceId "adaud_"
    /// An account, which owns audiences, files and keys: `biz_...`.
    AccountId "biz_"
    /// An uploaded file: `file_...`.
    FileId "file_"
    /// An API key, not the secret: `key_...`.
    KeyId "key_"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_told_from_other_texts() {
        let id = AudienceId::random().unwrap();
        assert_eq!(id.as_str().len(), "adaud_".len() + CHARS);
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_ne!(AudienceId::random().unwrap(), id);
        for text in ["", "adaud_", "file_aaaaaaaaaaaaaaaaaaaaaa", "adaud_../../../../etc/passwd"] {
            assert!(text.parse::<AudienceId>().is_err(), "{text}");
        }
        assert!("adaud_PastPurchasers123".parse::<AudienceId>().is_ok());
    }

    #[test]
    fn every_character_is_drawn() {
        let text = random_text(10_000).unwrap();
        assert_eq!(text.len(), 10_000);
        assert!(ALPHABET.iter().all(|byte| text.as_bytes().contains(byte)));
    }
}
