//! Masks -> where things are, as lists; and how many rows there are.
//!
//! In: the [`Masks`] of blocks that follow each other. Out: [`Marks`], the places of delimiters and
//! line ends; [`RowCount`]. The loops are made twice: with the instructions for single bits that
//! most processors have, and without; places are also found many at once by AVX-512.
#![allow(unsafe_code, reason = "vector instructions, and calls that need them")]

use super::blocks::{BLOCK, Masks};

/// Set for a line that is not plain.
pub(super) const SPECIAL: u32 = 1 << 31;

/// One more is the first byte.
const BEFORE: u32 = u32::MAX;

/// Line ends that are written at once; a block rarely has more.
const ENDS: usize = 2;

/// Where delimiters and line ends are.
#[derive(Default)]
pub(super) struct Marks {
    /// Their places; the first stands for what is before the first byte.
    places: Vec<u32>,
    /// Which places are line ends, in order, with [`SPECIAL`] if their lines are.
    ends: Vec<u32>,
    placed: usize,
    ended: usize,
    /// Lines with content, nearly, and those that are not plain.
    pub(super) lines: u32,
    pub(super) special: u32,
    /// Whether the line behind the last line end is not plain so far.
    is_special: bool,
}

impl Marks {
    /// Forgets all marks; makes room for those of so many bytes.
    pub(super) fn start(&mut self, bytes: usize) {
        // A block has no more than bytes; more may be written where only the first count.
        let room = 1 + bytes + 2 * BLOCK;
        self.places.resize(room.max(self.places.len()), BEFORE);
        self.ends.resize(room.max(self.ends.len()), 0);
        (self.placed, self.ended) = (1, 1);
        (self.lines, self.special, self.is_special) = (0, 0, false);
    }

