//! SHA-256 by the SHA instructions of x86-64, two messages interleaved: one alone waits for the
//! result of each instruction.
//!
//! In: one-block messages. Out: their digests. Each vector has four words of a block; the state is
//! in two of them, in the order that the instructions want: ABEF and CDGH, A and C on top.

#![expect(unsafe_code, reason = "vector loads and stores, and the call behind the detection")]

use super::blocks::{H0, K, Lane, in_groups};
use std::arch::x86_64::*;

/// How many messages are on their way at once.
const LANES: usize = 2;

/// Proof that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShaNi(());

impl ShaNi {
    pub(super) fn detect() -> Option<ShaNi> {
        let has_sha = is_x86_feature_detected!("sha");
        let has_all =
            has_sha && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1");
        has_all.then_some(ShaNi(()))
    }

    pub(super) fn digest_many(self, messages: &[u8], ends: &[usize], digests: &mut [[u8; 32]]) {
        // SAFETY: a `ShaNi` is only made where the processor has these instructions.
        unsafe { digest_many(messages, ends, digests) }
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn digest_many(messages: &[u8], ends: &[usize], digests: &mut [[u8; 32]]) {
    let mut spares = [[0; 64]; LANES];
    in_groups(messages, ends, digests, |lanes: &[Lane<'_>; LANES], digests| {
        let mut blocks = [[_mm_setzero_si128(); 4]; LANES];
        for at in 0..LANES {
            blocks[at] = padded(lanes[at].block(&mut spares[at]), lanes[at].length());
        }
        let states = compress(blocks);
        for at in 0..LANES {
            write(states[at], &mut digests[at]);
        }
    });
}

/// The bytes of each word of a vector the other way round.
#[target_feature(enable = "sse2")]
#[inline]
fn big_endian() -> __m128i {
    _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3)
}

/// The words of a block: the message, a set bit, zeros, its length in bits.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn padded(bytes: &[u8; 64], length: usize) -> [__m128i; 4] {
    let end = _mm_set1_epi8(length as i8);
    let mut place = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    let mut words = [_mm_setzero_si128(); 4];
    for (words, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        let message = _mm_and_si128(load(bytes), _mm_cmplt_epi8(place, end));
        let mark = _mm_and_si128(_mm_set1_epi8(i8::MIN), _mm_cmpeq_epi8(place, end));
        *words = _mm_shuffle_epi8(_mm_or_si128(message, mark), big_endian());
        place = _mm_add_epi8(place, _mm_set1_epi8(16));
    }
    words[3] = _mm_insert_epi32::<3>(words[3], 8 * length as i32);
    words
}

/// The state after the one block of each message.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn compress(mut blocks: [[__m128i; 4]; LANES]) -> [[__m128i; 2]; LANES] {
    let [a, b, c, d, e, f, g, h] = H0.map(|word| word as i32);
    let initial = [_mm_set_epi32(a, b, e, f), _mm_set_epi32(c, d, g, h)];
    let mut states = [initial; LANES];
    for (row, constants) in K.iter().enumerate() {
        // Written out: a loop here loses a third of the speed, unrolled or not.
        let constants = constants.as_chunks().0;
        four_rounds(&mut states, &mut blocks, row > 0, 0, &constants[0]);
        four_rounds(&mut states, &mut blocks, row > 0, 1, &constants[1]);
        four_rounds(&mut states, &mut blocks, row > 0, 2, &constants[2]);
        four_rounds(&mut states, &mut blocks, row > 0, 3, &constants[3]);
    }
    for state in &mut states {
        for (words, initial) in state.iter_mut().zip(initial) {
            *words = _mm_add_epi32(*words, initial);
        }
    }
    states
}

/// The next four rounds of each message; from the second row of constants on, on the words of the
/// message schedule sixteen later. One loop follows the other, so that the streams interleave.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn four_rounds(
    states: &mut [[__m128i; 2]; LANES],
    blocks: &mut [[__m128i; 4]; LANES],
    is_later: bool,
    at: usize,
    constants: &[u32; 4],
) {
    if is_later {
        for block in &mut *blocks {
            let [next, middle, last] = [1, 2, 3].map(|step| block[(at + step) % 4]);
            let words = _mm_sha256msg1_epu32(block[at], next);
            let words = _mm_add_epi32(words, _mm_alignr_epi8::<4>(last, middle));
            block[at] = _mm_sha256msg2_epu32(words, last);
        }
    }
    for ([abef, cdgh], block) in states.iter_mut().zip(blocks) {
        let words = _mm_add_epi32(block[at], load_words(constants));
        // After two rounds the old ABEF is the new CDGH.
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, words);
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32::<0x0E>(words));
    }
}

/// The digest: A to H, big-endian.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn write([abef, cdgh]: [__m128i; 2], digest: &mut [u8; 32]) {
    // Two words stand in each half, the later one first.
    let reversed = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    let halves = [_mm_unpackhi_epi64(abef, cdgh), _mm_unpacklo_epi64(abef, cdgh)];
    for (words, bytes) in halves.into_iter().zip(digest.as_chunks_mut().0) {
        store(_mm_shuffle_epi8(words, reversed), bytes);
    }
}

#[target_feature(enable = "sse2")]
#[inline]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the 16 bytes can be read; they need not be aligned.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "sse2")]
#[inline]
fn load_words(words: &[u32; 4]) -> __m128i {
    // SAFETY: the 16 bytes can be read; they need not be aligned.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[target_feature(enable = "sse2")]
#[inline]
fn store(words: __m128i, bytes: &mut [u8; 16]) {
    // SAFETY: the 16 bytes can be written; they need not be aligned.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), words) }
}
