//! SHA-256 of many short messages.
//!
//! In: canonical identifiers, end to end in one buffer, and where each ends.
//! Out: one digest for each, in the same order. The batch is the interface, so that a kernel
//! which hashes several messages at once can take the place of this loop.

use sha2::{Digest, Sha256};

/// Hashes `messages[..ends[0]]`, `messages[ends[0]..ends[1]]`, ... into `digests`, which is
/// cleared first.
pub(crate) fn digest_many(messages: &[u8], ends: &[usize], digests: &mut Vec<[u8; 32]>) {
    digests.clear();
    digests.reserve(ends.len());
    let mut start = 0;
    for &end in ends {
        digests.push(Sha256::digest(&messages[start..end]).into());
        start = end;
    }
}
