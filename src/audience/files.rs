//! Files: made, received in one piece or in parts, put together.
//!
//! In: what an uploader announces, bytes as they come. Out: files that are ready: durable before
//! anybody is told so.

use super::store::{Finished, Keep, Listed, UploadPart, UploadStatus, UploadedFile};
use super::upload::Incoming;
use super::{AccountId, Audiences, Error, FileId, Refusal, fault, folder, id};
use std::sync::{MutexGuard, PoisonError};

/// A file that is to be uploaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewFile {
    /// As the uploader calls it.
    pub filename: String,
    /// Echoed only: nothing is ever published.
    pub visibility: String,
    /// Announced by the uploader.
    pub bytes: Option<u64>,
    /// How many parts it comes in; `None` in one piece.
    pub parts: Option<u32>,
}

impl NewFile {
    /// A file of this name, in one piece.
    pub fn named(filename: &str) -> NewFile {
        NewFile {
            filename: filename.to_owned(),
            visibility: "private".to_owned(),
            ..NewFile::default()
        }
    }
}

/// What becomes of bytes that come for a file.
pub enum Upload {
    /// They are taken.
    Open(Incoming),
    /// The file is there already: they are only compared with it.
    Ready(Incoming),
}

impl Audiences {
    /// A file as it will be added by [`Audiences::add_file`].
    ///
    /// # Errors
    ///
    /// If there is no randomness.
    pub fn new_file(&self, account: &AccountId, new: NewFile) -> Result<UploadedFile, Error> {
        let multipart = match new.parts {
            None => None,
            Some(parts) => Some((format!("mpu_{}", id::random_text(22)?), parts)),
        };
        Ok(UploadedFile {
            id: FileId::random()?,
            account: account.clone(),
            filename: new.filename,
            visibility: new.visibility,
            announced_bytes: new.bytes,
            multipart,
            status: UploadStatus::Pending,
            bytes: None,
            created: self.now(),
        })
    }

