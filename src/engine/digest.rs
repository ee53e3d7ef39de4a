//! Match keys: digests, the hashes that make them, their spellings.
//!
//! In: a message, or text that may be a digest already. Out: [`Digest`], written as hexadecimal
//! digits or base64.

mod spell;

use sha2::{Digest as _, Sha256, Sha512};
use spell::{BASE64, pair};
use std::fmt;
use std::str::FromStr;

/// A hash function that a platform asks for or offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hash {
    /// SHA-256, 32 bytes: what every platform takes.
    #[default]
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
    /// SHA-1, 20 bytes.
    Sha1,
    /// MD5, 16 bytes.
    Md5,
}

impl Hash {
    /// Every hash.
    pub const ALL: [Hash; 4] = [Hash::Sha256, Hash::Sha512, Hash::Sha1, Hash::Md5];

    /// The name in options, headers and reports.
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "sha256",
            Hash::Sha512 => "sha512",
            Hash::Sha1 => "sha1",
            Hash::Md5 => "md5",
        }
    }

    /// How many bytes its digests have.
    pub fn bytes(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha512 => 64,
            Hash::Sha1 => 20,
            Hash::Md5 => 16,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Hash {
    type Err = String;

    fn from_str(name: &str) -> Result<Hash, String> {
        let known = Hash::ALL.into_iter().find(|hash| hash.name() == name);
        known.ok_or_else(|| "the hashes are sha256, sha512, sha1, md5".into())
    }
}

/// How a digest is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// Lower-case hexadecimal digits.
    #[default]
    Hex,
    /// Base64 of the bytes, standard alphabet with padding (RFC 4648, section 4).
    Base64,
}

impl Encoding {
    /// The name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Hex => "hex",
            Encoding::Base64 => "base64",
        }
    }

    /// Appends the bytes of a digest, spelled in this way, in ASCII.
    #[inline]
    pub fn write(self, digest: &[u8], out: &mut Vec<u8>) {
        match self {
            Encoding::Hex => write_hex(digest, out),
            Encoding::Base64 => write_base64(digest, out),
        }
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(name: &str) -> Result<Encoding, String> {
        let known = [Encoding::Hex, Encoding::Base64].into_iter().find(|each| each.name() == name);
        known.ok_or_else(|| "the encodings are hex and base64".into())
    }
}

const BYTES_MAX: usize = 64;

/// A digest. Digests of customers are personal data: `Debug` shows none of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest {
    hash: Hash,
    bytes: [u8; BYTES_MAX],
}

impl Digest {
    /// The SHA-256 digest of one message.
    pub fn of(message: &[u8]) -> Digest {
        Digest::with(Hash::Sha256, message)
    }

    /// The digest of one message.
    pub fn with(hash: Hash, message: &[u8]) -> Digest {
        match hash {
            Hash::Sha256 => Digest::from_bytes(hash, &Sha256::digest(message).0),
            Hash::Sha512 => Digest::from_bytes(hash, &Sha512::digest(message).0),
            Hash::Sha1 => Digest::from_bytes(hash, &sha1::Sha1::digest(message).0),
            Hash::Md5 => Digest::from_bytes(hash, &md5::Md5::digest(message).0),
        }
    }

    /// A digest of this hash, which has so many bytes.
    pub(crate) fn from_bytes<const N: usize>(hash: Hash, bytes: &[u8; N]) -> Digest {
        let mut digest = Digest { hash, bytes: [0; BYTES_MAX] };
        digest.bytes[..N].copy_from_slice(bytes);
        digest
    }

    /// Reads text that is a digest already: 64 hexadecimal digits of any case (SHA-256), 32 of
    /// them with a letter among them (MD5), or base64 of 32 bytes (SHA-256). `None` for anything
    /// else.
    pub fn from_text(text: &[u8]) -> Option<Digest> {
        match text.len() {
            64 => from_hex(Hash::Sha256, text),
            // Digits alone are a number.
            32 if text.iter().any(u8::is_ascii_alphabetic) => from_hex(Hash::Md5, text),
            44 => from_base64(text),
            _ => None,
        }
    }

    /// The hash that made it.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Its bytes: as many as its hash makes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.hash.bytes()]
    }

    /// Appends it, spelled in this way, in ASCII.
    pub fn write(&self, encoding: Encoding, out: &mut Vec<u8>) {
        encoding.write(self.as_bytes(), out);
    }

    /// It, spelled in this way.
    pub fn text(&self, encoding: Encoding) -> String {
        let mut out = Vec::with_capacity(2 * BYTES_MAX);
        self.write(encoding, &mut out);
        out.into_iter().map(char::from).collect()
    }

    /// True for the digest of nothing, which must never leave the engine.
    pub(crate) fn is_of_nothing(&self) -> bool {
        *self == Digest::with(self.hash, b"")
    }
}