    pub(super) fn add(&mut self, masks: &[Masks]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt") {
            let has_all =
                is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi2");
            // SAFETY: the processor has the instructions.
            return unsafe { if has_all { self.add_avx512(masks) } else { self.add_fast(masks) } };
        }
        self.add_all(masks, write_places);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi1,popcnt")]
    fn add_fast(&mut self, masks: &[Masks]) {
        self.add_all(masks, write_places);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512bw,avx512vbmi2,bmi1,popcnt")]
    fn add_avx512(&mut self, masks: &[Masks]) {
        self.add_all(masks, |places, bits, base| write_places_avx512(places, bits, base));
    }

    /// `write` puts the places of bits to the front of a list that has room for a block more.
    #[inline(always)]
    fn add_all(&mut self, masks: &[Masks], write: impl Fn(&mut [u32], u64, u32)) {
        for (block, masks) in masks.iter().enumerate() {
            let ends = masks.feeds | masks.returns;
            let all = ends | masks.delimiters;
            write(&mut self.places[self.placed..], all, (block * BLOCK) as u32);
            match masks.special == 0 && !self.is_special {
                true => self.add_ends(ends, all),
                false => self.add_special_ends(ends, all, masks.special),
            }
            // Those of blank lines, and the second halves of CRLF, do not count.
            self.lines += (ends & !(ends << 1)).count_ones();
            self.placed += all.count_ones() as usize;
        }
    }

    #[inline(always)]
    fn add_ends(&mut self, ends: u64, all: u64) {
        let mut rest = ends;
        for ends in self.ends[self.ended..].as_chunks_mut::<ENDS>().0 {
            for end in ends {
                let before = rest.wrapping_sub(1) & !rest;
                *end = self.placed as u32 + (all & before).count_ones();
                rest &= rest.wrapping_sub(1);
            }
            if rest == 0 {
                break;
            }
        }
        self.ended += ends.count_ones() as usize;
    }

    #[inline(always)]
    fn add_special_ends(&mut self, ends: u64, all: u64, mut special: u64) {
        let mut rest = ends;
        while rest != 0 {
            let before = rest.wrapping_sub(1) & !rest;
            self.is_special |= special & before != 0;
            special &= !before;
            self.add_end(self.placed as u32 + (all & before).count_ones());
            rest &= rest - 1;
        }
        self.is_special |= special != 0;
    }

    fn add_end(&mut self, place: u32) {
        self.ends[self.ended] = if self.is_special { place | SPECIAL } else { place };
        self.ended += 1;
        self.special += u32::from(self.is_special);
        self.is_special = false;
    }

    /// Adds the end of all bytes, which ends a line.
    pub(super) fn add_last(&mut self, end: u32) {
        self.places[self.placed] = end;
        self.add_end(self.placed as u32);
    }

    /// What the fields of a line are between, and whether it is plain. The first line is 0.
    #[inline]
    pub(super) fn line(&self, line: usize) -> Option<(&[u32], bool)> {
        if line + 1 >= self.ended {
            return None;
        }
        let (before, last) = (self.ends[line], self.ends[line + 1]);
        let places = &self.places[(before & !SPECIAL) as usize..=(last & !SPECIAL) as usize];
        Some((places, last & SPECIAL == 0))
    }

    /// The index behind the last line end.
    pub(super) fn end(&self) -> usize {
        let last = (self.ends[self.ended - 1] & !SPECIAL) as usize;
        self.places[last].wrapping_add(1) as usize
    }
}

/// Writes the places of the bits that are set; more may be written behind them.
#[inline(always)]
fn write_places(places: &mut [u32], mut bits: u64, base: u32) {
    const AT_ONCE: usize = 8;
    for places in places.as_chunks_mut::<AT_ONCE>().0 {
        for place in places {
            *place = base + bits.trailing_zeros();
            bits &= bits.wrapping_sub(1);
        }
        if bits == 0 {
            return;
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512bw,avx512vbmi2,popcnt")]
#[inline]
fn write_places_avx512(places: &mut [u32], bits: u64, base: u32) {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm512_add_epi32, _mm512_cvtepu8_epi32, _mm512_loadu_si512,
        _mm512_maskz_compress_epi8, _mm512_set1_epi32, _mm512_storeu_si512,
    };
    const AT_ONCE: usize = 16;
    static ALL: [u8; BLOCK] = {
        let mut all = [0; BLOCK];
        let mut at = 0;
        while at < BLOCK {
            all[at] = at as u8;
            at += 1;
        }
        all
    };
    let mut found = [0_u8; BLOCK];
    // SAFETY: both lists have 64 bytes.
    unsafe {
        let all = _mm512_loadu_si512(ALL.as_ptr().cast());
        let packed = _mm512_maskz_compress_epi8(bits, all);
        _mm512_storeu_si512(found.as_mut_ptr().cast(), packed);
    }
    let groups = (bits.count_ones() as usize).div_ceil(AT_ONCE);
    let places = places.as_chunks_mut::<AT_ONCE>().0.iter_mut();
    for (places, found) in places.zip(found.as_chunks::<AT_ONCE>().0).take(groups) {
        // SAFETY: a group has 16 bytes.
        let found = unsafe { _mm_loadu_si128(found.as_ptr().cast()) };
        let found = _mm512_add_epi32(_mm512_cvtepu8_epi32(found), _mm512_set1_epi32(base as i32));
        // SAFETY: there is room for 16 numbers.
        unsafe { _mm512_storeu_si512(places.as_mut_ptr().cast(), found) };
    }
}

/// Rows that are counted without a look at their fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowCount {
    pub(crate) rows: u64,
    /// Line ends.
    pub(crate) lines: u64,
    /// The index behind the last line end; what follows is perhaps the other half of a CRLF.
    pub(crate) end: usize,
    looked_at: usize,
    is_in_line: bool,
    is_behind_return: bool,
}

impl RowCount {
    /// Adds the rows of blocks, unless there are `rows_max` or something else is in the way; false
    /// if so.
    pub(super) fn add(&mut self, masks: &[Masks], rows_max: u64) -> bool {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("lzcnt") && is_x86_feature_detected!("popcnt") {
            // SAFETY: the processor has the instructions.
            return unsafe { self.add_fast(masks, rows_max) };
        }
        self.add_all(masks, rows_max)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "lzcnt,popcnt")]
    fn add_fast(&mut self, masks: &[Masks], rows_max: u64) -> bool {
        self.add_all(masks, rows_max)
    }

    #[inline(always)]
    fn add_all(&mut self, masks: &[Masks], rows_max: u64) -> bool {
        for masks in masks {
            let before_special = masks.special.wrapping_sub(1) & !masks.special;
            let ends = (masks.feeds | masks.returns) & before_special;
            let firsts = ends & !(ends << 1 | u64::from(!self.is_in_line));
            let halves = masks.feeds & (masks.returns << 1 | u64::from(self.is_behind_return));
            let rows = self.rows + u64::from(firsts.count_ones());
            if rows >= rows_max {
                return false;
            }
            self.rows = rows;
            self.lines += u64::from((ends & !halves).count_ones());
            if ends != 0 {
                self.end = self.looked_at + BLOCK - ends.leading_zeros() as usize;
            }
            if masks.special != 0 {
                return false;
            }
            self.is_in_line = ends >> 63 == 0;
            self.is_behind_return = masks.returns >> 63 == 1;
            self.looked_at += BLOCK;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lists(masks: &[Masks], add: impl Fn(&mut Marks, &[Masks])) -> (Vec<u32>, Vec<u32>, u32) {
        let mut marks = Marks::default();
        marks.start(masks.len() * BLOCK);
        add(&mut marks, masks);
        let places = marks.places[1..marks.placed].to_vec();
        (places, marks.ends[1..marks.ended].to_vec(), marks.lines)
    }

    fn bits() -> impl Strategy<Value = u64> {
        prop_oneof![
            Just(0),
            Just(u64::MAX),
            any::<u64>(),
            (any::<u64>(), any::<u64>()).prop_map(|(one, other)| one & other & one.rotate_left(7))
        ]
    }

    proptest! {
        #[test]
        fn all_ways_give_the_same(
            blocks in proptest::collection::vec((bits(), bits(), bits(), bits()), 0..9),
        ) {
            let masks = blocks.iter().map(|(delimiters, feeds, returns, special)| Masks {
                delimiters: delimiters & !feeds & !returns,
                feeds: *feeds,
                returns: returns & !feeds,
                special: special & !delimiters & !feeds & !returns,
            });
            let masks: Vec<_> = masks.collect();
            let expected = lists(&masks, |marks, masks| marks.add_all(masks, write_places));
            let naive = masks.iter().enumerate().flat_map(|(block, masks)| {
                let all = masks.delimiters | masks.feeds | masks.returns;
                let set = (0..BLOCK).filter(move |at| all >> at & 1 == 1);
                set.map(move |at| (block * BLOCK + at) as u32)
            });
            prop_assert_eq!(&expected.0, &naive.collect::<Vec<_>>());
            prop_assert_eq!(&lists(&masks, Marks::add), &expected);
            #[cfg(target_arch = "x86_64")]
            if is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt") {
                // SAFETY: the processor has the instructions.
                let fast = lists(&masks, |marks, masks| unsafe { marks.add_fast(masks) });
                prop_assert_eq!(fast, expected);
            }
        }
    }
}
