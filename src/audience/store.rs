//! What must survive: accounts, keys, files, audiences, imports, batches, replays.
//!
//! In: values of this layer. Out: [`Store`], whose every call is one transaction that is durable
//! when it returns. Nothing in here speaks SQL: `sqlite.rs` does. No cell content and no hash of
//! one is ever stored. A call may block; none is made from an async context.

pub mod sqlite;
mod values;

pub use values::*;

use super::destination::{Batch, Stream};
use super::id::{AccountId, AudienceId, FileId, KeyId};
use super::ledger::Ledger;
use std::fmt;

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk is full. Nothing was changed.
    Full,
    /// Another process holds the store for too long. Nothing was changed.
    Busy,
    /// The import was taken over, or its audience is deleted. Nothing was changed.
    Stale,
    /// Anything else; what was asked for may not have happened.
    Broken(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full => f.write_str("the disk is full"),
            StoreError::Busy => f.write_str("the store is busy"),
            StoreError::Stale => f.write_str("the import belongs to somebody else"),
            StoreError::Broken(text) => write!(f, "the store failed: {text}"),
        }
    }
}

impl std::error::Error for StoreError {}

/// What calls return.
pub type Stored<T> = Result<T, StoreError>;

/// The store. See the module.
pub trait Store: Send + Sync {
    /// Says that a new process has the folder: requests that ran when the last one ended are open
    /// again, since what they did is durable only together with their answer.
    fn start(&self) -> Stored<()>;
    /// A secret of the folder's own, made on first use.
    fn secret(&self, name: &str, fresh: [u8; 32]) -> Stored<[u8; 32]>;
    /// True once nothing can be written any more before the process was started again.
    fn is_broken(&self) -> bool;
    /// True if the store answers.
    fn is_well(&self) -> bool;

    /// Adds an account and its first key.
    fn add_account(&self, account: &Account, key: &ApiKey) -> Stored<()>;
    /// Changes an account's settings; false if there is none such.
    fn set_account(&self, account: &Account) -> Stored<bool>;
    /// An account.
    fn account(&self, id: &AccountId) -> Stored<Option<Account>>;
    /// All accounts with their keys.
    fn accounts(&self) -> Stored<Vec<(Account, Vec<ApiKey>)>>;
    /// Adds a key; false if there is no such account.
    fn add_key(&self, key: &ApiKey) -> Stored<bool>;
    /// Removes a key; false if there is none such.
    fn revoke_key(&self, id: &KeyId) -> Stored<bool>;
    /// A key.
    fn key(&self, id: &KeyId) -> Stored<Option<ApiKey>>;

    /// Notes that a request with an idempotency key begins, or says what is known of the key. The
    /// caller sees to it that only one of a key is at work.
    fn begin_replay(&self, key: &ReplayKey, request: [u8; 32], now: Millis) -> Stored<Begun>;
    /// Keeps an answer for a request that began.
    fn keep_replay(&self, keep: &Keep) -> Stored<()>;
    /// Forgets a request that began and came to nothing.
    fn drop_replay(&self, key: &ReplayKey) -> Stored<()>;

    /// Adds a file.
    fn add_file(&self, file: &UploadedFile, keep: Option<&Keep>) -> Stored<()>;
    /// A file, whosesoever.
    fn file(&self, id: &FileId) -> Stored<Option<UploadedFile>>;
    /// Files of an account, newest first.
    fn files(
        &self,
        account: &AccountId,
        ids: &[FileId],
        after: Option<i64>,
        first: usize,
    ) -> Stored<Listed<UploadedFile>>;
    /// Bytes of an account's files that are on disk.
    fn account_bytes(&self, account: &AccountId) -> Stored<u64>;
    /// The parts of a file that are there.
    fn parts(&self, id: &FileId) -> Stored<Vec<UploadPart>>;
    /// Notes a part that is durable. What was there in its place; `None` if the file is no longer
    /// pending.
    fn put_part(&self, id: &FileId, part: &UploadPart) -> Stored<Option<Vec<UploadPart>>>;
    /// The file is ready, and consists of these parts.
    fn finish_file(
        &self,
        id: &FileId,
        parts: &[UploadPart],
        keep: Option<&Keep>,
    ) -> Stored<Finished>;
    /// Every part that is on record: `FILE.NUMBER.TOKEN`.
    fn part_names(&self) -> Stored<Vec<String>>;
    /// Files whose bytes are to go: those whose removal was begun, unused ones made before
    /// `unused`, used ones whose last import ended before `used`.
    fn expired_files(&self, unused: Millis, used: Millis, now: Millis) -> Stored<Vec<FileId>>;
    /// The file's bytes are about to be removed; false if an import needs them after all.
    fn file_gone(&self, id: &FileId) -> Stored<bool>;
    /// They were removed.
    fn parts_gone(&self, id: &FileId) -> Stored<()>;

