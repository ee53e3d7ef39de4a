//! Which byte of a short text is what, and the text in lower case, 16 bytes at a time.
//!
//! In: up to 63 bytes. Out: the same with ASCII letters in lower case, and a bit mask for each kind
//! of byte. A kernel: its two ways give the same for all bytes.
#![allow(unsafe_code, reason = "vector instructions")]

pub(super) const BYTES_MAX: usize = 64;

/// Where the bytes of each kind are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Masks {
    /// Letters and digits.
    pub(super) alphanumeric: u64,
    pub(super) dot: u64,
    pub(super) at: u64,
    pub(super) hyphen: u64,
}

/// Lower-cases the first `length` bytes; says where what stands among them.
#[cfg(target_arch = "x86_64")]
pub(super) fn masks(text: &mut [u8; BYTES_MAX], length: usize) -> Masks {
    // SAFETY: SSE2 is part of this architecture.
    unsafe { masks_sse2(text, length) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn masks_sse2(text: &mut [u8; BYTES_MAX], length: usize) -> Masks {
    use std::arch::x86_64::{
        _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_movemask_epi8,
        _mm_or_si128, _mm_set1_epi8, _mm_storeu_si128,
    };
    let mut masks = Masks::default();
    for (index, block) in text.chunks_exact_mut(16).enumerate().take(length.div_ceil(16)) {
        // SAFETY: a block has 16 bytes.
        let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
        let between = |bytes, first: u8, last: u8| {
            // The comparison is signed: bytes above 127 are below every letter.
            let above = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(first as i8 - 1));
            _mm_and_si128(above, _mm_cmpgt_epi8(_mm_set1_epi8(last as i8 + 1), bytes))
        };
        let bits = |mask| u64::from(_mm_movemask_epi8(mask) as u32) << (16 * index);
        let equal = |byte: u8| bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8)));
        let capital = between(bytes, b'A', b'Z');
        let lower = _mm_or_si128(bytes, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
        let alphanumeric = _mm_or_si128(between(lower, b'a', b'z'), between(bytes, b'0', b'9'));
        masks.alphanumeric |= bits(alphanumeric);
        masks.dot |= equal(b'.');
        masks.at |= equal(b'@');
        masks.hyphen |= equal(b'-');
        // SAFETY: a block has 16 bytes.
        unsafe { _mm_storeu_si128(block.as_mut_ptr().cast(), lower) };
    }
    masks
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable as masks;

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn portable(text: &mut [u8; BYTES_MAX], length: usize) -> Masks {
    let mut masks = Masks::default();
    for (index, byte) in text.iter_mut().enumerate().take(length) {
        let bit = 1 << index;
        match *byte {
            b'.' => masks.dot |= bit,
            b'@' => masks.at |= bit,
            b'-' => masks.hyphen |= bit,
            other if other.is_ascii_alphanumeric() => masks.alphanumeric |= bit,
            _ => {}
        }
        byte.make_ascii_lowercase();
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_ways_of_masks(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut text = [0; BYTES_MAX];
            text[..bytes.len()].copy_from_slice(&bytes);
            let mut other = text;
            prop_assert_eq!(masks(&mut text, bytes.len()), portable(&mut other, bytes.len()));
            prop_assert_eq!(text, other);
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..BYTES_MAX - 1 {
                let mut text = [0; BYTES_MAX];
                text[place] = byte;
                let mut other = text;
                assert_eq!(masks(&mut text, 63), portable(&mut other, 63));
                assert_eq!(text, other);
            }
        }
    }
}
