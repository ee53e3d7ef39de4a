//! SHA-256 digests in hexadecimal digits and in base64, all digits at once.
//!
//! In: the 32 bytes of a digest. Out: its digits, in ASCII. A kernel: each way gives the same for
//! all bytes as the one without vectors, which spells other digests too.
#![allow(unsafe_code, reason = "vector instructions")]

const BYTES: usize = 32;

/// Digits of base64 with padding.
#[cfg(target_arch = "x86_64")]
const BASE64_DIGITS: usize = 44;

pub(super) const BASE64: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the hexadecimal digits.
#[inline]
pub(super) fn hex(digest: &[u8; BYTES], out: &mut Vec<u8>) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the instructions.
        return unsafe { hex_avx2(digest, out) };
    }
    hex_portable(digest, out);
}

/// Appends the digits of base64; false, with nothing done, where this processor does not spell
/// them all at once.
#[inline]
pub(super) fn base64(digest: &[u8; BYTES], out: &mut Vec<u8>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi") {
        // SAFETY: the processor has the instructions.
        unsafe { base64_avx512(digest, out) };
        return true;
    }
    let _ = (digest, out);
    false
}

/// Without a branch or a table: the compiler makes vectors of it.
fn hex_portable(digest: &[u8; BYTES], out: &mut Vec<u8>) {
    out.extend_from_slice(digest.map(pair).as_flattened());
}

/// The hexadecimal digits of a byte.
#[inline]
pub(super) fn pair(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|half| half + b'0' + if half > 9 { b'a' - b'9' - 1 } else { 0 })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn hex_avx2(digest: &[u8; BYTES], out: &mut Vec<u8>) {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cvtepu8_epi16,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_shuffle_epi8, _mm256_slli_epi16,
        _mm256_srli_epi16, _mm256_storeu_si256,
    };
    // SAFETY: there are 16 bytes.
    let table = unsafe { _mm_loadu_si128(b"0123456789abcdef".as_ptr().cast()) };
    let table = _mm256_broadcastsi128_si256(table);
    let start = out.len();
    out.reserve(2 * BYTES);
    let room = out.spare_capacity_mut()[..2 * BYTES].as_chunks_mut::<BYTES>().0;
    for (digits, half) in room.iter_mut().zip(digest.as_chunks::<{ BYTES / 2 }>().0) {
        // SAFETY: a half has 16 bytes.
        let bytes = _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(half.as_ptr().cast()) });
        // The high half of each byte first: the two digits side by side.
        let halves = _mm256_or_si256(_mm256_srli_epi16::<4>(bytes), _mm256_slli_epi16::<8>(bytes));
        let halves = _mm256_and_si256(halves, _mm256_set1_epi8(15));
        let spelled = _mm256_shuffle_epi8(table, halves);
        // SAFETY: there is room for 32 bytes.
        unsafe { _mm256_storeu_si256(digits.as_mut_ptr().cast(), spelled) };
    }
    // SAFETY: so many bytes behind the start were written.
    unsafe { out.set_len(start + 2 * BYTES) };
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn base64_avx512(digest: &[u8; BYTES], out: &mut Vec<u8>) {
    use std::arch::x86_64::{
        _mm256_loadu_si256, _mm512_loadu_si512, _mm512_multishift_epi64_epi8,
        _mm512_permutexvar_epi8, _mm512_set1_epi64, _mm512_storeu_si512, _mm512_zextsi256_si512,
    };
    /// For each group of four digits its three bytes as one number, the middle one twice.
    static GROUPS: [u8; 64] = {
        let mut places = [0; 64];
        let mut group = 0;
        while group < 16 {
            let first = 3 * group as u8;
            let of_group = [first + 1, first, first + 2, first + 1];
            let mut at = 0;
            while at < 4 {
                places[4 * group + at] = of_group[at];
                at += 1;
            }
            group += 1;
        }
        places
    };
    // SAFETY: the digest has 32 bytes.
    let bytes = unsafe { _mm256_loadu_si256(digest.as_ptr().cast()) };
    // SAFETY: the lists have 64 bytes.
    let load = |list: &[u8; 64]| unsafe { _mm512_loadu_si512(list.as_ptr().cast()) };
    let bytes = _mm512_permutexvar_epi8(load(&GROUPS), _mm512_zextsi256_si512(bytes));
    // Where the six bits of each digit start in two groups.
    let shifts = _mm512_set1_epi64(0x3036_242a_1016_040a);
    let bits = _mm512_multishift_epi64_epi8(shifts, bytes);
    let spelled = _mm512_permutexvar_epi8(bits, load(BASE64));
    let start = out.len();
    out.reserve(64);
    let room = &mut out.spare_capacity_mut()[..64];
    // SAFETY: there is room for 64 bytes.
    unsafe { _mm512_storeu_si512(room.as_mut_ptr().cast(), spelled) };
    room[BASE64_DIGITS - 1].write(b'=');
    // SAFETY: so many bytes behind the start were written.
    unsafe { out.set_len(start + BASE64_DIGITS) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::digest::{Digest, Encoding};
    use proptest::prelude::*;

    fn check(digest: &[u8; BYTES]) {
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        for way in [hex, hex_portable] {
            let mut out = b"before".to_vec();
            way(digest, &mut out);
            assert_eq!(out, format!("before{digits}").as_bytes());
        }
        let (mut portable, mut out) = (b"before".to_vec(), b"before".to_vec());
        super::super::write_base64_portable(digest, &mut portable);
        assert!(!base64(digest, &mut out) || out == portable);
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..BYTES {
                let mut digest = [byte ^ 0x5a; BYTES];
                digest[place] = byte;
                check(&digest);
            }
        }
    }

    proptest! {
        #[test]
        fn all_ways_of_digits(digest in any::<[u8; BYTES]>()) {
            check(&digest);
            let text = |encoding| {
                let mut text = Vec::new();
                Encoding::write(encoding, &digest, &mut text);
                text
            };
            for encoding in [Encoding::Hex, Encoding::Base64] {
                let known = Digest::from_text(&text(encoding)).unwrap();
                prop_assert_eq!(known.as_bytes(), &digest);
            }
        }
    }
}
