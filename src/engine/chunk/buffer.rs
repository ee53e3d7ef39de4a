//! Bytes that were read: memory that is zeroed once and filled many times.
//!
//! In: a reader. Out: what it gave, as a slice.

use std::io::{self, Read};
use std::ops::Deref;

/// Reads like the bytes in it.
#[derive(Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// Reads once, up to `bytes` more; how many came.
    pub(super) fn read_from(&mut self, reader: &mut dyn Read, bytes: usize) -> io::Result<usize> {
        let end = self.filled + bytes;
        if self.memory.len() < end {
            self.memory.resize(end, 0);
        }
        loop {
            match reader.read(&mut self.memory[self.filled..end]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(read) => {
                    let read = read.min(bytes);
                    self.filled += read;
                    return Ok(read);
                }
            }
        }
    }

    /// Puts these bytes in the place of what is there.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        if self.memory.len() < bytes.len() {
            self.memory.resize(bytes.len(), 0);
        }
        self.memory[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
    }

    /// Forgets what is behind the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.filled = self.filled.min(length);
    }

    /// Forgets the first `bytes`.
    pub(super) fn drop_front(&mut self, bytes: usize) {
        self.memory.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[..self.filled]
    }
}
