//! Blocks of 64 bytes -> where the bytes are that mean something.
//!
//! In: bytes, the dialect. Out: [`Masks`], one for each block, bit by bit in the bytes' order. The
//! kernel is picked by what the processor offers; all give the same bits.

#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::engine::dialect::Dialect;

/// Bytes of a block: as many as a mask has bits.
pub(crate) const BLOCK: usize = 64;

/// Where in a block these bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Masks {
    pub(crate) delimiters: u64,
    /// LF.
    pub(crate) feeds: u64,
    /// CR.
    pub(crate) returns: u64,
    /// Quotes, and bytes that are no content where they are alone, see [`is_odd`].
    pub(crate) special: u64,
}

/// The bytes that are looked for beside line ends.
#[derive(Clone, Copy)]
pub(crate) struct Needles {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
}

impl From<Dialect> for Needles {
    fn from(dialect: Dialect) -> Needles {
        // Without a quote: a byte that is odd anyway.
        Needles { delimiter: dialect.delimiter, quote: dialect.quote.unwrap_or(0) }
    }
}

/// Bits that no odd byte has.
pub(super) const NOT_ODD: u8 = !0x1a;

/// True for NUL and the end-of-file mark, which make a line no row, and for a few control bytes
/// that one comparison finds along with them.
fn is_odd(byte: u8) -> bool {
    byte & NOT_ODD == 0 && byte != b'\n'
}

/// Fills in the masks of these bytes, as far as there is room; gives those that are. Beyond the
/// last byte there is nothing.
pub(crate) fn fill<'a>(bytes: &[u8], needles: Needles, masks: &'a mut [Masks]) -> &'a [Masks] {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let whole = blocks.len().min(masks.len());
    of_blocks(&blocks[..whole], needles, &mut masks[..whole]);
    if rest.is_empty() || whole == masks.len() {
        return &masks[..whole];
    }
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    of_blocks(&[last], needles, &mut masks[whole..=whole]);
    let there = (1 << rest.len()) - 1;
    let mask = &mut masks[whole];
    mask.delimiters &= there;
    mask.special &= there;
    &masks[..=whole]
}

fn of_blocks(blocks: &[[u8; BLOCK]], needles: Needles, masks: &mut [Masks]) {
    #[cfg(target_arch = "x86_64")]
    if avx512::fill(blocks, needles, masks) || avx2::fill(blocks, needles, masks) {
        return;
    }
    portable(blocks, needles, masks);
}

/// For any processor: the comparisons are made many at once by the compiler.
pub(super) fn portable(blocks: &[[u8; BLOCK]], needles: Needles, masks: &mut [Masks]) {
    for (block, masks) in blocks.iter().zip(masks) {
        let kinds = block.map(|byte| {
            u8::from(byte == needles.delimiter)
                | u8::from(byte == b'\n') << 1
                | u8::from(byte == b'\r') << 2
                | u8::from(byte == needles.quote || is_odd(byte)) << 3
        });
        *masks = Masks::default();
        for (at, kinds) in kinds.as_chunks::<8>().0.iter().enumerate() {
            // The lowest bits of eight bytes, side by side.
            let bits = |kind: u32| {
                let lowest = (u64::from_le_bytes(*kinds) >> kind) & 0x0101_0101_0101_0101;
                (lowest.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * at)
            };
            masks.delimiters |= bits(0);
            masks.feeds |= bits(1);
            masks.returns |= bits(2);
            masks.special |= bits(3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(bytes: &[u8], is_it: impl Fn(u8) -> bool) -> u64 {
        bytes.iter().enumerate().fold(0, |bits, (at, byte)| bits | u64::from(is_it(*byte)) << at)
    }

    fn expected(bytes: &[u8], needles: Needles) -> Vec<Masks> {
        let masks = |block: &[u8]| Masks {
            delimiters: bits(block, |byte| byte == needles.delimiter),
            feeds: bits(block, |byte| byte == b'\n'),
            returns: bits(block, |byte| byte == b'\r'),
            special: bits(block, |byte| byte == needles.quote || is_odd(byte)),
        };
        bytes.chunks(BLOCK).map(masks).collect()
    }

    /// Each kernel that this processor can run.
    fn check(bytes: &[u8], needles: Needles) {
        let expected = expected(bytes, needles);
        let mut masks = vec![Masks::default(); expected.len()];
        assert_eq!(fill(bytes, needles, &mut masks), expected);
        let (blocks, _) = bytes.as_chunks();
        let masks = &mut masks[..blocks.len()];
        let expected = &expected[..blocks.len()];
        masks.fill(Masks::default());
        portable(blocks, needles, masks);
        assert_eq!(masks, expected);
        #[cfg(target_arch = "x86_64")]
        for kernel in [avx2::fill, avx512::fill] {
            masks.fill(Masks::default());
            if kernel(blocks, needles, masks) {
                assert_eq!(masks, expected);
            }
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for needles in [(b',', b'"'), (b'\t', 0), (b';', b'\''), (0xa7, 0xff), (0, 0x1a)] {
            let needles = Needles { delimiter: needles.0, quote: needles.1 };
            for byte in 0..=255 {
                for at in 0..BLOCK {
                    let mut block = [b'a'; 2 * BLOCK];
                    block[at] = byte;
                    block[2 * BLOCK - 1 - at] = byte;
                    check(&block, needles);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            delimiter in any::<u8>(),
            quote in any::<u8>(),
        ) {
            check(&bytes, Needles { delimiter, quote });
        }
    }
}
