//! The one file in a zip archive, read from front to back.
//!
//! In: a reader at the archive's start. Out: the bytes of its only file; folders and what systems
//! hide in archives are passed over. Names, sizes and checksums are verified; the list of contents
//! at the end has to be there, since an archive without it was cut. Nothing is sought, so that
//! archives come through pipes (APPNOTE 6.3.10, sections 4.3 and 4.4, read 2026-11).

use crate::engine::error::{Error, ErrorKind};
use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use std::io::{self, BufRead, Read};

const FILE: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CONTENTS: u32 = 0x0201_4b50;
const CONTENTS_END: u32 = 0x0605_4b50;
const CONTENTS_END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;

/// What may come out of a hidden file.
const PASSED_BYTES_MAX: u64 = 64 << 20;

const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 1 << 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// What some programs put in front of archives in parts.
const SPANNED: u32 = 0x3030_4b50;

/// True if a file starts as an archive does.
pub(super) fn starts(start: &[u8]) -> bool {
    let marks = [FILE, CONTENTS_END, DESCRIPTOR, SPANNED].map(u32::to_le_bytes);
    marks.iter().any(|mark| start.starts_with(mark))
}

/// What stands before the bytes of a file.
struct Head {
    flags: u16,
    method: u16,
    checksum: u32,
    packed_bytes: u64,
    bytes: u64,
    is_64: bool,
    name: Vec<u8>,
}

enum Data<R: BufRead> {
    Stored(io::Take<R>),
    Deflated(DeflateDecoder<R>),
    /// Read to its end.
    Done,
}

/// The bytes of an archive's only file.
pub(super) struct Entry<R: BufRead> {
    head: Head,
    data: Data<R>,
    checksum: Crc,
    bytes: u64,
}

impl<R: BufRead> Entry<R> {
    /// Goes to the first file.
    pub(super) fn open(mut reader: R) -> io::Result<Entry<R>> {
        let is_in_parts = |start: &[u8]| {
            [DESCRIPTOR, SPANNED].iter().any(|mark| start.starts_with(&mark.to_le_bytes()))
        };
        if is_in_parts(reader.fill_buf()?) {
            u32_of(&mut reader)?;
        }
        match next_file(&mut reader)? {
            Some(head) => Entry::of(head, reader),
            None => refuse(ErrorKind::ArchiveNoEntries, "the zip archive holds no file"),
        }
    }

    fn of(head: Head, reader: R) -> io::Result<Entry<R>> {
        if head.flags & ENCRYPTED != 0 {
            return refuse(
                ErrorKind::EncryptedArchive,
                "the zip archive is encrypted; unpack it with its password",
            );
        }
        let has_sizes = head.flags & SIZES_FOLLOW == 0;
        let data = match head.method {
            STORED if has_sizes => Data::Stored(reader.take(head.packed_bytes)),
            DEFLATED => Data::Deflated(DeflateDecoder::new(reader)),
            _ => {
                return refuse(
                    ErrorKind::UnsupportedCompression,
                    "the zip archive is packed in an unusual way; unpack it",
                );
            }
        };
        Ok(Entry { head, data, checksum: Crc::new(), bytes: 0 })
    }

