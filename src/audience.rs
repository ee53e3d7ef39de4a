//! Audiences: customer lists on their way to the ad platforms, durable and without HTTP.
//!
//! In: uploaded files and what to make of them. Out: [`Audiences`], which accepts, reads, delivers,
//! lists and deletes; [`Audience`] says where each stands. What was accepted is finished, whatever
//! happens to the process in between. The engine knows nothing of this layer, and this layer
//! nothing of HTTP.
//!
//! ```
//! use matchkey::audience::{Audiences, NewAudience, NewFile, Settings, Upload, mapping};
//!
//! # let folder = std::env::temp_dir().join(format!("matchkey-doc-{}", std::process::id()));
//! let audiences = Audiences::open(&folder, Settings::default())?;
//! let (account, _key) = audiences.accounts().add(None, None)?;
//!
//! // A list, as it comes.
//! let file = audiences.new_file(&account.id, NewFile::named("customers.csv"))?;
//! audiences.add_file(&file, None)?;
//! let Upload::Open(mut upload) = audiences.receive(&file.id, 1)? else { unreachable!() };
//! upload.write(b"Email\nmary@example.com\nnobody\n")?;
//! audiences.received_whole(&file.id, upload)?;
//!
//! // An audience of it.
//! let columns = mapping::Mapping::new([("email".to_owned(), "Email".to_owned())])?;
//! let new = NewAudience { name: "Customers".to_owned(), mapping: columns, file: file.id };
//! let (audience, import) = audiences.new_audience(&account.id, new)?;
//! audiences.create(&audience, &import, None)?;
//!
//! // Where it stands.
//! let mut stands = audience;
//! while !stands.status.is_final() {
//!     std::thread::sleep(std::time::Duration::from_millis(5));
//!     stands = audiences.audience(&account.id, &stands.id)?.ok_or("deleted")?;
//! }
//! assert_eq!(stands.status.name(), "ready");
//! assert_eq!((stands.total_rows, stands.processed_rows, stands.matched_rows), (2, 2, 1));
//! # drop(audiences);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounts;
mod deletion;
pub mod destination;
mod error;
pub mod fault;
mod folder;
mod id;
mod import;
mod ledger;
pub mod mapping;
pub mod outbox;
#[cfg(feature = "testing")]
pub mod scripted;
mod stage;
mod status;
pub mod store;
mod upload;
mod workers;

pub use accounts::{Accounts, ApiSecret, Caller};
pub use deletion::Retention;
pub use error::{Error, Refusal};
pub use folder::Folder;
pub use id::{AccountId, AudienceId, FileId, KeyId};
pub use import::Clock;
pub use ledger::{Ledger, RejectSample};
pub use status::Status;
pub use store::Audience;
pub use upload::Incoming;
pub use workers::Load;

/// The first line of a rejects file.
pub const REJECTS_HEADER: &str = import::REJECTS_HEADER;

use crate::{Engine, Options, Platform};
use deletion::{Deleter, Janitor};
use destination::Destination;
use import::{Importer, Lane, new_import};
use mapping::Mapping;
use outbox::Outbox;
use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::sqlite::Sqlite;
use store::{
    Accepted, Begun, Finished, Import, Keep, Listed, Millis, Page, ReplayKey, Store, Stored,
    UploadPart, UploadStatus, UploadedFile,
};
use workers::{Job, SMALL_FILE_BYTES, Workers};

/// What an operator may choose.
#[derive(Clone)]
pub struct Settings {
    /// The country of rows that name none, unless the account has one.
    pub country: Option<String>,
    /// The platforms to make keys for, unless the account names some.
    pub platforms: Vec<Platform>,
    /// Threads of the engine; 0 is one for each core.
    pub threads: usize,
    /// The most bytes that an account's uploads may take at a time; 0 is no limit.
    pub account_bytes_max: u64,
    /// How long things are kept.
    pub retention: Retention,
    /// Now.
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            country: None,
            platforms: vec![Platform::Meta],
            threads: 0,
            account_bytes_max: 0,
            retention: Retention::default(),
            clock: Arc::new(|| jiff::Timestamp::now().as_millisecond()),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("country", &self.country)
            .field("platforms", &self.platforms)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

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

/// What becomes of bytes that come for a file.
pub enum Upload {
    /// They are taken.
    Open(Incoming),
    /// The file is there already: they are only compared with it.
    Ready(Incoming),
}

/// Audiences in a data folder, and the threads that work on them. Cloning is cheap. They stop when
/// the last clone is gone.
#[derive(Clone)]
pub struct Audiences(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    folder: Folder,
    settings: Settings,
    workers: Workers,
    janitor: Mutex<Option<JoinHandle<()>>>,
    rest: Arc<Rest>,
    _lock: folder::Lock,
}

/// How the janitor is told to end.
#[derive(Default)]
struct Rest {
    is_over: AtomicBool,
    changed: Condvar,
    mutex: Mutex<()>,
}

/// So often the janitor looks around.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

impl Audiences {
    /// Opens a data folder with an outbox in it as the destination, and goes on with what is not
    /// over.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another process works there; otherwise if the folder, the store or the
    /// settings are of no use.
    pub fn open(folder: &Path, settings: Settings) -> Result<Audiences, Error> {
        let folder = Folder::open(folder)?;
        let outbox = Outbox::new(folder.clone());
        Audiences::with_destination(folder, settings, Arc::new(outbox))
    }

