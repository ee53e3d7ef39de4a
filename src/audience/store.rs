//! What must survive: accounts, keys, files, audiences, imports, batches, replays.
//!
//! In: values of this layer. Out: [`Store`], whose every call is one transaction that is durable
//! when it returns. Nothing in here speaks SQL: `sqlite.rs` does. No cell content and no hash of
//! one is ever stored. A call may block; none is made from an async context.

pub mod sqlite;

use super::destination::{Batch, Stream};
use super::id::{AccountId, AudienceId, FileId, KeyId};
use super::ledger::Ledger;
use super::mapping::Mapping;
use super::status::Status;
use crate::{Checkpoint, Platform};
use std::collections::BTreeMap;
use std::fmt;

/// Milliseconds since 1970.
pub type Millis = i64;

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

/// An owner of audiences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The country of rows that name none, where it differs from the server's.
    pub country: Option<String>,
    /// The platforms to make keys for, where they differ from the server's.
    pub platforms: Option<Vec<Platform>>,
    /// When it was made.
    pub created: Millis,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// `audience:basic:read`.
    Read,
    /// `audience:update`: create, change, delete.
    Update,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 2] = [Scope::Read, Scope::Update];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "audience:basic:read",
            Scope::Update => "audience:update",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(name: &str) -> Result<Scope, String> {
        let known = Scope::ALL.into_iter().find(|scope| scope.name() == name);
        known.ok_or_else(|| "the scopes are audience:basic:read, audience:update".to_owned())
    }
}

/// An API key without its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, also the part of the key that is no secret.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// SHA-256 of the secret, which nobody can guess.
    pub secret_sha256: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created: Millis,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadStatus {
    /// Its bytes are not all there.
    Pending,
    /// It can be used.
    Ready,
    /// Its bytes were removed.
    Gone,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedFile {
    /// Its id.
    pub id: FileId,
    /// Whose it is.
    pub account: AccountId,
    /// As the uploader calls it.
    pub filename: String,
    /// As the uploader wants it; nothing is ever published.
    pub visibility: String,
    /// Announced by the uploader.
    pub announced_bytes: Option<u64>,
    /// Set for an upload in parts: its id, and how many parts there are to be.
    pub multipart: Option<(String, u32)>,
    /// Where it stands.
    pub status: UploadStatus,
    /// Its size, once it is there.
    pub bytes: Option<u64>,
    /// When it was made.
    pub created: Millis,
}

/// A part of an upload that is there. A file in one piece has part 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPart {
    /// From 1.
    pub number: u32,
    /// Tells attempts apart, in the file's name.
    pub token: String,
    /// Its size.
    pub bytes: u64,
    /// What the uploader got for it, quotes included.
    pub etag: String,
}

/// What became of the attempt to finish a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It is ready now.
    Done,
    /// It was ready before; its first part has this tag.
    Already(String),
    /// It is not there any more.
    Gone,
}

/// A customer list on its way to the platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audience {
    /// Its id.
    pub id: AudienceId,
    /// Whose it is.
    pub account: AccountId,
    /// As people call it.
    pub name: String,
    /// Which column holds what.
    pub mapping: Mapping,
    /// Where its import stands.
    pub status: Status,
    /// Data rows detected, over all its files.
    pub total_rows: u64,
    /// Rows that the engine has finished with.
    pub processed_rows: u64,
    /// Rows that the destination took.
    pub matched_rows: u64,
    /// 0 to 100; 100 only when it is over.
    pub progress_percent: u8,
    /// A sentence where it is partial or failed.
    pub error_message: Option<String>,
    /// What the platforms call it.
    pub platform_audience_ids: Vec<String>,
    /// When it was made.
    pub created: Millis,
    /// When any of this last changed.
    pub updated: Millis,
    /// When an import last reached its end.
    pub refreshed: Option<Millis>,
    /// 1 for its first file, one more for each list of added people.
    pub generation: u32,
}

/// What is to be read into an audience.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// The file.
    pub file: FileId,
    /// The country of rows that name none.
    pub country: Option<String>,
    /// The platforms to make keys for.
    pub platforms: Vec<Platform>,
    /// Where it was accepted: dates of birth are judged by this day on every attempt.
    pub accepted: Millis,
    /// Rows of the audience's earlier files.
    pub rows_before: u64,
    /// The place that counting has reached, and whether it is the end.
    pub counted: Option<(Checkpoint, bool)>,
    /// The place that processing has reached.
    pub checkpoint: Option<Checkpoint>,
    /// The next number of each stream's batches.
    pub next_seq: BTreeMap<String, u64>,
    /// What became of the rows so far, over all files.
    pub ledger: Ledger,
    /// How long the rejects file is that goes with it.
    pub rejects_bytes: u64,
}