    /// Verifies what was read, and that nothing but the list of contents follows.
    fn finish(&mut self) -> io::Result<()> {
        let mut reader = match std::mem::replace(&mut self.data, Data::Done) {
            Data::Stored(data) => data.into_inner(),
            Data::Deflated(data) => {
                self.head.packed_bytes = match self.head.flags & SIZES_FOLLOW {
                    0 => self.head.packed_bytes,
                    _ => data.total_in(),
                };
                if self.head.packed_bytes != data.total_in() {
                    return damaged();
                }
                data.into_inner()
            }
            Data::Done => return Ok(()),
        };
        let mut signature = None;
        if self.head.flags & SIZES_FOLLOW != 0 {
            let mut first = u32_of(&mut reader)?;
            if first == DESCRIPTOR {
                first = u32_of(&mut reader)?;
            }
            self.head.checksum = first;
            let (packed, bytes) = match self.head.is_64 {
                true => (u64_of(&mut reader)?, u64_of(&mut reader)?),
                false => (u32_of(&mut reader)?.into(), u32_of(&mut reader)?.into()),
            };
            // Some writers use eight bytes for each size without saying so.
            self.head.bytes = match bytes == 0 && self.bytes > 0 && !self.head.is_64 {
                true => {
                    let (low, high) = (u32_of(&mut reader)?, u32_of(&mut reader)?);
                    u64::from(low) | u64::from(high) << 32
                }
                false => bytes,
            };
            if packed as u32 != self.head.packed_bytes as u32 {
                return damaged();
            }
        }
        if self.checksum.sum() != self.head.checksum || self.bytes != self.head.bytes {
            return damaged();
        }
        if next_file_after(&mut reader, &mut signature)?.is_some() {
            return refuse(
                ErrorKind::ArchiveMultipleEntries,
                "the zip archive holds several files; give the list alone",
            );
        }
        read_contents(&mut reader, signature, self.head.checksum)
    }
}

impl<R: BufRead> Read for Entry<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = match &mut self.data {
            Data::Stored(data) => data.read(buffer)?,
            Data::Deflated(data) => data.read(buffer)?,
            Data::Done => return Ok(0),
        };
        self.checksum.update(&buffer[..bytes]);
        self.bytes += bytes as u64;
        if bytes == 0 && !buffer.is_empty() {
            if let Data::Stored(data) = &self.data
                && data.limit() > 0
            {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.finish()?;
        }
        Ok(bytes)
    }
}

/// The next entry that is a file somebody wants.
fn next_file<R: BufRead>(reader: &mut R) -> io::Result<Option<Head>> {
    next_file_after(reader, &mut None)
}

/// The same; notes the signature that ended the files.
fn next_file_after<R: BufRead>(reader: &mut R, last: &mut Option<u32>) -> io::Result<Option<Head>> {
    loop {
        let signature = u32_of(reader)?;
        if signature != FILE {
            *last = Some(signature);
            return match signature {
                CONTENTS | CONTENTS_END | CONTENTS_END_64 => Ok(None),
                _ => damaged(),
            };
        }
        let head = head_of(reader)?;
        check_name(&head.name)?;
        if !is_passed_over(&head.name) {
            return Ok(Some(head));
        }
        let mut passed = Entry::of(head, &mut *reader)?;
        let has_sizes = passed.head.flags & SIZES_FOLLOW == 0;
        let bytes = match &mut passed.data {
            Data::Deflated(data) => io::copy(&mut data.take(PASSED_BYTES_MAX), &mut io::sink())?,
            Data::Stored(data) => io::copy(data, &mut io::sink())?,
            Data::Done => 0,
        };
        if bytes == PASSED_BYTES_MAX {
            return refuse(
                ErrorKind::DecompressionBomb,
                "the zip archive hides a huge file beside the list; unpack it first",
            );
        }
        if !has_sizes {
            let is_64 = passed.head.is_64;
            drop(passed);
            let first = u32_of(reader)?;
            let words = if first == DESCRIPTOR { 3 } else { 2 } + if is_64 { 2 } else { 0 };
            for _ in 0..words {
                u32_of(reader)?;
            }
        }
    }
}

fn head_of(reader: &mut impl Read) -> io::Result<Head> {
    let mut fixed = [0; 26];
    reader.read_exact(&mut fixed)?;
    let word = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let double = |at: usize| u32::from(word(at)) | u32::from(word(at + 2)) << 16;
    let mut name = vec![0; usize::from(word(22))];
    reader.read_exact(&mut name)?;
    let mut extra = vec![0; usize::from(word(24))];
    reader.read_exact(&mut extra)?;
    let (mut packed_bytes, mut bytes) = (u64::from(double(14)), u64::from(double(18)));
    let wide = wide_sizes(&extra);
    if let Some(wide) = wide {
        let mut sizes = wide.chunks_exact(8).filter_map(|size| size.try_into().ok());
        for size in [&mut bytes, &mut packed_bytes] {
            if *size == u64::from(u32::MAX) {
                *size = sizes.next().map_or(*size, u64::from_le_bytes);
            }
        }
    }
    Ok(Head {
        flags: word(2),
        method: word(4),
        checksum: double(10),
        packed_bytes,
        bytes,
        is_64: wide.is_some(),
        name,
    })
}

