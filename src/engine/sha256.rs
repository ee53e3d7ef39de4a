//! SHA-256 of many short messages.
//!
//! In: canonical identifiers, end to end in one buffer, and where each ends.
//! Out: one digest for each, in the same order. Which kernel makes them is decided once, by what
//! the processor has; `sha2` is the one that runs anywhere, and hashes what is longer than a block.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod blocks;
#[cfg(target_arch = "x86_64")]
mod shani;

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// How SHA-256 is computed. Every kernel makes the same digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// The fastest that this processor has: [`Kernel::ShaNi`], otherwise [`Kernel::Avx512`],
    /// otherwise [`Kernel::Portable`].
    #[default]
    Auto,
    /// One message at a time, on any processor.
    Portable,
    /// Two messages at a time by the SHA instructions of x86-64, with SSSE3 and SSE4.1.
    ShaNi,
    /// Sixteen messages at a time by AVX-512 (F, BW) of x86-64.
    Avx512,
}

impl Kernel {
    /// Every kernel, and the choice among them.
    pub const ALL: [Kernel; 4] = [Kernel::Auto, Kernel::Portable, Kernel::ShaNi, Kernel::Avx512];

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Auto => "auto",
            Kernel::Portable => "portable",
            Kernel::ShaNi => "sha-ni",
            Kernel::Avx512 => "avx512",
        }
    }

    /// The kernel, to be called; `None` if this processor cannot run it.
    pub fn detect(self) -> Option<Detected> {
        match self {
            // The order of what was measured; the last is always there.
            Kernel::Auto => [Kernel::ShaNi, Kernel::Avx512, Kernel::Portable]
                .into_iter()
                .find_map(Kernel::detect),
            Kernel::Portable => Some(Detected(Way::Portable)),
            #[cfg(target_arch = "x86_64")]
            Kernel::ShaNi => shani::ShaNi::detect().map(|way| Detected(Way::ShaNi(way))),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => avx512::Avx512::detect().map(|way| Detected(Way::Avx512(way))),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::ShaNi | Kernel::Avx512 => None,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(name: &str) -> Result<Kernel, String> {
        let known = Kernel::ALL.into_iter().find(|kernel| kernel.name() == name);
        known.ok_or_else(|| "the kernels are auto, portable, sha-ni, avx512".into())
    }
}

/// A kernel that this processor has; made by [`Kernel::detect`] only.
#[derive(Clone, Copy, Debug)]
pub struct Detected(Way);

/// Those with instructions of their own can be made by detecting these only.
#[derive(Clone, Copy, Debug)]
enum Way {
    Portable,
    #[cfg(target_arch = "x86_64")]
    ShaNi(shani::ShaNi),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
}

impl Detected {
    /// Which one it is; never [`Kernel::Auto`].
    pub fn kernel(self) -> Kernel {
        match self.0 {
            Way::Portable => Kernel::Portable,
            #[cfg(target_arch = "x86_64")]
            Way::ShaNi(_) => Kernel::ShaNi,
            #[cfg(target_arch = "x86_64")]
            Way::Avx512(_) => Kernel::Avx512,
        }
    }
}

/// Hashes `messages[..ends[0]]`, `messages[ends[0]..ends[1]]`, ... into `digests`, which is
/// cleared first. A vector that is used again costs least.
///
/// A kernel takes messages of up to 55 bytes, which fit into one block. Longer ones are hashed one
/// at a time.
///
/// ```
/// use matchkey::kernel::{Kernel, digest_many};
///
/// # fn main() -> Result<(), &'static str> {
/// let kernel = Kernel::Auto.detect().ok_or("no kernel")?;
/// let mut digests = Vec::new();
/// digest_many(kernel, b"mary@example.com+14155552671", &[16, 28], &mut digests);
/// assert_eq!(digests.len(), 2);
/// assert_eq!(digests[1], matchkey::Digest::of(b"+14155552671").as_bytes());
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// If an end is before the one in front of it, or beyond `messages`.
pub fn digest_many(kernel: Detected, messages: &[u8], ends: &[usize], digests: &mut Vec<[u8; 32]>) {
    // What is there is written over, so it need not be zeroed.
    digests.resize(ends.len(), [0; 32]);
    match kernel.0 {
        Way::Portable => one_by_one(messages, ends, digests),
        #[cfg(target_arch = "x86_64")]
        Way::ShaNi(way) => way.digest_many(messages, ends, digests),
        #[cfg(target_arch = "x86_64")]
        Way::Avx512(way) => way.digest_many(messages, ends, digests),
    }
}

fn one_by_one(messages: &[u8], ends: &[usize], digests: &mut [[u8; 32]]) {
    let mut start = 0;
    for (&end, digest) in ends.iter().zip(digests) {
        *digest = Sha256::digest(&messages[start..end]).into();
        start = end;
    }
}

#[cfg(test)]
mod tests;
