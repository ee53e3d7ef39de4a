//! The members of a gzip file, one behind the other (RFC 1952, section 2.2).
//!
//! In: a reader at the first member. Out: the bytes of all of them; each one's checksum and length
//! are verified. NULs behind the last one are padding, as tapes have it; anything else is damage.

use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, Read};

/// The bytes of all members.
pub(super) struct Members<R: BufRead> {
    /// None once the input is used up.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(reader: R) -> Members<R> {
        Members { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let bytes = member.read(buffer)?;
            if bytes > 0 || buffer.is_empty() {
                return Ok(bytes);
            }
            let Some(mut reader) = self.member.take().map(GzDecoder::into_inner) else { break };
            let mut has_padding = false;
            let next = loop {
                let ahead = reader.fill_buf()?;
                let padding = ahead.iter().take_while(|byte| **byte == 0).count();
                let next = ahead.get(padding).copied();
                has_padding |= padding > 0;
                reader.consume(padding);
                if next.is_some() || padding == 0 {
                    break next;
                }
            };
            match next {
                None => {}
                Some(0x1f) if !has_padding => self.member = Some(GzDecoder::new(reader)),
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        Ok(0)
    }
}