/// The extra field for sizes over 4 GiB.
fn wide_sizes(mut extra: &[u8]) -> Option<&[u8]> {
    while let [id_low, id_high, low, high, rest @ ..] = extra {
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let content = rest.get(..length)?;
        if [*id_low, *id_high] == [1, 0] {
            return Some(content);
        }
        extra = &rest[length..];
    }
    None
}

/// Refuses what should not be unpacked anywhere, and documents that are archives.
fn check_name(name: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(name);
    let is_unsafe = text.starts_with(['/', '\\'])
        || text.split(['/', '\\']).any(|part| part == "..")
        || text.as_bytes().get(1) == Some(&b':');
    if is_unsafe {
        return refuse(
            ErrorKind::ArchiveUnsafePath,
            "the zip archive names a file outside of itself; do not trust it",
        );
    }
    let is_document = text == "[Content_Types].xml" || text == "mimetype";
    let folders = ["xl/", "_rels/", "word/", "ppt/", "docProps/", "META-INF/"];
    let is_part = [".xml", ".rels", ".bin"].iter().any(|kind| text.ends_with(kind));
    let is_inside = folders.iter().any(|folder| text.starts_with(folder));
    match is_document || (is_part && is_inside) {
        true => refuse(
            ErrorKind::SpreadsheetFile,
            "the input is a spreadsheet or document (.xlsx, .ods, ...); export it as CSV",
        ),
        false => Ok(()),
    }
}

/// Folders, and what systems hide in archives.
fn is_passed_over(name: &[u8]) -> bool {
    let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    file.is_empty() || file.starts_with(b".") || name.starts_with(b"__MACOSX/")
}

/// The list of contents, up to its end, behind which nothing stands. The list's entry has to be
/// there, with the checksum that was found.
fn read_contents(reader: &mut impl BufRead, first: Option<u32>, checksum: u32) -> io::Result<()> {
    let mut is_listed = false;
    let mut signature = first.unwrap_or(CONTENTS_END);
    loop {
        let skipped = match signature {
            CONTENTS => {
                let mut fixed = [0; 42];
                reader.read_exact(&mut fixed)?;
                let word = |at: usize| u64::from(u16::from_le_bytes([fixed[at], fixed[at + 1]]));
                is_listed |= word(12) | word(14) << 16 == u64::from(checksum);
                word(24) + word(26) + word(28)
            }
            CONTENTS_END_64 => u64_of(reader)?,
            LOCATOR_64 => 16,
            CONTENTS_END => {
                let mut fixed = [0; 18];
                reader.read_exact(&mut fixed)?;
                u64::from(u16::from_le_bytes([fixed[16], fixed[17]]))
            }
            _ => return damaged(),
        };
        let passed = io::copy(&mut reader.take(skipped), &mut io::sink())?;
        if passed < skipped {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if signature == CONTENTS_END {
            return match is_listed && reader.fill_buf()?.is_empty() {
                true => Ok(()),
                false => damaged(),
            };
        }
        signature = u32_of(reader)?;
    }
}

fn u32_of(reader: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    reader.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_of(reader: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn refuse<T>(kind: ErrorKind, text: &str) -> io::Result<T> {
    Err(io::Error::other(Error::new(kind, text)))
}

fn damaged<T>() -> io::Result<T> {
    refuse(ErrorKind::CorruptCompressed, "the zip archive is damaged; get the file again")
}
