//! Texts that only this server can have written: upload addresses and cursors.
//!
//! In: the folder's secret, and what is to be trusted later. Out: HMAC-SHA256 over it, compared in
//! constant time. What is signed names its purpose first, so that no signature serves another.

use crate::audience::AccountId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The folder's secret.
pub(super) struct Signer(Zeroizing<[u8; 32]>);

/// Bytes of a signature that are written down: 128 bits.
const BYTES: usize = 16;

impl Signer {
    pub(super) fn new(secret: [u8; 32]) -> Signer {
        Signer(Zeroizing::new(secret))
    }

    fn mac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0[..]).ok()?;
        mac.update(text.as_bytes());
        Some(mac)
    }

    fn sign(&self, text: &str) -> String {
        // A key of any length is taken.
        let code = self.mac(text).map(|mac| mac.finalize().into_bytes());
        code.map(|code| hex(&code[..BYTES])).unwrap_or_default()
    }

    fn is_signed(&self, text: &str, signature: &str) -> bool {
        let code = unhex(signature).filter(|code| code.len() == BYTES);
        match (self.mac(text), code) {
            (Some(mac), Some(code)) => mac.verify_truncated_left(&code).is_ok(),
            _ => false,
        }
    }

    /// The signature of an address that takes a part of a file until then.
    pub(super) fn upload(&self, file: &str, part: u32, expires: i64) -> String {
        self.sign(&format!("upload\n{file}\n{part}\n{expires}"))
    }

    pub(super) fn is_upload(&self, file: &str, part: u32, expires: i64, signature: &str) -> bool {
        self.is_signed(&format!("upload\n{file}\n{part}\n{expires}"), signature)
    }

    /// A cursor for a place in one of an account's lists.
    pub(super) fn cursor(&self, list: &str, account: &AccountId, place: i64) -> String {
        let signature = self.sign(&format!("cursor\n{list}\n{account}\n{place}"));
        format!("{}{signature}", hex(&place.to_be_bytes()))
    }

    /// The place that a cursor means; `None` for any text that is none of this account's.
    pub(super) fn place(&self, list: &str, account: &AccountId, cursor: &str) -> Option<i64> {
        let (place, signature) = cursor.split_at_checked(16)?;
        let place = i64::from_be_bytes(unhex(place)?.try_into().ok()?);
        let text = format!("cursor\n{list}\n{account}\n{place}");
        self.is_signed(&text, signature).then_some(place)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Digits in lower case only: a text has one spelling.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_an_accounts_own() {
        let signer = Signer::new([7; 32]);
        let accounts = [AccountId::random().unwrap(), AccountId::random().unwrap()];
        let cursor = signer.cursor("audiences", &accounts[0], 42);
        assert_eq!(signer.place("audiences", &accounts[0], &cursor), Some(42));
        assert_eq!(signer.place("audiences", &accounts[1], &cursor), None);
        assert_eq!(signer.place("files", &accounts[0], &cursor), None);
        let other = Signer::new([8; 32]);
        assert_eq!(other.place("audiences", &accounts[0], &cursor), None);
        for odd in ["", "x", &cursor[1..], &cursor.to_uppercase(), &format!("{cursor}00"), "\u{e9}"]
        {
            assert_eq!(signer.place("audiences", &accounts[0], odd), None, "{odd}");
        }
    }

    #[test]
    fn addresses_are_bound_to_part_and_time() {
        let signer = Signer::new([7; 32]);
        let signature = signer.upload("file_x", 1, 1_000);
        assert!(signer.is_upload("file_x", 1, 1_000, &signature));
        assert!(!signer.is_upload("file_x", 2, 1_000, &signature));
        assert!(!signer.is_upload("file_x", 1, 1_001, &signature));
        assert!(!signer.is_upload("file_y", 1, 1_000, &signature));
    }
}
