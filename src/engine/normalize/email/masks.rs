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

/// Writes the cell, of less than 64 bytes, in lower case; says where what stands in it. Of the text
/// only what is as long as the cell means anything, and so of the masks.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn masks(cell: &[u8], text: &mut [u8; BYTES_MAX]) -> Masks {
    // SAFETY: SSE2 is part of this architecture.
    unsafe { masks_sse2(cell, text) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn masks_sse2(cell: &[u8], text: &mut [u8; BYTES_MAX]) -> Masks {
    let mut masks = Masks::default();
    match cell.len().checked_sub(16) {
        None => {
            let mut block = [0; 16];
            block[..cell.len()].copy_from_slice(cell);
            masks.add_sse2(0, &block, text);
        }
        // The last block may overlap the one before it: both say the same.
        Some(last) => {
            for at in (0..last).step_by(16).chain([last]) {
                if let Some(block) = cell[at..].first_chunk() {
                    masks.add_sse2(at, block, text);
                }
            }
        }
    }
    masks
}

#[cfg(target_arch = "x86_64")]
impl Masks {
    /// Looks at the 16 bytes at this place.
    #[target_feature(enable = "sse2")]
    #[inline]
    fn add_sse2(&mut self, at: usize, block: &[u8; 16], text: &mut [u8; BYTES_MAX]) {
        use std::arch::x86_64::{
            _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_movemask_epi8,
            _mm_or_si128, _mm_set1_epi8, _mm_storeu_si128,
        };
        // SAFETY: a block has 16 bytes.
        let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
        let between = |bytes, first: u8, last: u8| {
            // The comparison is signed: bytes above 127 are below every letter.
            let above = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(first as i8 - 1));
            _mm_and_si128(above, _mm_cmpgt_epi8(_mm_set1_epi8(last as i8 + 1), bytes))
        };
        let bits = |mask| u64::from(_mm_movemask_epi8(mask) as u32) << at;
        let equal = |byte: u8| bits(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8)));
        let capital = between(bytes, b'A', b'Z');
        let lower = _mm_or_si128(bytes, _mm_and_si128(capital, _mm_set1_epi8(0x20)));
        let alphanumeric = _mm_or_si128(between(lower, b'a', b'z'), between(bytes, b'0', b'9'));
        self.alphanumeric |= bits(alphanumeric);
        self.dot |= equal(b'.');
        self.at |= equal(b'@');
        self.hyphen |= equal(b'-');
        let out = &mut text[at..at + 16];
        // SAFETY: `out` has 16 bytes.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), lower) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) use portable as masks;

#[cfg(any(test, not(target_arch = "x86_64")))]
pub(super) fn portable(cell: &[u8], text: &mut [u8; BYTES_MAX]) -> Masks {
    let mut masks = Masks::default();
    for (index, (byte, lower)) in cell.iter().zip(text).enumerate() {
        let bit = 1 << index;
        match *byte {
            b'.' => masks.dot |= bit,
            b'@' => masks.at |= bit,
            b'-' => masks.hyphen |= bit,
            other if other.is_ascii_alphanumeric() => masks.alphanumeric |= bit,
            _ => {}
        }
        *lower = byte.to_ascii_lowercase();
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(cell: &[u8]) {
        let (mut one, mut other) = ([1; BYTES_MAX], [2; BYTES_MAX]);
        assert_eq!(masks(cell, &mut one), portable(cell, &mut other));
        assert_eq!(one[..cell.len()], other[..cell.len()]);
    }

    proptest! {
        #[test]
        fn both_ways_of_masks(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            check(&bytes);
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for length in 1..BYTES_MAX {
                for place in 0..length {
                    let mut cell = [0; BYTES_MAX];
                    cell[place] = byte;
                    check(&cell[..length]);
                }
            }
        }
    }
}