    /// The same with another destination.
    ///
    /// # Errors
    ///
    /// As [`Audiences::open`].
    pub fn with_destination(
        folder: Folder,
        settings: Settings,
        destination: Arc<dyn Destination>,
    ) -> Result<Audiences, Error> {
        let lock = folder.lock()?.ok_or(Error::Locked)?;
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.database())?);
        store.start()?;
        let mut options = Options::new().threads(settings.threads).platforms(Vec::new());
        options = options.platforms(settings.platforms.iter().copied());
        if let Some(country) = &settings.country {
            options = options.country(country);
        }
        let engine = Engine::new(options).map_err(|error| Error::Settings(error.to_string()))?;
        let deleter = || Deleter {
            store: Arc::clone(&store),
            folder: folder.clone(),
            destination: Arc::clone(&destination),
            clock: Arc::clone(&settings.clock),
        };
        let janitor = Janitor { deleter: deleter(), retention: settings.retention };
        let unfinished = store.unfinished()?;
        janitor
            .recover(&unfinished.iter().map(|it| it.audience.clone()).collect::<HashSet<_>>())?;
        let importer = Importer {
            store: Arc::clone(&store),
            folder: folder.clone(),
            destination: Arc::clone(&destination),
            engine,
            clock: Arc::clone(&settings.clock),
        };
        let workers = Workers::start(importer, deleter())?;
        let now = (settings.clock)();
        let cap = destination.retry().cap;
        for it in unfinished {
            let lane = match (it.is_deleted, it.status) {
                (true, _) => Lane::Delete,
                (false, Status::Syncing) => Lane::Deliver,
                (false, _) => lane_of(it.bytes),
            };
            // A clock that was turned back does not make anybody wait longer than ever.
            let wait = u64::try_from(it.due - now).map_or(Duration::ZERO, Duration::from_millis);
            let job = Job { audience: it.audience, account: it.account, failures: 0 };
            workers.push(lane, job, wait.min(cap));
        }
        let rest = Arc::new(Rest::default());
        let thread = start_janitor(janitor, Arc::clone(&rest))?;
        let inner = Inner {
            store,
            folder,
            settings,
            workers,
            janitor: Mutex::new(Some(thread)),
            rest,
            _lock: lock,
        };
        Ok(Audiences(Arc::new(inner)))
    }

    /// Accounts and keys.
    pub fn accounts(&self) -> Accounts {
        Accounts::new(Arc::clone(&self.0.store), Arc::clone(&self.0.settings.clock))
    }

    /// The store, for what is not an audience's: replays and secrets.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Now.
    pub fn now(&self) -> Millis {
        (self.0.settings.clock)()
    }

    /// What there is to do.
    pub fn load(&self) -> Load {
        self.0.workers.load()
    }

    /// True if audiences can be accepted: the store answers and the disk is not full.
    pub fn is_ready(&self) -> bool {
        const FREE_BYTES_MIN: u64 = 16 << 20;
        let is_free = self.0.folder.free_bytes().is_ok_and(|bytes| bytes >= FREE_BYTES_MIN);
        is_free && self.0.store.is_well()
    }

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

    /// The bytes of a file in one piece are all there: it is ready. The part, with its tag.
    ///
    /// # Errors
    ///
    /// [`Refusal::FileDiffers`] if the file was ready with other bytes; otherwise if the disk or
    /// the store fails.
    pub fn received_whole(&self, id: &FileId, mut incoming: Incoming) -> Result<UploadPart, Error> {
        let part = incoming.seal()?;
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
        let before = self.0.store.parts(id)?;
        let part = incoming.seal()?;
        fault::point("upload.commit")?;
        let put = self.0.store.put_part(id, &part);
        if !matches!(put, Ok(false)) {
            incoming.keep();
        }
        fault::point("upload.committed")?;
        if !put? {
            return Err(Refusal::FileDiffers.into());
        }
        for old in before.iter().filter(|old| old.number == part.number) {
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
        let deleted = self.0.store.delete(account, id, self.now());
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

    /// Begins a request with an idempotency key.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn begin_replay(&self, key: &ReplayKey, request: [u8; 32]) -> Result<Begun, Error> {
        fault::point("replay.begin")?;
        Ok(self.0.store.begin_replay(key, request, self.now())?)
    }

    /// Ends all work at the next place on record, and waits for it. What is not over goes on when
    /// the folder is opened again.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Inner {
    fn stop(&self) {
        self.rest.is_over.store(true, Ordering::Relaxed);
        self.rest.changed.notify_all();
        self.workers.stop();
        let janitor = self.janitor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(janitor) = janitor {
            // It has nothing to say.
            let _ = janitor.join();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lane_of(bytes: u64) -> Lane {
    if bytes <= SMALL_FILE_BYTES { Lane::Small } else { Lane::Large }
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

fn start_janitor(janitor: Janitor, rest: Arc<Rest>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("janitor".to_owned()).spawn(move || {
        while !rest.is_over.load(Ordering::Relaxed) {
            janitor.sweep();
            let guard = rest.mutex.lock().unwrap_or_else(PoisonError::into_inner);
            // Woken early or not, it looks again.
            drop(rest.changed.wait_timeout(guard, SWEEP_EVERY));
        }
    })
}
