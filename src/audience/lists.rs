//! Audiences: accepted, extended, listed, renamed, deleted.
//!
//! In: what a merchant asks for. Out: audiences as they stand. What is accepted is on record with
//! its answer, and then goes to the workers.

use super::import::{self, Lane, new_import};
use super::mapping::Mapping;
use super::store::{Accepted, Audience, Import, Keep, Listed, Millis, Page, StoreError, Stored};
use super::workers::Job;
use super::{
    AccountId, AudienceId, Audiences, Error, FileId, Ledger, Refusal, Status, fault, lane_of,
};
use std::fs::File;
use std::time::Duration;

/// An audience that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAudience {
    /// As people call it.
    pub name: String,
    /// Which column holds what.
    pub mapping: Mapping,
    /// The list.
    pub file: FileId,
}

impl Audiences {
    /// An audience as it will be accepted by [`Audiences::create`].
    ///
    /// # Errors
    ///
    /// If there is no such account, or no randomness.
    pub fn new_audience(
        &self,
        account: &AccountId,
        new: NewAudience,
    ) -> Result<(Audience, Import), Error> {
        let now = self.now();
        let audience = Audience {
            id: AudienceId::random()?,
            account: account.clone(),
            name: new.name,
            mapping: new.mapping,
            status: Status::Pending,
            total_rows: 0,
            processed_rows: 0,
            matched_rows: 0,
            progress_percent: 0,
            error_message: None,
            platform_audience_ids: Vec::new(),
            created: now,
            updated: now,
            refreshed: None,
            generation: 1,
        };
        Ok((audience, self.import(account, new.file, now)?))
    }

    fn import(&self, account: &AccountId, file: FileId, now: Millis) -> Result<Import, Error> {
        let settings = &self.0.settings;
        let account = self.0.store.account(account)?.ok_or(Refusal::NotFound)?;
        let country = account.country.or_else(|| settings.country.clone());
        let platforms = account.platforms.unwrap_or_else(|| settings.platforms.clone());
        Ok(new_import(file, country, platforms, now))
    }

    /// Accepts an audience: from here on it will be finished.
    ///
    /// # Errors
    ///
    /// [`Refusal`]s if the file cannot be used; otherwise if the store fails.
    pub fn create(
        &self,
        audience: &Audience,
        import: &Import,
        keep: Option<&Keep>,
    ) -> Result<(), Error> {
        let store = &self.0.store;
        self.accept(audience, &import.file, || store.create(audience, import, keep))
    }

    /// An audience and an import as they will be accepted by [`Audiences::add_people`].
    ///
    /// # Errors
    ///
    /// [`Refusal`]s: no such audience, or its import is not over; otherwise if the store fails.
    pub fn more_people(
        &self,
        account: &AccountId,
        id: &AudienceId,
        file: FileId,
    ) -> Result<(Audience, Import), Error> {
        let mut audience = self.0.store.audience(account, id)?.ok_or(Refusal::NotFound)?;
        if !audience.status.is_final() {
            return Err(Refusal::NotFinal.into());
        }
        let now = self.now();
        import::reopen(&mut audience, now);
        let mut import = self.import(account, file, now)?;
        self.0.store.continue_import(id, &mut import)?;
        import.rows_before = audience.total_rows;
        Ok((audience, import))
    }

    /// Accepts more people for an audience.
    ///
    /// # Errors
    ///
    /// As [`Audiences::create`].
    pub fn add_people(
        &self,
        audience: &Audience,
        import: &Import,
        keep: Option<&Keep>,
    ) -> Result<(), Error> {
        let store = &self.0.store;
        self.accept(audience, &import.file, || store.reopen(audience, import, keep))
    }

    /// Puts an import on record and starts it.
    fn accept(
        &self,
        audience: &Audience,
        file: &FileId,
        record: impl FnOnce() -> Stored<Accepted>,
    ) -> Result<(), Error> {
        let bytes = self.0.store.file(file)?.and_then(|file| file.bytes).unwrap_or(0);
        fault::point("create.commit")?;
        let accepted = record();
        // After an error nobody knows whether it is on record; whoever looks for it finds out.
        if !matches!(accepted, Ok(refused) if refused != Accepted::Done) {
            self.push(lane_of(bytes), &audience.account, &audience.id);
        }
        fault::point("create.committed")?;
        refuse(accepted?)
    }

    fn push(&self, lane: Lane, account: &AccountId, audience: &AudienceId) {
        let job = Job { audience: audience.clone(), account: account.clone(), failures: 0 };
        self.0.workers.push(lane, job, Duration::ZERO);
    }

    /// An account's audiences, newest first.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn list(&self, page: &Page) -> Result<Listed<Audience>, Error> {
        Ok(self.0.store.list(page)?)
    }

    /// An account's audience.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn audience(
        &self,
        account: &AccountId,
        id: &AudienceId,
    ) -> Result<Option<Audience>, Error> {
        Ok(self.0.store.audience(account, id)?)
    }

    /// Renames an audience.
    ///
    /// # Errors
    ///
    /// If there is none such, or the store fails.
    pub fn rename(&self, account: &AccountId, id: &AudienceId, name: &str) -> Result<(), Error> {
        match self.0.store.rename(account, id, name, self.now())? {
            true => Ok(()),
            false => Err(Refusal::NotFound.into()),
        }
    }

    /// Deletes an audience: it is gone from here on, and its data within a second.
    ///
    /// # Errors
    ///
    /// If there is none such, or the store fails.
    pub fn delete(&self, account: &AccountId, id: &AudienceId) -> Result<(), Error> {
        fault::point("delete.commit")?;
        let mut deleted = self.0.store.delete(account, id, self.now());
        // What frees room must not fail for want of it.
        if matches!(deleted, Err(StoreError::Full)) && self.0.folder.use_reserve() {
            deleted = self.0.store.delete(account, id, self.now());
        }
        // After an error nobody knows whether it is on record; whoever looks for it finds out.
        if !matches!(deleted, Ok(false)) {
            self.0.workers.cancel(id);
            self.push(Lane::Delete, account, id);
        }
        fault::point("delete.committed")?;
        if deleted? { Ok(()) } else { Err(Refusal::NotFound.into()) }
    }

    /// What became of an audience's rows so far.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn ledger(&self, id: &AudienceId) -> Result<Ledger, Error> {
        Ok(self.0.store.ledger(id)?)
    }

    /// The rejects file of an audience; `None` if nothing was rejected so far, or it is gone.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn rejects(&self, id: &AudienceId) -> Result<Option<File>, Error> {
        match File::open(self.0.folder.rejects(id)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn refuse(accepted: Accepted) -> Result<(), Error> {
    let refusal = match accepted {
        Accepted::Done => return Ok(()),
        Accepted::NoFile => Refusal::NoFile,
        Accepted::FileNotReady => Refusal::FileNotReady,
        Accepted::FileGone => Refusal::FileGone,
        Accepted::NoAudience => Refusal::NotFound,
        Accepted::NotFinal => Refusal::NotFinal,
    };
    Err(refusal.into())
}
