//! The store in an SQLite database in the data folder.
//!
//! In: the calls of [`Store`]. Out: transactions: WAL with `synchronous=FULL`, so that what was
//! answered survives a power loss; one connection writes, others read beside it. All SQL of the
//! project is in this file's folder.

mod accounts;
mod audiences;
mod deletions;
mod deliveries;
mod files;
mod imports;
mod row;

use super::*;
use crate::audience::fault;
use crate::audience::folder::{Existing, create};
use rusqlite::{Connection as Db, ErrorCode, OptionalExtension, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What the tables in `schema.sql` are called.
const SCHEMA_VERSION: i64 = 1;

/// How long another process's transaction is waited for.
const BUSY: Duration = Duration::from_secs(10);

/// Reading connections: more would only wait for the processor, and each holds files open.
const READERS_MAX: usize = 8;

/// An SQLite database.
pub struct Sqlite {
    path: PathBuf,
    writer: Mutex<Db>,
    readers: Mutex<Readers>,
    returned: Condvar,
    /// True once a write did not reach the disk: what is there is only known after a new start.
    is_broken: AtomicBool,
}

/// Connections that read.
#[derive(Default)]
struct Readers {
    idle: Vec<Db>,
    open: usize,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        // SQLite's shared memory grows with ftruncate, which reports a full disk its own way.
        const SHM_SIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => StoreError::Full,
                ErrorCode::SystemIoFailure if failure.extended_code == SHM_SIZE => StoreError::Full,
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
                _ => StoreError::Broken(error.to_string()),
            },
            _ => StoreError::Broken(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Broken(error.to_string())
    }
}

impl Sqlite {
    /// Opens a database, making it if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or a later version of this program made it.
    pub fn open(path: &Path) -> Stored<Sqlite> {
        let broken = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::StorageFull => StoreError::Full,
            _ => StoreError::Broken(error.to_string()),
        };
        // The files beside it get the mode of this one.
        create(path, Existing::Keep).map_err(broken)?;
        let mut writer = connect(path)?;
        writer.pragma_update(None, "journal_mode", "WAL")?;
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => {
                tx.execute_batch(include_str!("sqlite/schema.sql"))?;
                tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            SCHEMA_VERSION => {}
            _ => {
                let text = "the data folder was made by another version of this program";
                return Err(StoreError::Broken(text.to_owned()));
            }
        }
        tx.commit()?;
        let readers = Mutex::default();
        let returned = Condvar::new();
        let is_broken = AtomicBool::new(false);
        let (path, writer) = (path.to_owned(), Mutex::new(writer));
        Ok(Sqlite { path, writer, readers, returned, is_broken })
    }

    /// One transaction that may write.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Stored<T>) -> Stored<T> {
        let mut writer = locked(&self.writer);
        if self.is_broken() {
            return Err(StoreError::Broken("a write did not reach the disk; start again".into()));
        }
        let tx = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&tx)?;
        if fault::point("store.commit").is_err() {
            self.is_broken.store(true, Ordering::Relaxed);
            return Err(StoreError::Broken("injected".into()));
        }
        tx.commit().inspect_err(|error| self.note(error))?;
        Ok(done)
    }

    /// A sync that failed is never tried again: the system may have forgotten what it was for.
    fn note(&self, error: &rusqlite::Error) {
        use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};
        let code = error.sqlite_error().map(|error| error.extended_code);
        if matches!(code, Some(SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC)) {
            self.is_broken.store(true, Ordering::Relaxed);
        }
    }

    /// One transaction that only reads.
    fn read<T>(&self, work: impl FnOnce(&Db) -> Stored<T>) -> Stored<T> {
        let mut lease = self.reader()?;
        let Some(reader) = &mut lease.reader else { return Err(StoreError::Busy) };
        let tx = reader.transaction()?;
        work(&tx)
    }

    /// A connection that nobody else has; one is waited for where there are enough.
    fn reader(&self) -> Stored<Lease<'_>> {
        let mut readers = locked(&self.readers);
        while readers.idle.is_empty() && readers.open >= READERS_MAX {
            readers = self.returned.wait(readers).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(reader) = readers.idle.pop() {
            return Ok(Lease { store: self, reader: Some(reader) });
        }
        readers.open += 1;
        drop(readers);
        let mut lease = Lease { store: self, reader: None };
        lease.reader = Some(connect(&self.path)?);
        Ok(lease)
    }
}

/// A reading connection, given back at the end, whatever happens.
struct Lease<'a> {
    store: &'a Sqlite,
    reader: Option<Db>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut readers = locked(&self.store.readers);
        match self.reader.take() {
            Some(reader) => readers.idle.push(reader),
            None => readers.open -= 1,
        }
        self.store.returned.notify_one();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A transaction that panicked was rolled back.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path) -> Stored<Db> {
    let db = Db::open(path)?;
    db.busy_timeout(BUSY)?;
    db.set_prepared_statement_cache_capacity(64);
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(db)
}

