//! The engine: a customer list in, match keys out, every row accounted for.
//!
//! In: [`Options`] once, then any number of readers. Out: one [`Run`] for each, which hands over
//! [`Batch`]es in input order. The engine opens no socket and no file, and reads no clock,
//! environment or random source.

pub(crate) mod batch;
pub(crate) mod charset;
pub(crate) mod checkpoint;
pub(crate) mod chunk;
pub(crate) mod columns;
pub(crate) mod dialect;
pub(crate) mod digest;
pub(crate) mod error;
pub(crate) mod headers;
pub(crate) mod identifier;
pub(crate) mod index;
pub mod normalize;
pub(crate) mod options;
pub(crate) mod plan;
mod pool;
pub(crate) mod problem;
pub(crate) mod record;
pub(crate) mod recover;
pub(crate) mod rows;
pub(crate) mod rules;
mod run;
pub(crate) mod samples;
pub(crate) mod sha256;
pub(crate) mod sniff;
pub(crate) mod source;
pub(crate) mod summary;
pub(crate) mod tally;
pub(crate) mod transport;

pub use batch::{Batch, Candidate, Cell, Row};
pub use checkpoint::Checkpoint;
pub use columns::{Column, Columns, Origin};
pub use dialect::Dialect;
pub use digest::{Digest, Encoding, Hash};
pub use error::{Error, ErrorKind, Position};
pub use identifier::Identifier;
pub use options::{Header, Options, PhonePolicy, Placeholders};
pub use problem::RowProblem;
pub use rules::{Form, Key, PrehashedAs, PrehashedForm, Rules, Sent};
pub use run::Run;
pub use samples::Sample;
pub use source::{Scan, Source};
pub use summary::Summary;
pub use tally::{Counts, Tally};

use normalize::Country;
use rayon::{ThreadPool, ThreadPoolBuilder};
use run::Worker;
use sha256::Detected;
use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::sync::{Arc, Mutex};

/// Worker threads and options, made once a process. Cloning is cheap; runs share the threads.
///
/// ```
/// use matchkey::{Engine, Options};
///
/// let engine = Engine::new(Options::new().country("US"))?;
/// let mut run = engine.run(&b"Email,Phone\nMary@Example.com,(415) 555-2671\n"[..])?;
/// let tally = run.tally(); // may be watched from any thread
/// let mut keys = 0;
/// while let Some(batch) = run.next_batch()? {
///     for row in batch.rows() {
///         keys += row.candidates().count();
///     }
///     tally.delivered(batch.summary().usable_rows());
/// }
/// assert_eq!(keys, 2);
/// assert_eq!((tally.counts().total, tally.counts().matched), (1, 1));
/// # Ok::<(), matchkey::Error>(())
/// ```
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    options: Options,
    country: Option<Country>,
    kernel: Detected,
    threads: usize,
    pool: Arc<ThreadPool>,
    workers: Mutex<Vec<Worker>>,
}

/// More would only be a slip of the pen.
const THREADS_MAX: usize = 1_024;

/// Chunks are cut larger than this only by a record that is.
const CHUNK_BYTES_MAX: usize = 64 << 20;

impl Engine {
    /// Starts the worker threads.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Options`] if the options cannot be met, or no thread can be started.
    pub fn new(options: Options) -> Result<Engine, Error> {
        if options.threads > THREADS_MAX {
            return Err(Error::new(ErrorKind::Options, "more than 1,024 threads"));
        }
        let name = options.thread_name.clone();
        let pool = ThreadPoolBuilder::new()
            .num_threads(options.threads)
            .thread_name(move |index| format!("{name}-{index}"))
            .build()
            .map_err(|error| Error::new(ErrorKind::Options, format!("no threads: {error}")))?;
        Engine::on(Arc::new(pool), options)
    }

    /// An engine under other options on the same worker threads; how many there are, and their
    /// names, stay as they are.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Options`] if the options cannot be met.
    pub fn with_options(&self, options: Options) -> Result<Engine, Error> {
        Engine::on(Arc::clone(&self.0.pool), options)
    }

    fn on(pool: Arc<ThreadPool>, mut options: Options) -> Result<Engine, Error> {
        let refuse = |text: &str| Err(Error::new(ErrorKind::Options, text));
        let country = match &options.country {
            None => None,
            // libphonenumber's names of no country.
            Some(text) if matches!(text.trim(), "" | "ZZ" | "001") => None,
            Some(text) => match Country::parse(text) {
                None => return refuse("the default country is unknown; use a code such as US"),
                country => country,
            },
        };
        if let Some(text) = &options.refused {
            return refuse(text);
        }
        let names: HashSet<_> = options.rules.iter().map(|rules| rules.name).collect();
        if names.is_empty() || names.len() < options.rules.len() {
            return refuse("name at least one platform, and each once");
        }
        if names.len() > plan::PLATFORMS_MAX {
            return refuse("more than 32 platforms");
        }
        if let Some(text) = options.dialect_refusal() {
            return refuse(text);
        }
        let Some(kernel) = options.kernel.detect() else {
            return refuse(&format!("this processor cannot run the kernel {}", options.kernel));
        };
        options.chunk_rows = options.chunk_rows.max(1);
        options.chunk_bytes = options.chunk_bytes.clamp(1, CHUNK_BYTES_MAX);
        options.read_bytes = options.read_bytes.clamp(1, CHUNK_BYTES_MAX);
        let threads = pool.current_num_threads();
        let workers = Mutex::default();
        Ok(Engine(Arc::new(Shared { options, country, kernel, threads, pool, workers })))
    }

    /// Reads the header of an input. Blocks until it is there.
    ///
    /// # Errors
    ///
    /// If the reader fails, the input is empty or no CSV, a column that the options name is
    /// missing, or no column holds a primary identifier.
    pub fn open(&self, reader: impl Read + Send + 'static) -> Result<Source, Error> {
        Source::open(self.clone(), Box::new(reader))
    }

    /// Reads the header of an input and starts on its rows: [`Engine::open`] and
    /// [`Source::run`].
    ///
    /// Nothing here is async. An async service gives the engine a reader that takes its bytes out
    /// of a bounded channel, and drives the run on a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`Engine::open`].
    pub fn run(&self, reader: impl Read + Send + 'static) -> Result<Run, Error> {
        self.open(reader)?.run()
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// How many worker threads there are.
    pub fn threads(&self) -> usize {
        self.0.threads
    }

    /// Does `work` on a worker thread, with a worker of its own.
    fn spawn(&self, work: impl FnOnce(&mut Worker) + Send + 'static) {
        let engine = self.clone();
        self.0.pool.spawn(move || {
            let idle = engine.workers().pop();
            let Shared { options, country, kernel, .. } = &*engine.0;
            let mut worker = idle.unwrap_or_else(|| Worker::new(options, *country, *kernel));
            work(&mut worker);
            engine.workers().push(worker);
        });
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        // The list is whole at any time, whatever panicked.
        self.0.workers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("threads", &self.0.threads)
            .field("options", &self.0.options)
            .finish()
    }
}