    /// Adds a file whose bytes are to come.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn add_file(&self, file: &UploadedFile, keep: Option<&Keep>) -> Result<(), Error> {
        Ok(self.0.store.add_file(file, keep)?)
    }

    /// An account's file.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn file(&self, account: &AccountId, id: &FileId) -> Result<Option<UploadedFile>, Error> {
        Ok(self.0.store.file(id)?.filter(|file| file.account == *account))
    }

    /// An account's files, newest first; with `ids` only those.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn files(
        &self,
        account: &AccountId,
        ids: &[FileId],
        after: Option<i64>,
        first: usize,
    ) -> Result<Listed<UploadedFile>, Error> {
        Ok(self.0.store.files(account, ids, after, first)?)
    }

    /// Starts to receive a part of a file: part 1 of one that comes in one piece.
    ///
    /// # Errors
    ///
    /// [`Refusal`]s: no such file, its bytes are gone, the account's space is used up; or if the
    /// disk or the store fails.
    pub fn receive(&self, id: &FileId, part: u32) -> Result<Upload, Error> {
        let file = self.0.store.file(id)?.ok_or(Refusal::NotFound)?;
        let last = file.multipart.as_ref().map_or(1, |(_, parts)| *parts);
        if !(1..=last).contains(&part) {
            return Err(Refusal::NotFound.into());
        }
        match file.status {
            UploadStatus::Gone => Err(Refusal::FileGone.into()),
            UploadStatus::Ready => Ok(Upload::Ready(Incoming::compare(&self.0.folder, part))),
            UploadStatus::Pending => Ok(Upload::Open(Incoming::start(&self.0.folder, id, part)?)),
        }
    }

    /// How many more bytes an account may upload now.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn bytes_left(&self, id: &FileId) -> Result<u64, Error> {
        match self.0.settings.account_bytes_max {
            0 => Ok(u64::MAX),
            most => {
                let file = self.0.store.file(id)?.ok_or(Refusal::NotFound)?;
                Ok(most.saturating_sub(self.0.store.account_bytes(&file.account)?))
            }
        }
    }

    /// Sees to it that what came fits the account's space, whatever else came meanwhile. Held until
    /// it is on record.
    fn space(&self, id: &FileId, bytes: u64) -> Result<Option<MutexGuard<'_, ()>>, Error> {
        if self.0.settings.account_bytes_max == 0 {
            return Ok(None);
        }
        let guard = self.0.space.lock().unwrap_or_else(PoisonError::into_inner);
        match bytes <= self.bytes_left(id)? {
            true => Ok(Some(guard)),
            false => Err(Refusal::NoSpace.into()),
        }
    }

    /// The bytes of a file in one piece are all there: it is ready. The part, with its tag.
    ///
    /// # Errors
    ///
    /// [`Refusal::FileDiffers`] if the file was ready with other bytes; otherwise if the disk or
    /// the store fails.
    pub fn received_whole(&self, id: &FileId, mut incoming: Incoming) -> Result<UploadPart, Error> {
        let part = incoming.seal()?;
        let _space = self.space(id, part.bytes)?;
        fault::point("upload.commit")?;
        let finished = self.0.store.finish_file(id, std::slice::from_ref(&part), None);
        // After an error nobody knows whether it is on record. What is not goes at the next start.
        if !matches!(finished, Ok(Finished::Already(_) | Finished::Gone)) {
            incoming.keep();
        }
        fault::point("upload.committed")?;
        match finished? {
            Finished::Done => Ok(part),
            Finished::Already(etag) if etag == part.etag => Ok(part),
            Finished::Already(_) => Err(Refusal::FileDiffers.into()),
            Finished::Gone => Err(Refusal::FileGone.into()),
        }
    }

    /// A part of a file in parts is there.
    ///
    /// # Errors
    ///
    /// If the file is ready already, or the disk or the store fails.
    pub fn received_part(&self, id: &FileId, mut incoming: Incoming) -> Result<UploadPart, Error> {
        let part = incoming.seal()?;
        let _space = self.space(id, part.bytes)?;
        fault::point("upload.commit")?;
        let put = self.0.store.put_part(id, &part);
        if !matches!(put, Ok(None)) {
            incoming.keep();
        }
        fault::point("upload.committed")?;
        for old in put?.ok_or(Refusal::FileDiffers)? {
            let path = self.0.folder.part(id, old.number, &old.token);
            folder::missing_is_fine(std::fs::remove_file(path))?;
        }
        Ok(part)
    }

    /// Puts a file together of its parts, in this order.
    ///
    /// # Errors
    ///
    /// [`Refusal::Parts`] if some part is not there under that tag; otherwise as
    /// [`Audiences::received_whole`].
    pub fn complete(
        &self,
        file: &UploadedFile,
        wanted: &[(u32, String)],
        keep: impl FnOnce(&UploadedFile) -> Option<Keep>,
    ) -> Result<UploadedFile, Error> {
        let there = self.0.store.parts(&file.id)?;
        let find = |(number, etag): &(u32, String)| {
            there.iter().find(|part| part.number == *number && part.etag == *etag).cloned()
        };
        let is_ascending = wanted.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let parts: Option<Vec<UploadPart>> = wanted.iter().map(find).collect();
        let Some(parts) = parts.filter(|parts| is_ascending && !parts.is_empty()) else {
            return Err(Refusal::Parts.into());
        };
        let mut done = file.clone();
        done.status = UploadStatus::Ready;
        done.bytes = Some(parts.iter().map(|part| part.bytes).sum());
        match self.0.store.finish_file(&file.id, &parts, keep(&done).as_ref())? {
            Finished::Gone => return Err(Refusal::FileGone.into()),
            Finished::Already(_) | Finished::Done => {}
        }
        for left in there.iter().filter(|part| !parts.contains(part)) {
            let path = self.0.folder.part(&file.id, left.number, &left.token);
            folder::missing_is_fine(std::fs::remove_file(path))?;
        }
        Ok(done)
    }
}
