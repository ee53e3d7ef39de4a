//! SHA-256 by AVX-512, sixteen messages at once: lane n of each vector belongs to message n.
//!
//! In: one-block messages. Out: their digests. A block is loaded as one vector; a transposition
//! makes sixteen vectors of one word each out of sixteen blocks, another makes digests of states.

#![expect(unsafe_code, reason = "vector loads and stores, and the call behind the detection")]

use super::blocks::{H0, K, Lane, in_groups};
use std::arch::x86_64::*;

const LANES: usize = 16;

/// Proof that the processor has the instructions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Avx512> {
        let has_all = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        has_all.then_some(Avx512(()))
    }

    pub(super) fn digest_many(self, messages: &[u8], ends: &[usize], digests: &mut [[u8; 32]]) {
        // SAFETY: an `Avx512` is only made where the processor has these instructions.
        unsafe { digest_many(messages, ends, digests) }
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn digest_many(messages: &[u8], ends: &[usize], digests: &mut [[u8; 32]]) {
    in_groups(messages, ends, digests, |lanes: &[Lane<'_>; LANES], digests| {
        let mut words = [_mm512_setzero_si512(); 16];
        for (words, lane) in words.iter_mut().zip(lanes) {
            *words = padded(lane.message());
        }
        write(compress(transposed(words)), digests);
    });
}

/// The bytes of each word of a vector the other way round.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn big_endian(words: __m512i) -> __m512i {
    let order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order))
}

/// The words of a block: the message, a set bit, zeros, its length in bits.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn padded(message: &[u8]) -> __m512i {
    let end = 1_u64.unbounded_shl(message.len() as u32);
    let bytes = _mm512_mask_mov_epi8(load(message), end, _mm512_set1_epi8(i8::MIN));
    _mm512_mask_set1_epi32(big_endian(bytes), 1 << 15, 8 * message.len() as i32)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// Replaces words of the message schedule by those sixteen later. Written out: as a loop it would
/// keep them in memory.
macro_rules! schedule {
    ($words:ident, $($at:literal)*) => {$(
        let [first, middle, last] = [1, 9, 14].map(|step| $words[($at + step) % 16]);
        let sigma0 = xor3(
            _mm512_ror_epi32::<7>(first),
            _mm512_ror_epi32::<18>(first),
            _mm512_srli_epi32::<3>(first),
        );
        let sigma1 = xor3(
            _mm512_ror_epi32::<17>(last),
            _mm512_ror_epi32::<19>(last),
            _mm512_srli_epi32::<10>(last),
        );
        let sum = _mm512_add_epi32($words[$at], sigma0);
        $words[$at] = _mm512_add_epi32(sum, _mm512_add_epi32(middle, sigma1));
    )*};
}

/// Rounds on eight variables; which is which moves on by one from round to round.
macro_rules! rounds {
    ($words:ident, $constants:ident, $($at:literal
        $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident;)*) => {$(
        let constant = _mm512_set1_epi32($constants[$at] as i32);
        let word = _mm512_add_epi32($words[$at], constant);
        let choice = _mm512_ternarylogic_epi32::<0xCA>($e, $f, $g);
        let sum = xor3(
            _mm512_ror_epi32::<6>($e),
            _mm512_ror_epi32::<11>($e),
            _mm512_ror_epi32::<25>($e),
        );
        let first = _mm512_add_epi32(_mm512_add_epi32($h, word), _mm512_add_epi32(sum, choice));
        let majority = _mm512_ternarylogic_epi32::<0xE8>($a, $b, $c);
        let sum = xor3(
            _mm512_ror_epi32::<2>($a),
            _mm512_ror_epi32::<13>($a),
            _mm512_ror_epi32::<22>($a),
        );
        $d = _mm512_add_epi32($d, first);
        $h = _mm512_add_epi32(first, _mm512_add_epi32(sum, majority));
    )*};
}

#[target_feature(enable = "avx512f")]
#[inline]
fn sixteen_rounds(state: &mut [__m512i; 8], words: &[__m512i; 16], constants: &[u32; 16]) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    rounds!(words, constants,
        0 a b c d e f g h; 1 h a b c d e f g; 2 g h a b c d e f; 3 f g h a b c d e;
        4 e f g h a b c d; 5 d e f g h a b c; 6 c d e f g h a b; 7 b c d e f g h a;
        8 a b c d e f g h; 9 h a b c d e f g; 10 g h a b c d e f; 11 f g h a b c d e;
        12 e f g h a b c d; 13 d e f g h a b c; 14 c d e f g h a b; 15 b c d e f g h a;
    );
    *state = [a, b, c, d, e, f, g, h];
}

