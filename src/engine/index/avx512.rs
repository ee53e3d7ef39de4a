//! Masks with AVX-512: a block is one register, and each comparison gives its bits at once.
//!
//! In: blocks, needles. Out: their [`Masks`], or word that the processor lacks the instructions.
#![allow(unsafe_code, reason = "vector loads, and calls that need these instructions")]

use super::blocks::{BLOCK, Masks, NOT_ODD, Needles};
use std::arch::x86_64::{
    _mm512_cmpeq_epi8_mask, _mm512_loadu_si512, _mm512_set1_epi8, _mm512_testn_epi8_mask,
};

/// False if nothing was done.
pub(super) fn fill(blocks: &[[u8; BLOCK]], needles: Needles, masks: &mut [Masks]) -> bool {
    let is_there = is_x86_feature_detected!("avx512bw");
    if is_there {
        // SAFETY: the processor has the instructions.
        unsafe { fill_all(blocks, needles, masks) };
    }
    is_there
}

#[target_feature(enable = "avx512bw")]
fn fill_all(blocks: &[[u8; BLOCK]], needles: Needles, masks: &mut [Masks]) {
    let [delimiter, quote, feed, carriage, not_odd] =
        [needles.delimiter, needles.quote, b'\n', b'\r', NOT_ODD]
            .map(|byte| _mm512_set1_epi8(byte.cast_signed()));
    for (block, masks) in blocks.iter().zip(masks) {
        // SAFETY: a block is as long as what is loaded, which may stand anywhere.
        let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        let feeds = _mm512_cmpeq_epi8_mask(bytes, feed);
        let odd = _mm512_testn_epi8_mask(bytes, not_odd) & !feeds;
        *masks = Masks {
            delimiters: _mm512_cmpeq_epi8_mask(bytes, delimiter),
            feeds,
            returns: _mm512_cmpeq_epi8_mask(bytes, carriage),
            special: _mm512_cmpeq_epi8_mask(bytes, quote) | odd,
        };
    }
}