/// Appends hexadecimal digits.
#[inline]
fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.try_into() {
        Ok(bytes) => spell::hex(bytes, out),
        Err(_) => bytes.iter().for_each(|byte| out.extend_from_slice(&pair(*byte))),
    }
}

/// Appends base64 with padding.
fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.try_into().is_ok_and(|bytes| spell::base64(bytes, out)) {
        write_base64_portable(bytes, out);
    }
}

fn write_base64_portable(bytes: &[u8], out: &mut Vec<u8>) {
    let digits = |bits: u32| [18, 12, 6, 0].map(|shift| BASE64[(bits >> shift & 63) as usize]);
    let (groups, rest) = bytes.as_chunks::<3>();
    let mut text = [[0; 4]; BYTES_MAX.div_ceil(3)];
    for (place, [a, b, c]) in text.iter_mut().zip(groups) {
        *place = digits(u32::from_be_bytes([0, *a, *b, *c]));
    }
    let mut length = groups.len();
    if let [a, ..] = *rest {
        let [x, y, z, _] = digits(u32::from_be_bytes([0, a, rest.get(1).copied().unwrap_or(0), 0]));
        text[length] = [x, y, if rest.len() > 1 { z } else { b'=' }, b'='];
        length += 1;
    }
    out.extend_from_slice(text[..length].as_flattened());
}

fn from_hex(hash: Hash, text: &[u8]) -> Option<Digest> {
    let mut bytes = [0; BYTES_MAX];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    Some(Digest { hash, bytes })
}

/// Base64 of exactly 32 bytes, whose last digit has no bits left over.
fn from_base64(text: &[u8]) -> Option<Digest> {
    let digits = text.strip_suffix(b"=")?;
    let mut bytes = [0; BYTES_MAX];
    let (mut bits, mut count, mut at) = (0_u32, 0, 0);
    for digit in digits {
        let value = BASE64.iter().position(|known| known == digit)?;
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes[at] = (bits >> count) as u8;
            bits &= (1 << count) - 1;
            at += 1;
        }
    }
    (bits == 0 && at == Hash::Sha256.bytes()).then_some(Digest { hash: Hash::Sha256, bytes })
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_there_and_back() {
        for message in ["mary@example.com", "", "a"] {
            let digest = Digest::of(message.as_bytes());
            let (hex, base64) = (digest.text(Encoding::Hex), digest.text(Encoding::Base64));
            assert_eq!(Digest::from_text(hex.as_bytes()), Some(digest));
            assert_eq!(Digest::from_text(hex.to_uppercase().as_bytes()), Some(digest));
            assert_eq!(Digest::from_text(base64.as_bytes()), Some(digest));
            assert_eq!((hex.len(), base64.len()), (64, 44));
            assert_eq!(Digest::from_text(&hex.as_bytes()[1..]), None);
            assert_eq!(Digest::from_text(&base64.as_bytes()[1..]), None);
        }
        assert_eq!(Digest::from_text(&[b'g'; 64]), None);
        assert_eq!(Digest::from_text(&[b'='; 44]), None);
        let spare_bits = "8ZBM8anXOlX94N5crII8RAPe1xr9TDJI0AvNCGZVK7l=";
        assert_eq!(Digest::from_text(spare_bits.as_bytes()), None);
        assert_eq!(Digest::from_text(b"12345678901234567890123456789012"), None);
    }

    #[test]
    fn published_digests() {
        // RFC 1321, RFC 3174 and FIPS 180-4 print these.
        for (hash, message, hex) in [
            (Hash::Md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
            (Hash::Sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Hash::Sha256,
                "abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Hash::Sha512,
                "abc",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            let digest = Digest::with(hash, message.as_bytes());
            assert_eq!(digest.text(Encoding::Hex), hex);
            assert_eq!(digest.as_bytes().len(), hash.bytes());
            assert_eq!(hash.name().parse(), Ok(hash));
            assert!(Digest::with(hash, b"").is_of_nothing());
            assert!(!digest.is_of_nothing());
        }
        let bits = Digest::of(b"user@example.com").text(Encoding::Base64);
        assert_eq!(bits, "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ=");
        let short = Digest::with(Hash::Md5, b"").text(Encoding::Base64);
        assert_eq!(short, "1B2M2Y8AsgTpgAmY7PhCfg==");
    }

    #[test]
    fn debug_shows_no_digest() {
        assert_eq!(format!("{:?}", Digest::of(b"x")), "Digest(..)");
    }
}