/// The right to work on an import. A later claim, or a deletion, ends it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The audience as it stands.
    pub audience: Audience,
    /// Its current import.
    pub import: Import,
    /// Which claim this is.
    pub lease: u64,
}

/// An import that is not over, or a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The audience.
    pub audience: AudienceId,
    /// Whose it is.
    pub account: AccountId,
    /// Where it stands.
    pub status: Status,
    /// True if it is to be deleted.
    pub is_deleted: bool,
    /// The size of its file.
    pub bytes: u64,
    /// When it is to go on.
    pub due: Millis,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// On disk.
    Staged,
    /// Sent at least once, without an answer on record.
    Sent,
    /// The destination took it.
    Taken,
    /// Given up.
    Failed,
}

/// A batch and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// The batch.
    pub batch: Batch,
    /// Its stream.
    pub stream: Stream,
    /// The generation it belongs to.
    pub generation: u32,
    /// What became of it.
    pub state: BatchState,
    /// How often it was sent.
    pub attempts: u32,
    /// Records that the destination refused.
    pub refused: Vec<u64>,
}

/// What is known of a stream's other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// What the platform calls the audience.
    pub external_id: Option<String>,
    /// True once the audience was made there.
    pub is_created: bool,
    /// The open session.
    pub session: Option<String>,
    /// True once the session of the current generation is closed.
    pub is_closed: bool,
    /// Attempts at the call that is due, other than sending a batch.
    pub attempts: u32,
    /// When the next call may be made.
    pub due: Millis,
    /// Why the stream was given up.
    pub failure: Option<String>,
}

/// Counts of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// All.
    pub all: u64,
    /// Taken.
    pub taken: u64,
    /// Given up.
    pub failed: u64,
    /// Rows in those that were given up.
    pub failed_rows: u64,
}

/// A list's filter and page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Whose audiences.
    pub account: AccountId,
    /// Only this one.
    pub audience: Option<AudienceId>,
    /// Only those made before the one with this place.
    pub after: Option<i64>,
    /// How many.
    pub first: usize,
}

/// Things with their places in the order of making, newest first, and whether there are more.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The page.
    pub items: Vec<(i64, T)>,
    /// True if there are more behind it.
    pub has_more: bool,
}

/// What a request with an idempotency key got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, to the byte.
    pub body: Vec<u8>,
}

/// A caller's idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayKey {
    /// Who asks.
    pub caller: KeyId,
    /// The key.
    pub key: String,
}

/// An answer to be kept with what was done, in one transaction.
#[derive(Clone, Debug)]
pub struct Keep {
    /// For whom.
    pub key: ReplayKey,
    /// What.
    pub answer: Answer,
}

/// What is known of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: the request may be carried out.
    Fresh,
    /// It was answered.
    Answered(Answer),
    /// It was used for another request.
    Mismatch,
    /// Its request is being carried out.
    Running,
}

/// What became of the attempt to make or extend an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is durable.
    Done,
    /// The file is unknown to the account.
    NoFile,
    /// The file's bytes are not all there.
    FileNotReady,
    /// The file's bytes are gone.
    FileGone,
    /// The audience is not known, or is deleted.
    NoAudience,
    /// The audience's import is not over.
    NotFinal,
}

/// How a deletion goes on.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// Where the audience is to be deleted.
    pub streams: Vec<(Stream, Connection)>,
    /// Files that no other audience uses.
    pub files: Vec<FileId>,
    /// How many attempts there were.
    pub attempts: u32,
    /// When it was asked for.
    pub asked: Millis,
}

/// The store. See the module.
pub trait Store: Send + Sync {
    /// Says that a new process has the folder: requests that ran when the last one ended are open
    /// again, since what they did is durable only together with their answer.
    fn start(&self) -> Stored<()>;
    /// A secret of the folder's own, made on first use.
    fn secret(&self, name: &str, fresh: [u8; 32]) -> Stored<[u8; 32]>;
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

    /// Notes that a request with an idempotency key begins, or says what is known of the key.
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
    /// Notes a part that is durable, in the place of an earlier attempt at it; false if the file
    /// is no longer pending.
    fn put_part(&self, id: &FileId, part: &UploadPart) -> Stored<bool>;
    /// The file is ready, and consists of these parts.
    fn finish_file(
        &self,
        id: &FileId,
        parts: &[UploadPart],
        keep: Option<&Keep>,
    ) -> Stored<Finished>;
    /// Every part that is on record: `FILE.NUMBER.TOKEN`.
    fn part_names(&self) -> Stored<Vec<String>>;
    /// Files whose bytes are to go: those whose removal was begun, unused ones made before `unused`, used ones whose last import
    /// ended before `used`.
    fn expired_files(&self, unused: Millis, used: Millis) -> Stored<Vec<FileId>>;
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
