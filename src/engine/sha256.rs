//! SHA-256 of many short messages.
//!
//! In: canonical identifiers, end to end in one buffer, and where each ends.
//! Out: one digest for each, in the same order. The batch is the interface, so that a kernel
//! which hashes several messages at once can take the place of this loop.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// A SHA-256 digest. Digests of customers are personal data: `Debug` shows none of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// The digest of nothing, which must never leave the engine.
pub(crate) const OF_EMPTY: Digest = Digest([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

const HEX: &[u8; 16] = b"0123456789abcdef";

impl Digest {
    /// The digest of one message.
    pub fn of(message: &[u8]) -> Digest {
        Digest(Sha256::digest(message).into())
    }

    /// Reads 64 hexadecimal digits of any case. `None` for anything else.
    pub fn from_hex(text: &[u8]) -> Option<Digest> {
        if text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = (high << 4 | low) as u8;
        }
        Some(Digest(bytes))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hexadecimal digits, as ASCII.
    pub fn to_hex(&self) -> [u8; 64] {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        text
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

/// Hashes `messages[..ends[0]]`, `messages[ends[0]..ends[1]]`, ... into `digests`, which is
/// cleared first.
pub(crate) fn digest_many(messages: &[u8], ends: &[usize], digests: &mut Vec<Digest>) {
    digests.clear();
    digests.reserve(ends.len());
    let mut start = 0;
    for &end in ends {
        digests.push(Digest::of(&messages[start..end]));
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_empty_is_the_digest_of_nothing() {
        assert_eq!(Digest::of(b""), OF_EMPTY);
    }

    #[test]
    fn hex_goes_there_and_back_in_any_case() {
        let digest = Digest::of(b"mary@example.com");
        let hex = digest.to_hex();
        assert_eq!(Digest::from_hex(&hex), Some(digest));
        assert_eq!(Digest::from_hex(&hex.to_ascii_uppercase()), Some(digest));
        assert_eq!(Digest::from_hex(&hex[1..]), None);
        assert_eq!(Digest::from_hex(&[b'g'; 64]), None);
        assert_eq!(&hex, b"f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79");
    }

    #[test]
    fn debug_shows_no_digest() {
        assert_eq!(format!("{:?}", OF_EMPTY), "Digest(..)");
    }
}