/// The state of each message after its one block, a word in each vector.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn compress(mut words: [__m512i; 16]) -> [__m512i; 8] {
    let mut initial = [_mm512_setzero_si512(); 8];
    for (vector, word) in initial.iter_mut().zip(H0) {
        *vector = _mm512_set1_epi32(word as i32);
    }
    let mut state = initial;
    for (row, constants) in K.iter().enumerate() {
        if row > 0 {
            schedule!(words, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        sixteen_rounds(&mut state, &words, constants);
    }
    for (words, initial) in state.iter_mut().zip(initial) {
        *words = _mm512_add_epi32(*words, initial);
    }
    state
}

/// Word m of vector n becomes word n of vector m. Pairs of words go first, then quarters.
#[target_feature(enable = "avx512f")]
#[inline]
fn transposed(mut rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut other = rows;
    for at in (0..16).step_by(2) {
        other[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        other[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    for at in (0..16).step_by(4) {
        rows[at] = _mm512_unpacklo_epi64(other[at], other[at + 2]);
        rows[at + 1] = _mm512_unpackhi_epi64(other[at], other[at + 2]);
        rows[at + 2] = _mm512_unpacklo_epi64(other[at + 1], other[at + 3]);
        rows[at + 3] = _mm512_unpackhi_epi64(other[at + 1], other[at + 3]);
    }
    for at in 0..4 {
        for half in [0, 8] {
            let (upper, lower) = (rows[half + at], rows[half + 4 + at]);
            other[half + at] = _mm512_shuffle_i32x4::<0x88>(upper, lower);
            other[half + 4 + at] = _mm512_shuffle_i32x4::<0xDD>(upper, lower);
        }
    }
    for at in 0..8 {
        rows[at] = _mm512_shuffle_i32x4::<0x88>(other[at], other[8 + at]);
        rows[8 + at] = _mm512_shuffle_i32x4::<0xDD>(other[at], other[8 + at]);
    }
    rows
}

/// The digests: a message's words of all eight vectors, big-endian.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn write(state: [__m512i; 8], digests: &mut [[u8; 32]; LANES]) {
    // Halves of four digests, for each half: 0, 4, 8, 12, then 1, 5, 9, 13, and so on.
    let mut halves = [[_mm512_setzero_si512(); 4]; 2];
    for (half, words) in halves.iter_mut().zip(state.as_chunks::<4>().0) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|at| big_endian(words[at]));
        let (ab, cd) = (_mm512_unpacklo_epi32(a, b), _mm512_unpacklo_epi32(c, d));
        half[0] = _mm512_unpacklo_epi64(ab, cd);
        half[1] = _mm512_unpackhi_epi64(ab, cd);
        let (ab, cd) = (_mm512_unpackhi_epi32(a, b), _mm512_unpackhi_epi32(c, d));
        half[2] = _mm512_unpacklo_epi64(ab, cd);
        half[3] = _mm512_unpackhi_epi64(ab, cd);
    }
    let [first, second] = halves;
    for (at, (first, second)) in first.into_iter().zip(second).enumerate() {
        let low = _mm512_shuffle_i32x4::<0x44>(first, second);
        let high = _mm512_shuffle_i32x4::<0xEE>(first, second);
        for (start, pair) in [(at, low), (8 + at, high)] {
            // Each half beside the other of its digest.
            let pair = _mm512_shuffle_i32x4::<0xD8>(pair, pair);
            store(_mm512_castsi512_si256(pair), &mut digests[start]);
            store(_mm512_extracti64x4_epi64::<1>(pair), &mut digests[start + 4]);
        }
    }
}

/// The first 64 bytes at most, zeros behind them.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load(bytes: &[u8]) -> __m512i {
    let those = 1_u64.unbounded_shl(bytes.len() as u32).wrapping_sub(1);
    // SAFETY: only those of `bytes` are read, whatever is behind them.
    unsafe { _mm512_maskz_loadu_epi8(those, bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(words: __m256i, bytes: &mut [u8; 32]) {
    // SAFETY: the 32 bytes can be written; they need not be aligned.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), words) }
}