impl Store for Sqlite {
    fn start(&self) -> Stored<()> {
        self.write(accounts::forget_running)
    }
    fn secret(&self, name: &str, fresh: [u8; 32]) -> Stored<[u8; 32]> {
        self.write(|tx| accounts::secret(tx, name, fresh))
    }
    fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }
    fn is_well(&self) -> bool {
        !self.is_broken()
            && self
                .read(|db| Ok(db.query_row("SELECT count(*) FROM setting", [], |_| Ok(()))?))
                .is_ok()
    }

    fn add_account(&self, account: &Account, key: &ApiKey) -> Stored<()> {
        self.write(|tx| {
            accounts::add(tx, account)?;
            accounts::add_key(tx, key)
        })
    }
    fn set_account(&self, account: &Account) -> Stored<bool> {
        self.write(|tx| accounts::set(tx, account))
    }
    fn account(&self, id: &AccountId) -> Stored<Option<Account>> {
        self.read(|db| accounts::one(db, id))
    }
    fn accounts(&self) -> Stored<Vec<(Account, Vec<ApiKey>)>> {
        self.read(accounts::all)
    }
    fn add_key(&self, key: &ApiKey) -> Stored<bool> {
        self.write(|tx| match accounts::one(tx, &key.account)? {
            Some(_) => accounts::add_key(tx, key).map(|()| true),
            None => Ok(false),
        })
    }
    fn revoke_key(&self, id: &KeyId) -> Stored<bool> {
        self.write(|tx| accounts::revoke_key(tx, id))
    }
    fn key(&self, id: &KeyId) -> Stored<Option<ApiKey>> {
        self.read(|db| accounts::key(db, id))
    }

    fn begin_replay(&self, key: &ReplayKey, request: [u8; 32], now: Millis) -> Stored<Begun> {
        self.write(|tx| accounts::begin_replay(tx, key, request, now))
    }
    fn keep_replay(&self, keep: &Keep) -> Stored<()> {
        self.write(|tx| accounts::keep_replay(tx, Some(keep)))
    }
    fn drop_replay(&self, key: &ReplayKey) -> Stored<()> {
        self.write(|tx| accounts::drop_replay(tx, key))
    }

    fn add_file(&self, file: &UploadedFile, keep: Option<&Keep>) -> Stored<()> {
        self.write(|tx| {
            files::add(tx, file)?;
            accounts::keep_replay(tx, keep)
        })
    }
    fn file(&self, id: &FileId) -> Stored<Option<UploadedFile>> {
        self.read(|db| files::one(db, id))
    }
    fn files(
        &self,
        account: &AccountId,
        ids: &[FileId],
        after: Option<i64>,
        first: usize,
    ) -> Stored<Listed<UploadedFile>> {
        self.read(|db| files::list(db, account, ids, after, first))
    }
    fn account_bytes(&self, account: &AccountId) -> Stored<u64> {
        self.read(|db| files::account_bytes(db, account))
    }
    fn parts(&self, id: &FileId) -> Stored<Vec<UploadPart>> {
        self.read(|db| files::parts(db, id))
    }
    fn put_part(&self, id: &FileId, part: &UploadPart) -> Stored<Option<Vec<UploadPart>>> {
        self.write(|tx| files::put_part(tx, id, part))
    }
    fn finish_file(
        &self,
        id: &FileId,
        parts: &[UploadPart],
        keep: Option<&Keep>,
    ) -> Stored<Finished> {
        self.write(|tx| {
            let finished = files::finish(tx, id, parts)?;
            if finished == Finished::Done {
                accounts::keep_replay(tx, keep)?;
            }
            Ok(finished)
        })
    }
    fn part_names(&self) -> Stored<Vec<String>> {
        self.read(files::part_names)
    }
    fn expired_files(&self, unused: Millis, used: Millis, now: Millis) -> Stored<Vec<FileId>> {
        self.read(|db| files::expired(db, unused, used, now))
    }
    fn file_gone(&self, id: &FileId) -> Stored<bool> {
        self.write(|tx| files::gone(tx, id))
    }
    fn parts_gone(&self, id: &FileId) -> Stored<()> {
        self.write(|tx| files::parts_gone(tx, id))
    }

    fn create(
        &self,
        audience: &Audience,
        import: &Import,
        keep: Option<&Keep>,
    ) -> Stored<Accepted> {
        self.write(|tx| audiences::create(tx, audience, import, keep))
    }
    fn reopen(
        &self,
        audience: &Audience,
        import: &Import,
        keep: Option<&Keep>,
    ) -> Stored<Accepted> {
        self.write(|tx| audiences::reopen(tx, audience, import, keep))
    }
    fn continue_import(&self, id: &AudienceId, import: &mut Import) -> Stored<()> {
        self.read(|db| imports::continue_import(db, id, import))
    }
    fn list(&self, page: &Page) -> Stored<Listed<Audience>> {
        self.read(|db| audiences::list(db, page))
    }
    fn audience(&self, account: &AccountId, id: &AudienceId) -> Stored<Option<Audience>> {
        self.read(|db| audiences::one(db, account, id))
    }
    fn ledger(&self, id: &AudienceId) -> Stored<Ledger> {
        self.read(|db| imports::ledger(db, id))
    }
    fn rename(
        &self,
        account: &AccountId,
        id: &AudienceId,
        name: &str,
        now: Millis,
    ) -> Stored<bool> {
        self.write(|tx| audiences::rename(tx, account, id, name, now))
    }
    fn delete(&self, account: &AccountId, id: &AudienceId, now: Millis) -> Stored<bool> {
        self.write(|tx| deletions::delete(tx, account, id, now))
    }

    fn unfinished(&self) -> Stored<Vec<Unfinished>> {
        self.read(imports::unfinished)
    }
    fn claim(&self, id: &AudienceId) -> Stored<Option<Claim>> {
        self.write(|tx| imports::claim(tx, id))
    }
    fn save(&self, claim: &Claim, staged: &[BatchRecord]) -> Stored<()> {
        self.write(|tx| imports::save(tx, claim, staged))
    }
    fn put_off(&self, claim: &Claim, due: Millis) -> Stored<()> {
        self.write(|tx| imports::put_off(tx, claim, due))
    }
    fn streams(&self, claim: &Claim) -> Stored<Vec<(Stream, Connection)>> {
        self.read(|db| deliveries::streams(db, &claim.audience.id))
    }
    fn connect(&self, claim: &Claim, stream: &Stream, connection: &Connection) -> Stored<()> {
        self.write(|tx| deliveries::connect(tx, claim, stream, connection))
    }
    fn next_batch(&self, claim: &Claim, stream: &Stream) -> Stored<Option<BatchRecord>> {
        self.read(|db| deliveries::next(db, &claim.audience.id, stream))
    }
    fn siblings(&self, claim: &Claim, first_row: u64) -> Stored<Vec<BatchRecord>> {
        self.read(|db| deliveries::siblings(db, &claim.audience.id, first_row))
    }
    fn settle(&self, claim: &Claim, record: &BatchRecord, matched: Option<u64>) -> Stored<u64> {
        self.write(|tx| deliveries::settle(tx, claim, record, matched))
    }
    fn give_up(&self, claim: &Claim, stream: &Stream) -> Stored<()> {
        self.write(|tx| deliveries::give_up(tx, claim, stream))
    }
    fn taken(&self, claim: &Claim, stream: &Stream) -> Stored<Vec<Batch>> {
        self.read(|db| deliveries::taken(db, &claim.audience.id, stream))
    }
    fn batch_counts(&self, claim: &Claim) -> Stored<BatchCounts> {
        let generation = Some(claim.audience.generation);
        self.read(|db| deliveries::counts(db, &claim.audience.id, generation))
    }
    fn all_batch_counts(&self, id: &AudienceId) -> Stored<BatchCounts> {
        self.read(|db| deliveries::counts(db, id, None))
    }
    fn matched(&self, id: &AudienceId) -> Stored<u64> {
        self.read(|db| deliveries::matched(db, id))
    }
    fn finish(&self, claim: &Claim) -> Stored<()> {
        self.write(|tx| imports::finish(tx, claim))
    }

    fn deletion(&self, id: &AudienceId) -> Stored<Option<Deletion>> {
        self.read(|db| deletions::one(db, id))
    }
    fn deleted_at(&self, id: &AudienceId, stream: &Stream) -> Stored<()> {
        self.write(|tx| deletions::deleted_at(tx, id, stream))
    }
    fn put_off_deletion(&self, id: &AudienceId, attempts: u32, due: Millis) -> Stored<()> {
        self.write(|tx| deletions::put_off(tx, id, attempts, due))
    }
    fn end_deletion(&self, id: &AudienceId, now: Millis) -> Stored<()> {
        self.write(|tx| deletions::end(tx, id, now))?;
        // Pages of before are not to stay in the log; where somebody reads, the next one does it.
        let writer = locked(&self.writer);
        writer.busy_timeout(Duration::from_millis(20))?;
        let mut checkpoint = writer.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
        let done = checkpoint.query_row([], |_| Ok(())).optional();
        writer.busy_timeout(BUSY)?;
        done?;
        Ok(())
    }
    fn expired_rejects(&self, before: Millis) -> Stored<Vec<AudienceId>> {
        self.read(|db| deletions::expired_rejects(db, before))
    }
    fn rejects_gone(&self, id: &AudienceId) -> Stored<()> {
        self.write(|tx| deletions::rejects_gone(tx, id))
    }
    fn expire_replays(&self, before: Millis) -> Stored<u64> {
        self.write(|tx| accounts::expire_replays(tx, before))
    }
}
