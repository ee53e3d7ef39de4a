//! The rejects of an audience, as CSV on disk.
//!
//! In: rows, in order. Out: `input,row,line,byte_offset,field,reason` for each unusable cell and
//! each unusable row, as the batch binary writes them; no cell content. The file is as long as the
//! store says: what a run that ended early wrote behind that is cut off.

use crate::audience::fault;
use crate::audience::folder::{Existing, create, sync_dir};
use crate::audience::ledger::Ledger;
use crate::{Cell, Row};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Bytes that are kept before they are written.
const BUFFER_BYTES: usize = 1 << 20;

/// The names of the columns.
pub(crate) const HEADER: &str = "input,row,line,byte_offset,field,reason\n";

/// Writes rejects.
pub(super) struct Rejects {
    path: PathBuf,
    /// Made when there is something to write.
    file: Option<File>,
    written: u64,
    buffer: Vec<u8>,
    input: String,
    rows_before: u64,
}

impl Rejects {
    /// Goes on behind so many bytes.
    pub(super) fn open(
        path: PathBuf,
        bytes: u64,
        input: &str,
        rows_before: u64,
    ) -> io::Result<Rejects> {
        let mut rejects = Rejects {
            path,
            file: None,
            written: bytes,
            buffer: Vec::new(),
            input: input.to_owned(),
            rows_before,
        };
        if bytes > 0 || rejects.path.exists() {
            rejects.cut()?;
        }
        Ok(rejects)
    }

    fn cut(&mut self) -> io::Result<()> {
        let is_new = !self.path.exists();
        let mut file = create(&self.path, Existing::Keep)?;
        if file.metadata()?.len() < self.written {
            // An earlier list's are gone by now: it starts anew.
            self.written = 0;
        }
        file.set_len(self.written)?;
        file.seek(SeekFrom::Start(self.written))?;
        if let (true, Some(folder)) = (is_new, self.path.parent()) {
            sync_dir(folder)?;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Notes what is wrong with a row.
    pub(super) fn take(&mut self, row: Row<'_>, ledger: &mut Ledger) -> io::Result<()> {
        for (identifier, cell) in row.cells() {
            if let Cell::Rejected(rejection) = cell {
                self.record(row, ledger, identifier.name(), &rejection.reason(identifier))?;
            }
        }
        match row.unusable() {
            Some(reason) => self.record(row, ledger, "", &reason),
            None => Ok(()),
        }
    }

    fn record(
        &mut self,
        row: Row<'_>,
        ledger: &mut Ledger,
        field: &str,
        reason: &str,
    ) -> io::Result<()> {
        ledger.note(row, self.rows_before, field, reason);
        if self.written == 0 && self.buffer.is_empty() {
            self.buffer.extend_from_slice(HEADER.as_bytes());
        }
        let position = row.position();
        // None of these needs a quote.
        writeln!(
            self.buffer,
            "{},{},{},{},{field},{reason}",
            self.input,
            self.rows_before + position.row,
            position.line,
            position.byte
        )?;
        match self.buffer.len() >= BUFFER_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.cut()?;
        }
        if let Some(file) = &mut self.file {
            fault::point("rejects.write")?;
            file.write_all(&self.buffer)?;
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes everything durable; how long the file is.
    pub(super) fn sync(&mut self) -> io::Result<u64> {
        self.flush()?;
        if let Some(file) = &mut self.file {
            fault::point("rejects.sync")?;
            file.sync_data()?;
        }
        Ok(self.written)
    }
}