    /// Adds an audience with its first import.
    fn create(&self, audience: &Audience, import: &Import, keep: Option<&Keep>)
    -> Stored<Accepted>;
    /// Adds an import to an audience whose last one is over; `audience` is how it then stands.
    fn reopen(&self, audience: &Audience, import: &Import, keep: Option<&Keep>)
    -> Stored<Accepted>;
    /// Takes over what the next import of an audience goes on with: counts, examples, numbers.
    fn continue_import(&self, id: &AudienceId, import: &mut Import) -> Stored<()>;
    /// An account's audiences.
    fn list(&self, page: &Page) -> Stored<Listed<Audience>>;
    /// One of an account's audiences.
    fn audience(&self, account: &AccountId, id: &AudienceId) -> Stored<Option<Audience>>;
    /// The counts and examples of an audience.
    fn ledger(&self, id: &AudienceId) -> Stored<Ledger>;
    /// Renames one; false if there is none such.
    fn rename(&self, account: &AccountId, id: &AudienceId, name: &str, now: Millis)
    -> Stored<bool>;
    /// Deletes one: from here on nobody sees it, and its import ends. False if there is none such.
    fn delete(&self, account: &AccountId, id: &AudienceId, now: Millis) -> Stored<bool>;

    /// Everything that is not over.
    fn unfinished(&self) -> Stored<Vec<Unfinished>>;
    /// Takes an import; `None` if there is nothing to do.
    fn claim(&self, id: &AudienceId) -> Stored<Option<Claim>>;
    /// Saves how an import stands, with batches that were staged since.
    fn save(&self, claim: &Claim, staged: &[BatchRecord]) -> Stored<()>;
    /// Saves when an import is to go on.
    fn put_off(&self, claim: &Claim, due: Millis) -> Stored<()>;
    /// The streams of the current import that have batches, or had in an earlier one.
    fn streams(&self, claim: &Claim) -> Stored<Vec<(Stream, Connection)>>;
    /// Saves what is known of a stream.
    fn connect(&self, claim: &Claim, stream: &Stream, connection: &Connection) -> Stored<()>;
    /// The next batch of a stream that is not over.
    fn next_batch(&self, claim: &Claim, stream: &Stream) -> Stored<Option<BatchRecord>>;
    /// The batches of all streams that hold rows of this range.
    fn siblings(&self, claim: &Claim, first_row: u64) -> Stored<Vec<BatchRecord>>;
    /// Saves what became of a batch, and with `matched` of how many rows of its range the
    /// destination has by now. The audience's matched rows follow; they are returned.
    fn settle(&self, claim: &Claim, record: &BatchRecord, matched: Option<u64>) -> Stored<u64>;
    /// Gives up what is left of a stream.
    fn give_up(&self, claim: &Claim, stream: &Stream) -> Stored<()>;
    /// The batches of a stream that were taken, of all generations.
    fn taken(&self, claim: &Claim, stream: &Stream) -> Stored<Vec<Batch>>;
    /// Counts the batches of the current import.
    fn batch_counts(&self, claim: &Claim) -> Stored<BatchCounts>;
    /// Counts the batches of all imports of an audience.
    fn all_batch_counts(&self, id: &AudienceId) -> Stored<BatchCounts>;
    /// Matched rows by the sum of what became of each range.
    fn matched(&self, id: &AudienceId) -> Stored<u64>;
    /// Saves the end of an import.
    fn finish(&self, claim: &Claim) -> Stored<()>;

    /// What there is to delete of a deleted audience; `None` if it is done.
    fn deletion(&self, id: &AudienceId) -> Stored<Option<Deletion>>;
    /// Saves that a stream of a deleted audience is gone at the platform.
    fn deleted_at(&self, id: &AudienceId, stream: &Stream) -> Stored<()>;
    /// Saves an attempt that failed, and when the next one is due.
    fn put_off_deletion(&self, id: &AudienceId, attempts: u32, due: Millis) -> Stored<()>;
    /// The deletion is done: what is left is a tombstone of id, times and counts.
    fn end_deletion(&self, id: &AudienceId, now: Millis) -> Stored<()>;
    /// Audiences whose rejects are older than that.
    fn expired_rejects(&self, before: Millis) -> Stored<Vec<AudienceId>>;
    /// The rejects of an audience are gone.
    fn rejects_gone(&self, id: &AudienceId) -> Stored<()>;
    /// Forgets answers that are older than that.
    fn expire_replays(&self, before: Millis) -> Stored<u64>;
}
