//! The digits of a short cell side by side, and what else stands in it, all bytes at once.
//!
//! In: up to 32 bytes. Out: the digits, and a bit mask for each kind of byte. A kernel: both ways
//! give the same for all bytes.
#![allow(unsafe_code, reason = "vector instructions")]

pub(super) const BYTES_MAX: usize = 32;

/// Where the bytes of each kind are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    pub(super) digits: u32,
    pub(super) pluses: u32,
    /// Neither digits, `+`, nor punctuation that numbers have inside. `~` may start an extension.
    pub(super) others: u32,
}

/// True for punctuation that stands inside plain numbers.
const fn is_inner(byte: u8) -> bool {
    matches!(byte, b'-' | b' ' | b'(' | b')' | b'.' | b'[' | b']' | b'/' | b'*')
}

/// Copies the digits of a cell, of 32 bytes at most; says where what stands in it. Of `out` only
/// what is as long as there are digits means anything.
#[inline]
pub(super) fn split(cell: &[u8], out: &mut [u8; BYTES_MAX]) -> Kinds {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi2")
    {
        // SAFETY: the processor has the instructions.
        return unsafe { split_avx512(cell, out) };
    }
    portable(cell, out)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw,avx512vl,avx512vbmi2")]
fn split_avx512(cell: &[u8], out: &mut [u8; BYTES_MAX]) -> Kinds {
    use std::arch::x86_64::{
        _mm_setr_epi8, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8_mask, _mm256_cmplt_epu8_mask,
        _mm256_maskz_compress_epi8, _mm256_maskz_loadu_epi8, _mm256_set1_epi8, _mm256_shuffle_epi8,
        _mm256_storeu_si256, _mm256_sub_epi8,
    };
    let cell = &cell[..cell.len().min(BYTES_MAX)];
    let all = u32::MAX.checked_shr((BYTES_MAX - cell.len()) as u32).unwrap_or(0);
    // SAFETY: only bytes of the cell are read, by the mask.
    let bytes = unsafe { _mm256_maskz_loadu_epi8(all, cell.as_ptr().cast()) };
    let same = |byte: u8| _mm256_cmpeq_epi8_mask(bytes, _mm256_set1_epi8(byte.cast_signed()));
    let value = _mm256_sub_epi8(bytes, _mm256_set1_epi8(b'0'.cast_signed()));
    let digits = all & _mm256_cmplt_epu8_mask(value, _mm256_set1_epi8(10));
    // For each low half of a byte the punctuation that has it; -1 is none.
    let [blank, open, close, star, hyphen, dot, slash] =
        [b' ', b'(', b')', b'*', b'-', b'.', b'/'].map(u8::cast_signed);
    let inner = _mm_setr_epi8(
        blank, -1, -1, -1, -1, -1, -1, -1, open, close, star, -1, -1, hyphen, dot, slash,
    );
    let inner = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(inner), bytes);
    let inner = _mm256_cmpeq_epi8_mask(inner, bytes) | same(b'[') | same(b']');
    let pluses = same(b'+');
    let kept = _mm256_maskz_compress_epi8(digits, bytes);
    // SAFETY: `out` has 32 bytes.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), kept) };
    Kinds { digits, pluses, others: all & !(digits | pluses | inner) }
}

fn portable(cell: &[u8], out: &mut [u8; BYTES_MAX]) -> Kinds {
    let mut kinds = Kinds::default();
    let mut length = 0;
    for (at, byte) in cell.iter().take(BYTES_MAX).enumerate() {
        let of = KINDS[usize::from(*byte)];
        kinds.digits |= u32::from(of & DIGIT) << at;
        kinds.pluses |= u32::from(of & PLUS) >> 1 << at;
        kinds.others |= u32::from(of & OTHER) >> 2 << at;
        // Written always and kept if it is a digit: without a branch.
        out[length] = *byte;
        length += usize::from(of & DIGIT);
    }
    kinds
}

const DIGIT: u8 = 1;
const PLUS: u8 = 2;
const OTHER: u8 = 4;

/// What each byte is; punctuation is nothing.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'+' => PLUS,
            other if is_inner(other) => 0,
            _ => OTHER,
        };
        byte += 1;
    }
    kinds
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(cell: &[u8]) -> Kinds {
        let (mut one, mut other) = ([1; BYTES_MAX], [2; BYTES_MAX]);
        let kinds = split(cell, &mut one);
        assert_eq!(kinds, portable(cell, &mut other));
        let length = kinds.digits.count_ones() as usize;
        assert_eq!(one[..length], other[..length]);
        let digits: Vec<u8> = cell.iter().copied().filter(u8::is_ascii_digit).collect();
        assert_eq!(one[..length], digits);
        kinds
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for length in 1..=BYTES_MAX {
                for place in 0..length {
                    let mut cell = [b'7'; BYTES_MAX];
                    cell[place] = byte;
                    let kinds = check(&cell[..length]);
                    let is = |bits: u32| bits >> place & 1 == 1;
                    assert_eq!(is(kinds.digits), byte.is_ascii_digit());
                    assert_eq!(is(kinds.pluses), byte == b'+');
                    let is_known = b"0123456789+- ().[]/*".contains(&byte);
                    assert_eq!(is(kinds.others), !is_known, "{byte}");
                }
            }
        }
        assert_eq!(check(b""), Kinds::default());
    }

    proptest! {
        #[test]
        fn both_ways_of_digits(
            bytes in proptest::collection::vec(
                prop_oneof![4 => b'0'..=b'9', 1 => any::<u8>(), 1 => Just(b'+')],
                0..=BYTES_MAX,
            ),
        ) {
            check(&bytes);
        }
    }
}
