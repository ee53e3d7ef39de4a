//! What the kernels share: the constants of SHA-256, and messages that come in groups.
//!
//! In: a batch of messages. Out: groups of as many one-block messages as a kernel has lanes.

use sha2::{Digest, Sha256};

/// The longest message that fits into one block with its mark and its length.
const ONE_BLOCK_MAX: usize = 55;

/// The initial hash value (FIPS 180-4, section 5.3.3).
pub(super) const H0: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/// The constants of the rounds (FIPS 180-4, section 4.2.2), sixteen to a row as the schedule is.
pub(super) static K: [[u32; 16]; 4] = [
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174,
    ],
    [
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc,
        0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
        0x06ca6351, 0x14292967,
    ],
    [
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
        0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624,
        0xf40e3585, 0x106aa070,
    ],
    [
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
        0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb,
        0xbef9a3f7, 0xc67178f2,
    ],
];

/// A message of one block, and what stands behind it in the buffer.
#[derive(Clone, Copy)]
pub(super) struct Lane<'a> {
    from: &'a [u8],
    length: usize,
}

impl<'a> Lane<'a> {
    /// How many bytes it has: 55 at most.
    #[inline]
    pub(super) fn length(self) -> usize {
        self.length
    }

    /// Its bytes.
    #[inline]
    pub(super) fn message(self) -> &'a [u8] {
        &self.from[..self.length]
    }

    /// The 64 bytes from its start on; those behind it are of no account. Where the buffer ends
    /// before them, they are made in `spare`.
    #[inline]
    pub(super) fn block<'b>(self, spare: &'b mut [u8; 64]) -> &'b [u8; 64]
    where
        'a: 'b,
    {
        match self.from.first_chunk() {
            Some(block) => block,
            None => {
                spare[..self.length].copy_from_slice(self.message());
                spare
            }
        }
    }
}

/// Hands messages to `hash` in groups of `N`. A group that is not full has empty messages at its
/// end; one stands in for a message that is too long, which is hashed here.
///
/// Always inlined, since only then can `hash` be: it has instructions that this has not.
#[inline(always)]
pub(super) fn in_groups<const N: usize>(
    messages: &[u8],
    ends: &[usize],
    digests: &mut [[u8; 32]],
    mut hash: impl FnMut(&[Lane<'_>; N], &mut [[u8; 32]; N]),
) {
    let (mut start, end) = (0, ends.last().copied().unwrap_or_default());
    let (mut last_ends, mut last_digests) = ([end; N], [[0; 32]; N]);
    for (ends, digests) in ends.chunks(N).zip(digests.chunks_mut(N)) {
        let group: &[usize; N] = match ends.first_chunk() {
            Some(ends) => ends,
            None => {
                last_ends[..ends.len()].copy_from_slice(ends);
                &last_ends
            }
        };
        let first = start;
        let mut has_long = false;
        let mut lanes = [Lane { from: &[], length: 0 }; N];
        for at in 0..N {
            let length = messages[start..group[at]].len();
            if length <= ONE_BLOCK_MAX {
                lanes[at] = Lane { from: &messages[start..], length };
            } else {
                has_long = true;
            }
            start = group[at];
        }
        // One call, so that it is worth inlining.
        hash(&lanes, digests.first_chunk_mut().unwrap_or(&mut last_digests));
        if digests.len() < N {
            digests.copy_from_slice(&last_digests[..digests.len()]);
        }
        if has_long {
            long_ones(messages, first, ends, digests);
        }
    }
}

/// Hashes the messages of a group that do not fit into a block.
#[cold]
fn long_ones(messages: &[u8], mut start: usize, ends: &[usize], digests: &mut [[u8; 32]]) {
    for (&end, digest) in ends.iter().zip(digests) {
        let message = &messages[start..end];
        if message.len() > ONE_BLOCK_MAX {
            *digest = Sha256::digest(message).into();
        }
        start = end;
    }
}
