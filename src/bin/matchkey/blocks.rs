//! A file's bytes in large blocks, past the page cache where the file system lets them.
//!
//! In: bytes in pieces of any size. Out: whole blocks to the file, and what is left at the end;
//! blocks for a pipe are small.
//! A new file is synced before it appears, so that the cache would only cost a copy, and evict what
//! others have there. Short files, and file systems that want it, go through the cache.

use std::fs::File;
use std::io::{self, Write};

const BLOCK_BYTES: usize = 1 << 20;

/// Whoever reads a pipe does not wait for so much.
const PIPE_BYTES: usize = 64 << 10;

/// What any device wants of a direct write: its place in memory and in the file, and its length.
const ALIGNMENT: usize = 4 << 10;

/// Bytes that wait for their block to be full.
pub(crate) struct Blocks {
    file: File,
    memory: Vec<u8>,
    /// The block within the memory.
    start: usize,
    filled: usize,
    block_bytes: usize,
    way: Way,
}

/// How blocks reach the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through the cache, whatever comes.
    Cached,
    /// Directly, as soon as a block is full.
    MayBeDirect,
    Direct,
}

impl Blocks {
    /// For a new file, or for anything else that can be written to.
    pub(crate) fn new(file: File, is_new_file: bool) -> Blocks {
        let (way, block_bytes) = match is_new_file {
            true => (Way::MayBeDirect, BLOCK_BYTES),
            false => (Way::Cached, PIPE_BYTES),
        };
        Blocks { file, memory: Vec::new(), start: 0, filled: 0, block_bytes, way }
    }

    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.filled + bytes.len() >= self.block_bytes {
            if self.filled == 0 && self.way == Way::Cached {
                return self.file.write_all(bytes);
            }
            let (now, later) = bytes.split_at(self.block_bytes - self.filled);
            self.keep(now);
            bytes = later;
            self.write_block()?;
        }
        self.keep(bytes);
        Ok(())
    }

    /// Writes what is left.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.way == Way::Direct {
            self.way = Way::Cached;
            set_direct(&self.file, false)?;
        }
        let rest = &self.memory[self.start..][..self.filled];
        self.filled = 0;
        self.file.write_all(rest)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.memory.is_empty() && !bytes.is_empty() {
            self.memory.resize(self.block_bytes + ALIGNMENT, 0);
            self.start = self.memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        }
        self.memory[self.start + self.filled..][..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.way == Way::MayBeDirect {
            self.way = match set_direct(&self.file, true) {
                Ok(()) => Way::Direct,
                Err(_) => Way::Cached,
            };
        }
        let mut block = &self.memory[self.start..][..self.filled];
        self.filled = 0;
        while self.way == Way::Direct && !block.is_empty() {
            match self.file.write(block) {
                // What is left is aligned only where a device takes less than all.
                Ok(written) if written > 0 && written % ALIGNMENT == 0 => block = &block[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It was allowed, but not for this device; any other error comes again.
                other => {
                    self.way = Way::Cached;
                    set_direct(&self.file, false)?;
                    block = &block[other.unwrap_or(0)..];
                }
            }
        }
        self.file.write_all(block)
    }
}

impl Drop for Blocks {
    /// Whoever reads a pipe gets what there is, even if no more will come.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

#[cfg(target_os = "linux")]
fn set_direct(file: &File, is_direct: bool) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let mut flags = fcntl_getfl(file)?;
    flags.set(OFlags::DIRECT, is_direct);
    Ok(fcntl_setfl(file, flags)?)
}

#[cfg(not(target_os = "linux"))]
fn set_direct(_: &File, is_direct: bool) -> io::Result<()> {
    match is_direct {
        true => Err(io::ErrorKind::Unsupported.into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_out_in_order() {
        for is_new_file in [true, false] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut blocks = Blocks::new(file.reopen().unwrap(), is_new_file);
            let mut expected = Vec::new();
            for (index, length) in
                [1, 0, 4_095, BLOCK_BYTES - 1, 7, BLOCK_BYTES, 3 * BLOCK_BYTES + 5, 12]
                    .into_iter()
                    .enumerate()
            {
                let piece = vec![b'a' + index as u8; length];
                blocks.write(&piece).unwrap();
                expected.extend(piece);
            }
            blocks.flush().unwrap();
            assert!(std::fs::read(file.path()).unwrap() == expected);
        }
    }
}
