//! Rows -> batches on disk, fixed before anything is sent.
//!
//! In: engine batches, in order. Out: for each stream and range of rows a file in the shape of the
//! platform's upload file, and beside it which row each record is of; durable before the store
//! names them. Which rows a batch holds depends on the list alone.

use super::destination::{Batch, Stream};
use super::fault;
use super::folder::{Folder, make_dir, sync_dir, write_synced};
use super::id::{AccountId, AudienceId};
use super::store::{BatchRecord, BatchState, Claim};
use super::upload::hex;
use crate::platform::upload::{Places, Records, Upload};
use crate::{Columns, Options, Platform, Row};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// One platform's files.
struct Sheets {
    upload: Upload,
    places: Places,
    records: Vec<Records>,
    files: Vec<Sheet>,
}

/// The batch of one stream that is being filled.
struct Sheet {
    stream: Stream,
    extension: &'static str,
    header: Vec<u8>,
    bytes: Vec<u8>,
    /// Of each record, its row's place in the range.
    rows: Vec<u32>,
}

/// Fills batches.
pub(crate) struct Stage {
    folder: PathBuf,
    audience: AudienceId,
    account: AccountId,
    generation: u32,
    platforms: Vec<Sheets>,
}

impl Stage {
    /// Makes the folder of a claim's batches.
    pub(crate) fn open(
        folder: &Folder,
        claim: &Claim,
        options: &Options,
        columns: &Columns,
    ) -> io::Result<Stage> {
        let staged = folder.staged(&claim.audience.id);
        make_dir(&staged)?;
        sync_dir(&folder.outbox(&claim.audience.id))?;
        let platforms = claim
            .import
            .platforms
            .iter()
            .map(|platform| Sheets::new(*platform, options, columns).map_err(io::Error::other));
        Ok(Stage {
            folder: staged,
            audience: claim.audience.id.clone(),
            account: claim.audience.account.clone(),
            generation: claim.audience.generation,
            platforms: platforms.collect::<io::Result<_>>()?,
        })
    }

    /// Takes a row; `place` counts the rows of the range before it.
    pub(crate) fn take(&mut self, row: Row<'_>, place: u32) {
        if !row.is_usable() {
            return;
        }
        for sheets in &mut self.platforms {
            sheets.upload.write(row, &sheets.places, &mut sheets.records);
            for (records, sheet) in sheets.records.iter_mut().zip(&mut sheets.files) {
                for record in records.iter() {
                    if sheet.rows.is_empty() {
                        sheet.bytes.extend_from_slice(&sheet.header);
                    }
                    sheet.bytes.extend_from_slice(record);
                    sheet.rows.push(place);
                }
                records.clear();
            }
        }
    }

    /// Ends a range of rows: its batches are durable, and not yet on record.
    pub(crate) fn seal(
        &mut self,
        (first_row, last_row): (u64, u64),
        next_seq: &mut BTreeMap<String, u64>,
    ) -> io::Result<Vec<BatchRecord>> {
        let mut sealed = Vec::new();
        for sheet in self.platforms.iter_mut().flat_map(|sheets| &mut sheets.files) {
            if sheet.rows.is_empty() {
                continue;
            }
            let seq = next_seq.entry(sheet.stream.name().to_owned()).or_insert(1);
            let mut rows = sheet.rows.clone();
            rows.dedup();
            let sha256 = hex(&Sha256::digest(&sheet.bytes));
            let mut batch = Batch {
                seq: *seq,
                batch_id: String::new(),
                first_row,
                last_row,
                rows: rows.len() as u64,
                records: sheet.rows.len() as u64,
                sha256,
                extension: sheet.extension.to_owned(),
            };
            *seq += 1;
            let place = (&self.audience, &self.account, self.generation);
            batch.batch_id = batch_id(place, &sheet.stream, &batch);
            let path = staged_file(&self.folder, &sheet.stream, &batch);
            write_synced(&path, &sheet.bytes, ["stage.write", "stage.sync"])?;
            let index: Vec<u8> = sheet.rows.iter().flat_map(|row| row.to_le_bytes()).collect();
            write_synced(&rows_file(&path), &index, ["stage.write", "stage.sync"])?;
            sheet.bytes.clear();
            sheet.rows.clear();
            sealed.push(BatchRecord {
                batch,
                stream: sheet.stream.clone(),
                generation: self.generation,
                state: BatchState::Staged,
                attempts: 0,
                refused: Vec::new(),
            });
        }
        Ok(sealed)
    }

    /// Makes the names of all sealed batches durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        fault::point("stage.sync")?;
        sync_dir(&self.folder)
    }
}

impl Sheets {
    fn new(platform: Platform, options: &Options, columns: &Columns) -> Result<Sheets, String> {
        let upload = Upload::new(platform, options, &[columns], None)?;
        let files = upload.files().map(|(suffix, extension, header)| Sheet {
            stream: Stream::new(platform, suffix),
            extension,
            header: header.to_vec(),
            bytes: Vec::new(),
            rows: Vec::new(),
        });
        let files: Vec<Sheet> = files.collect();
        let records = files.iter().map(|_| Records::default()).collect();
        let places = upload.places(columns);
        Ok(Sheets { upload, places, records, files })
    }
}

/// The same at every attempt; another for another audience, list, stream, place or content.
fn batch_id(
    (audience, account, generation): (&AudienceId, &AccountId, u32),
    stream: &Stream,
    batch: &Batch,
) -> String {
    let text = format!(
        "{audience}\n{generation}\n{stream}\n{account}\n{}\n{}-{}\n{}",
        batch.seq, batch.first_row, batch.last_row, batch.sha256
    );
    hex(&Sha256::digest(text)[..16])
}

/// Where a batch waits.
pub(crate) fn staged_file(folder: &Path, stream: &Stream, batch: &Batch) -> PathBuf {
    folder.join(format!("{stream}-{}", batch.file_name()))
}

fn rows_file(path: &Path) -> PathBuf {
    path.with_extension("rows")
}

/// The rows of a batch that the destination has: those of which it did not refuse each record. As
/// places in the range, ascending.
pub(crate) fn rows_taken(folder: &Path, record: &BatchRecord) -> io::Result<Vec<u32>> {
    let path = rows_file(&staged_file(folder, &record.stream, &record.batch));
    let bytes = std::fs::read(path)?;
    let rows =
        bytes.chunks_exact(4).map(|row| u32::from_le_bytes([row[0], row[1], row[2], row[3]]));
    let mut refused = record.refused.iter().copied().peekable();
    let mut taken = Vec::new();
    for (index, row) in (0..).zip(rows) {
        while refused.next_if(|next| *next < index).is_some() {}
        if refused.peek() != Some(&index) && taken.last() != Some(&row) {
            taken.push(row);
        }
    }
    Ok(taken)
}

/// How many rows of a range the destination has, by all its batches that were taken.
pub(crate) fn rows_matched(folder: &Path, taken: &[BatchRecord]) -> io::Result<u64> {
    if let [one] = taken
        && one.refused.is_empty()
    {
        return Ok(one.batch.rows);
    }
    let mut rows = Vec::new();
    for record in taken {
        rows.extend(rows_taken(folder, record)?);
    }
    rows.sort_unstable();
    rows.dedup();
    Ok(rows.len() as u64)
}
