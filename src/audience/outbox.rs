//! The destination that needs no ad account: files in the shape of each platform's upload file.
//!
//! In: batches. Out: `outbox/AUDIENCE/STREAM/NNNNNN.csv`, and `manifest.json` beside them once all
//! are there. A batch is taken when its file is durable under its name. What is there is the
//! operator's to upload; it goes with the audience.

use super::destination::{Batch, Destination, Failure, Parcel, Receipt, Target};
use super::fault;
use super::folder::{Folder, make_dir, sync_dir, write_synced};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// So many rows make a file: what Meta and Google take in one call.
const BATCH_ROWS_MAX: u64 = 10_000;

/// Files in the data folder.
pub struct Outbox {
    folder: Folder,
}

/// `manifest.json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Every batch, in order.
    pub batches: Vec<ManifestBatch>,
}

/// One file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestBatch {
    /// From 1; the file is called by it.
    pub seq: u64,
    /// The same at every attempt.
    pub batch_id: String,
    /// The first row of its range, over all files of the audience, from 1.
    pub first_row: u64,
    /// The last row of its range.
    pub last_row: u64,
    /// Rows of the range that are in it.
    pub rows: u64,
    /// SHA-256 of the file.
    pub sha256: String,
}

impl Outbox {
    /// The outbox of a data folder.
    pub fn new(folder: Folder) -> Outbox {
        Outbox { folder }
    }

    fn stream(&self, target: &Target) -> PathBuf {
        self.folder.outbox(&target.audience).join(target.stream.name())
    }
}

impl Destination for Outbox {
    fn batch_rows_max(&self) -> u64 {
        BATCH_ROWS_MAX
    }

    fn create(&self, _: &Target) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    fn open(&self, target: &Target) -> Result<String, Failure> {
        let stream = self.stream(target);
        make_dir(&stream)?;
        sync_dir(&self.folder.outbox(&target.audience))?;
        Ok(format!("{}-{}", target.stream, target.generation))
    }

    fn send(&self, target: &Target, parcel: &Parcel<'_>) -> Result<Receipt, Failure> {
        let stream = self.stream(target);
        fault::point("outbox.link")?;
        match std::fs::hard_link(parcel.file, stream.join(parcel.batch.file_name())) {
            // It was taken before.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
        fault::point("outbox.sync")?;
        sync_dir(&stream)?;
        Ok(Receipt::default())
    }

    fn close(&self, target: &Target, _: &str, taken: &[Batch]) -> Result<(), Failure> {
        let batches = taken.iter().map(|batch| ManifestBatch {
            seq: batch.seq,
            batch_id: batch.batch_id.clone(),
            first_row: batch.first_row,
            last_row: batch.last_row,
            rows: batch.rows,
            sha256: batch.sha256.clone(),
        });
        let manifest = Manifest { batches: batches.collect() };
        let stream = self.stream(target);
        make_dir(&stream)?;
        let text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from)?;
        let beside = stream.join(".manifest.part");
        write_synced(&beside, &text, ["manifest.write", "manifest.sync"])?;
        fault::point("manifest.rename")?;
        std::fs::rename(&beside, stream.join("manifest.json"))?;
        sync_dir(&stream)?;
        Ok(())
    }

    fn delete(&self, _: &Target) -> Result<(), Failure> {
        // The audience's folder is gone by now.
        Ok(())
    }
}
