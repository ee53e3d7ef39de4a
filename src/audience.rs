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
mod files;
mod folder;
mod id;
mod import;
mod ledger;
mod lists;
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
pub use files::{NewFile, Upload};
pub use folder::Folder;
pub use id::{AccountId, AudienceId, FileId, KeyId};
pub use import::Clock;
pub use ledger::{Ledger, RejectSample};
pub use lists::NewAudience;
pub use status::Status;
pub use store::Audience;
pub use upload::Incoming;
pub use workers::Load;

/// The first line of a rejects file.
pub const REJECTS_HEADER: &str = import::REJECTS_HEADER;

use crate::{Engine, Options, Platform};
use deletion::{Deleter, Janitor};
use destination::Destination;
use import::{Importer, Lane};
use outbox::Outbox;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::sqlite::Sqlite;
use store::{Begun, Millis, ReplayKey, Store};
use workers::{Job, SMALL_FILE_BYTES, Workers, step_back};

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
    /// Held while an account's space is looked at and taken.
    space: Mutex<()>,
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
        let store = Arc::new(Sqlite::open(&folder.database())?);
        Audiences::with_store(folder, settings, destination, store)
    }

    /// The same with another store too.
    ///
    /// # Errors
    ///
    /// As [`Audiences::open`].
    pub fn with_store(
        folder: Folder,
        settings: Settings,
        destination: Arc<dyn Destination>,
        store: Arc<dyn Store>,
    ) -> Result<Audiences, Error> {
        let lock = folder.lock()?.ok_or(Error::Locked)?;
        store.start()?;
        let mut options = Options::new().threads(settings.threads).platforms(Vec::new());
        options = options.platforms(settings.platforms.iter().copied());
        if let Some(country) = &settings.country {
            options = options.country(country);
        }
        let engine = start_engine(options)?;
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
            space: Mutex::default(),
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

/// The engine's threads are as modest as the one that starts them.
fn start_engine(options: Options) -> Result<Engine, Error> {
    let started = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
        step_back();
        Engine::new(options)
    })?;
    let engine = started.join().map_err(|_| Error::Settings("no threads".to_owned()))?;
    engine.map_err(|error| Error::Settings(error.to_string()))
}

fn start_janitor(janitor: Janitor, rest: Arc<Rest>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("janitor".to_owned()).spawn(move || {
        for number in 1.. {
            if rest.is_over.load(Ordering::Relaxed) {
                return;
            }
            janitor.sweep(number);
            let guard = rest.mutex.lock().unwrap_or_else(PoisonError::into_inner);
            // Woken early or not, it looks again.
            drop(rest.changed.wait_timeout(guard, SWEEP_EVERY));
        }
    })
}
