//! The values that a store keeps.
//!
//! In: nothing; these are plain values. Out: what `store.rs` takes and gives. None holds a cell of
//! a list or the hash of one.

use crate::audience::destination::{Batch, Stream};
use crate::audience::id::{AccountId, AudienceId, FileId, KeyId};
use crate::audience::ledger::Ledger;
use crate::audience::mapping::Mapping;
use crate::audience::status::Status;
use crate::{Checkpoint, Platform};
use std::collections::BTreeMap;
use std::fmt;

/// Milliseconds since 1970.
pub type Millis = i64;

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
    /// True once it may have been made there: from then on a deletion has to ask the platform.
    pub is_begun: bool,
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
    /// How long that was to wait.
    pub wait: Millis,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
