//! Masks with AVX2: a block is two registers.
//!
//! In: blocks, needles. Out: their [`Masks`], or word that the processor lacks the instructions.
#![allow(unsafe_code, reason = "vector loads, and calls that need these instructions")]

use super::blocks::{BLOCK, Masks, NOT_ODD, Needles};
use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
    _mm256_set1_epi8, _mm256_setzero_si256,
};

/// False if nothing was done.
pub(super) fn fill(blocks: &[[u8; BLOCK]], needles: Needles, masks: &mut [Masks]) -> bool {
    let is_there = is_x86_feature_detected!("avx2");
    if is_there {
        // SAFETY: the processor has the instructions.
        unsafe { fill_all(blocks, needles, masks) };
    }
    is_there
}

#[target_feature(enable = "avx2")]
fn fill_all(blocks: &[[u8; BLOCK]], needles: Needles, masks: &mut [Masks]) {
    let [delimiter, quote, feed, carriage, not_odd] =
        [needles.delimiter, needles.quote, b'\n', b'\r', NOT_ODD]
            .map(|byte| _mm256_set1_epi8(byte.cast_signed()));
    for (block, masks) in blocks.iter().zip(masks) {
        let halves = block.as_chunks::<32>().0;
        let load = |half: &[u8; 32]| {
            // SAFETY: a half is as long as what is loaded, which may stand anywhere.
            unsafe { _mm256_loadu_si256(half.as_ptr().cast()) }
        };
        let [low, high] = [0, 1].map(|half: usize| load(&halves[half]));
        let equal = |byte| bits(_mm256_cmpeq_epi8(low, byte), _mm256_cmpeq_epi8(high, byte));
        let nothing = _mm256_setzero_si256();
        let [odd_low, odd_high] =
            [low, high].map(|bytes| _mm256_cmpeq_epi8(_mm256_and_si256(bytes, not_odd), nothing));
        let feeds = equal(feed);
        *masks = Masks {
            delimiters: equal(delimiter),
            feeds,
            returns: equal(carriage),
            special: equal(quote) | bits(odd_low, odd_high) & !feeds,
        };
    }
}

/// The highest bits of 64 bytes.
#[target_feature(enable = "avx2")]
fn bits(low: __m256i, high: __m256i) -> u64 {
    let half = |bytes| u64::from(_mm256_movemask_epi8(bytes).cast_unsigned());
    half(high) << 32 | half(low)
}
