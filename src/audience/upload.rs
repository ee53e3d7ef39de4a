//! The bytes of an uploaded file on disk.
//!
//! In: bytes as they come, for one part. Out: [`Incoming`], whose file is durable before anything
//! says that it is there; [`Reader`], which reads the parts as one. An attempt that ends early
//! leaves nothing.

use super::fault;
use super::folder::{Existing, Folder, create, sync_dir};
use super::id::{FileId, random_text};
use super::store::UploadPart;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Characters that tell attempts apart.
const TOKEN_CHARS: usize = 16;

/// A part that is being received.
pub struct Incoming {
    folder: Folder,
    path: PathBuf,
    file: Option<File>,
    hash: Sha256,
    part: UploadPart,
    is_kept: bool,
}

impl Incoming {
    /// Starts to receive a part.
    pub(crate) fn start(folder: &Folder, id: &FileId, number: u32) -> io::Result<Incoming> {
        fault::point("upload.open")?;
        let token = random_text(TOKEN_CHARS)?;
        let path = folder.part(id, number, &token);
        let file = create(&path, Existing::Empty)?;
        Ok(Incoming {
            folder: folder.clone(),
            path,
            file: Some(file),
            hash: Sha256::new(),
            part: UploadPart { number, token, bytes: 0, etag: String::new() },
            is_kept: false,
        })
    }

    /// Only takes the hash of what comes: for a file that is there already.
    pub(crate) fn compare(folder: &Folder, number: u32) -> Incoming {
        Incoming {
            folder: folder.clone(),
            path: PathBuf::new(),
            file: None,
            hash: Sha256::new(),
            part: UploadPart { number, token: String::new(), bytes: 0, etag: String::new() },
            is_kept: true,
        }
    }

    /// Takes some bytes.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            fault::point("upload.write")?;
            file.write_all(bytes)?;
        }
        self.hash.update(bytes);
        self.part.bytes += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes came so far.
    pub fn bytes(&self) -> u64 {
        self.part.bytes
    }

    /// Makes the bytes durable. They are removed all the same unless the part is
    /// [kept](Self::keep).
    pub(crate) fn seal(&mut self) -> io::Result<UploadPart> {
        if let Some(file) = self.file.take() {
            fault::point("upload.sync")?;
            file.sync_all()?;
            sync_dir(&self.folder.uploads())?;
        }
        let digest = std::mem::take(&mut self.hash).finalize();
        self.part.etag = format!("\"{}\"", hex(&digest[..16]));
        Ok(self.part.clone())
    }

    /// The part is on record: its file stays.
    pub(crate) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is found at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the parts of a file as one.
pub(crate) struct Reader {
    /// Path and size, in order.
    parts: Vec<(PathBuf, u64)>,
    next: usize,
    open: Option<File>,
}

impl Reader {
    /// A reader from this byte on.
    pub(crate) fn open(
        folder: &Folder,
        id: &FileId,
        parts: &[UploadPart],
        mut from: u64,
    ) -> io::Result<Reader> {
        let path = |part: &UploadPart| folder.part(id, part.number, &part.token);
        let parts = parts.iter().map(|part| (path(part), part.bytes)).collect();
        let mut reader = Reader { parts, next: 0, open: None };
        while let Some((_, bytes)) = reader.parts.get(reader.next)
            && from >= *bytes
        {
            from -= bytes;
            reader.next += 1;
        }
        if reader.open_next()?
            && let Some(file) = &mut reader.open
        {
            file.seek(SeekFrom::Start(from))?;
        }
        Ok(reader)
    }

    /// Goes to the next part; false at the end.
    fn open_next(&mut self) -> io::Result<bool> {
        self.open = match self.parts.get(self.next) {
            Some((path, _)) => Some(File::open(path)?),
            None => None,
        };
        self.next += 1;
        Ok(self.open.is_some())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(file) = &mut self.open else { return Ok(0) };
            let bytes = file.read(buffer)?;
            if bytes > 0 || buffer.is_empty() {
                return Ok(bytes);
            }
            self.open_next()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_one_from_anywhere() {
        let root = std::env::temp_dir().join(random_text(16).unwrap());
        let folder = Folder::open(&root).unwrap();
        let id = FileId::random().unwrap();
        let mut parts = Vec::new();
        for (number, text) in (1..).zip(["abc", "", "defg", "h"]) {
            let mut incoming = Incoming::start(&folder, &id, number).unwrap();
            incoming.write(text.as_bytes()).unwrap();
            parts.push(incoming.seal().unwrap());
            incoming.keep();
        }
        for from in 0..=9 {
            let mut text = String::new();
            let mut reader = Reader::open(&folder, &id, &parts, from).unwrap();
            reader.read_to_string(&mut text).unwrap();
            assert_eq!(text, "abcdefgh"[(from as usize).min(8)..]);
        }
        drop(Incoming::start(&folder, &id, 9).unwrap());
        assert_eq!(std::fs::read_dir(folder.uploads()).unwrap().count(), 4);
        std::fs::remove_dir_all(root).unwrap();
    }
}
