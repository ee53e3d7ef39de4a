//! Which byte of a short text is what, and the text in lower case, many bytes at a time.
//!
//! In: up to 63 bytes. Out: the same with ASCII letters in lower case, and a bit mask for each kind
//! of byte. A kernel: its three ways give the same for all bytes.
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
    pub(super) plus: u64,
    /// What is none of these and may stand in a word.
    pub(super) mark: u64,
}

/// Meta's marks, but for those that have a mask of their own.
const MARKS: &[u8; 17] = b"_!#$%&'*/=?^`{|}~";

/// Writes the cell, of less than 64 bytes, in lower case; says where what stands in it. Of the text
/// only what is as long as the cell means anything, and so of the masks.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn masks(cell: &[u8], text: &mut [u8; BYTES_MAX]) -> Masks {
    if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi") {
        // SAFETY: the processor has the instructions.
        return unsafe { masks_avx512(cell, text) };
    }
    // SAFETY: SSE2 is part of this architecture.
    unsafe { masks_sse2(cell, text) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw,avx512vbmi")]
fn masks_avx512(cell: &[u8], text: &mut [u8; BYTES_MAX]) -> Masks {
    use std::arch::x86_64::{
        _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_mask_add_epi8,
        _mm512_maskz_loadu_epi8, _mm512_movepi8_mask, _mm512_permutex2var_epi8, _mm512_set1_epi8,
        _mm512_storeu_si512, _mm512_sub_epi8,
    };
    let cell = &cell[..cell.len().min(BYTES_MAX)];
    let all = u64::MAX.checked_shr((BYTES_MAX - cell.len()) as u32).unwrap_or(0);
    // SAFETY: only bytes of the cell are read, by the mask.
    let bytes = unsafe { _mm512_maskz_loadu_epi8(all, cell.as_ptr().cast()) };
    let splat = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
    let among = |bytes, first, count| {
        _mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, splat(first)), splat(count))
    };
    let capital = among(bytes, b'A', 26);
    let lower = _mm512_mask_add_epi8(bytes, capital, bytes, splat(0x20));
    let equal = |byte| _mm512_cmpeq_epi8_mask(bytes, splat(byte));
    // SAFETY: each half of the table has 64 bytes.
    let [low, high] = IS_MARK.map(|half| unsafe { _mm512_loadu_si512(half.as_ptr().cast()) });
    // The lowest seven bits choose.
    let chosen = _mm512_permutex2var_epi8(low, bytes, high);
    // SAFETY: the text has 64 bytes.
    unsafe { _mm512_storeu_si512(text.as_mut_ptr().cast(), lower) };
    Masks {
        alphanumeric: among(lower, b'a', 26) | among(bytes, b'0', 10),
        dot: equal(b'.'),
        at: equal(b'@'),
        hyphen: equal(b'-'),
        plus: equal(b'+'),
        mark: _mm512_movepi8_mask(chosen) & !_mm512_movepi8_mask(bytes),
    }
}

/// The highest bit is set for marks.
#[cfg(target_arch = "x86_64")]
static IS_MARK: [[u8; 64]; 2] = {
    let mut halves = [[0; 64]; 2];
    let mut mark = 0;
    while mark < MARKS.len() {
        halves[(MARKS[mark] / 64) as usize][(MARKS[mark] % 64) as usize] = 0x80;
        mark += 1;
    }
    halves
};

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
    let known = masks.alphanumeric | masks.dot | masks.at | masks.hyphen | masks.plus;
    let mut rest = !known & !(u64::MAX << cell.len());
    while rest != 0 {
        let is_mark = MARKS.contains(&text[rest.trailing_zeros() as usize]);
        masks.mark |= if is_mark { rest & rest.wrapping_neg() } else { 0 };
        rest &= rest - 1;
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
        self.plus |= equal(b'+');
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
            b'+' => masks.plus |= bit,
            mark if MARKS.contains(&mark) => masks.mark |= bit,
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

    /// Each way that this processor can run.
    fn check(cell: &[u8]) {
        let mut expected = [0; BYTES_MAX];
        let kinds = portable(cell, &mut expected);
        let mut text = [1; BYTES_MAX];
        let mut same = |masks: fn(&[u8], &mut [u8; BYTES_MAX]) -> Masks| {
            assert_eq!(masks(cell, &mut text), kinds);
            assert_eq!(text[..cell.len()], expected[..cell.len()]);
        };
        same(masks);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE2 is part of this architecture.
        same(|cell, text| unsafe { masks_sse2(cell, text) });
    }

    proptest! {
        #[test]
        fn all_ways_of_masks(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
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
