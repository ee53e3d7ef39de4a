//! One input on its way through the engine.
//!
//! A reader thread cuts chunks and hands each to the workers; for each it also puts a place into
//! a bounded channel, in input order, where the worker's batch will arrive. The caller takes the
//! batches out of these places. The channel is the window of chunks in flight: a slow caller
//! holds the reader back, and a caller that goes away stops it.
//!
//! In: a [`Source`]. Out: [`Batch`]es in input order, the reader's error, or the panic of a
//! worker.

use super::Engine;
use super::batch::{Batch, Spare};
use super::chunk::{Buffer, Chunk, Cutter};
use super::columns::Columns;
use super::dialect::Dialect;
use super::error::{Error, ErrorKind};
use super::options::Options;
use super::pool::Pool;
use super::record::{Fields, records};
use super::rows::{Keeps, Table};
use super::rules::PrehashedAs;
use super::sha256::Detected;
use super::source::Source;
use super::summary::Summary;
use super::tally::Tally;
use crate::normalize::{Country, Normalizer};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What arrives in the place of a chunk.
enum Arrival<M: Default> {
    Batch(Box<Batch<M>>),
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

/// A running input. Dropping it cancels the run: its threads stop as soon as the reader returns.
///
/// An embedder that panics in a reader, or meets a bug of ours in a worker, gets the panic in
/// [`Run::next_batch`]; the engine stays usable.
pub struct Run<M: Default = ()> {
    places: Receiver<Receiver<Arrival<M>>>,
    columns: Arc<Columns>,
    tally: Tally,
    summary: Summary,
    is_cancelled: Arc<AtomicBool>,
    is_over: bool,
}

impl Source {
    /// Starts on the rows, with a thread of its own for reading.
    ///
    /// # Errors
    ///
    /// If that thread cannot be started.
    pub fn run(self) -> Result<Run, Error> {
        self.run_with(|_, ()| ())
    }

    /// The same, where the workers `make` something of each batch before it is handed over, in
    /// any order: see [`Batch::made`]. Whatever can be done for a batch by itself is done on all
    /// cores there. What is made comes back for another batch, to be emptied and filled anew; it is
    /// held for each batch in flight. A panic of `make` is one of a worker.
    ///
    /// ```
    /// use matchkey::{Engine, Options};
    ///
    /// let source = Engine::new(Options::new())?.open(&b"email\na@example.com\n-\n"[..])?;
    /// let mut run = source.run_with(|batch, lines: &mut String| {
    ///     lines.clear();
    ///     for row in batch.rows() {
    ///         lines.push_str(&format!("{} {}\n", row.number(), row.is_usable()));
    ///     }
    /// })?;
    /// while let Some(batch) = run.next_batch()? {
    ///     assert_eq!(batch.made(), "1 true\n2 false\n");
    /// }
    /// # Ok::<(), matchkey::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn run_with<M, F>(self, make: F) -> Result<Run<M>, Error>
    where
        M: Default + Send + 'static,
        F: Fn(&Batch<M>, &mut M) + Send + Sync + 'static,
    {
        let dialect = self.scan().dialect;
        let Source { engine, mut cutter, columns, .. } = self;
        let in_flight_max = 2 * engine.threads() + 1;
        let (place, places) = bounded(in_flight_max);
        let (pool, bytes) = (Pool::new(in_flight_max), Pool::new(in_flight_max));
        cutter.set_pool(bytes.clone());
        let tally = cutter.tally().clone();
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let name = format!("{}-reader", engine.options().thread_name);
        let line = Arc::new(Line {
            engine,
            columns: Arc::clone(&columns),
            dialect,
            tally: tally.clone(),
            is_cancelled: Arc::clone(&is_cancelled),
            make: Arc::new(make),
            pool,
            bytes,
        });
        thread::Builder::new()
            .name(name)
            .spawn(move || line.feed(cutter, &place))
            .map_err(|error| Error::new(ErrorKind::Options, format!("no thread: {error}")))?;
        let summary = Summary::default();
        Ok(Run { places, columns, tally, summary, is_cancelled, is_over: false })
    }
}

impl<M: Default> Run<M> {
    /// The columns that are used, and why.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The counters of this run, to be watched from any thread.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// What became of the rows handed over so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The next batch, in input order; `None` when every row has been handed over. Its rows
    /// count as processed from here on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Read`] if the reader failed, after all rows before that place.
    ///
    /// # Panics
    ///
    /// With the panic of a worker or of the reader, once; after it there are no more batches.
    pub fn next_batch(&mut self) -> Result<Option<Batch<M>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        // The reader closes the channel at the end.
        let arrival = self.places.recv().ok().map(|place| {
            // A worker always fills its place, unless somebody has ended its thread.
            let lost = || Error::new(ErrorKind::Read, "a worker thread is gone");
            place.recv().unwrap_or_else(|_| Arrival::Error(lost()))
        });
        match arrival {
            Some(Arrival::Batch(batch)) => {
                self.summary.add(batch.summary());
                self.tally.processed(batch.len() as u64);
                Ok(Some(*batch))
            }
            None => {
                self.is_over = true;
                Ok(None)
            }
            Some(Arrival::Error(error)) => {
                self.is_over = true;
                Err(error)
            }
            Some(Arrival::Panic(panic)) => {
                self.is_over = true;
                self.is_cancelled.store(true, Ordering::Relaxed);
                resume_unwind(panic)
            }
        }
    }
}

impl<M: Default> Drop for Run<M> {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}

impl<M: Default> std::fmt::Debug for Run<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({:?})", self.tally.counts())
    }
}

/// What the workers make of each batch.
type Make<M> = Arc<dyn Fn(&Batch<M>, &mut M) + Send + Sync>;

/// What the reader thread and the workers of one run share.
struct Line<M: Default> {
    engine: Engine,
    columns: Arc<Columns>,
    dialect: Dialect,
    tally: Tally,
    is_cancelled: Arc<AtomicBool>,
    make: Make<M>,
    /// Memory of batches and of chunks.
    pool: Pool<Spare<M>>,
    bytes: Pool<Buffer>,
}

impl<M: Default + Send + 'static> Line<M> {
    /// The reader thread: cuts until the input ends or nobody wants it any more.
    fn feed(self: &Arc<Self>, mut cutter: Cutter, places: &Sender<Receiver<Arrival<M>>>) {
        loop {
            let chunk = match catch_unwind(AssertUnwindSafe(|| cutter.next_chunk())) {
                Ok(Ok(Some(chunk))) => Ok(chunk),
                Ok(Ok(None)) => return,
                Ok(Err(error)) => Err(Arrival::Error(error)),
                Err(panic) => Err(Arrival::Panic(panic)),
            };
            let (arrive, place) = bounded(1);
            let chunk = chunk.and_then(|chunk| {
                let rows_max = self.engine.options().rows_max;
                if self.tally.counts().total + chunk.rows > rows_max {
                    return Err(Arrival::Error(too_many_rows(rows_max)));
                }
                self.tally.detected(chunk.rows);
                Ok(chunk)
            });
            let is_wanted = !self.is_cancelled.load(Ordering::Relaxed);
            if !is_wanted || places.send(place).is_err() {
                return;
            }
            match chunk {
                Ok(chunk) => {
                    let line = Arc::clone(self);
                    self.engine.spawn(move |worker| line.work(chunk, worker, &arrive));
                }
                Err(last) => {
                    // There is room for one: it cannot block.
                    let _ = arrive.send(last);
                    return;
                }
            }
        }
    }

    /// A worker's share: one chunk becomes one batch.
    fn work(&self, chunk: Chunk, worker: &mut Worker, arrive: &Sender<Arrival<M>>) {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return;
        }
        let work = AssertUnwindSafe(|| {
            let (mut table, made) = self.pool.take();
            worker.fill(&mut table, &chunk, &self.columns, self.dialect);
            let columns = Arc::clone(&self.columns);
            let mut batch = Batch::new((table, made), columns, self.pool.clone());
            batch.make(&*self.make);
            Box::new(batch)
        });
        let arrival = catch_unwind(work).map_or_else(Arrival::Panic, Arrival::Batch);
        self.bytes.give(chunk.bytes);
        // Nobody may want it any more.
        let _ = arrive.send(arrival);
    }
}

fn too_many_rows(rows_max: u64) -> Error {
    let text = format!("the input has more than {rows_max} rows; split it or raise --max-rows");
    Error::new(ErrorKind::TooManyRows, text)
}

/// What a worker thread needs besides its chunk.
pub(super) struct Worker {
    normalizer: Normalizer,
    fields: Fields,
    country: Option<Country>,
    kernel: Detected,
    keeps: Keeps,
    prehashed_as: PrehashedAs,
    #[cfg(test)]
    panic_at_row: Option<u64>,
}

impl Worker {
    pub(super) fn new(options: &Options, country: Option<Country>, kernel: Detected) -> Worker {
        Worker {
            normalizer: Normalizer::new(options),
            fields: Fields::default(),
            country,
            kernel,
            keeps: Keeps { rejected: options.keeps_rejected, records: options.keeps_records },
            prehashed_as: options.prehashed_as,
            #[cfg(test)]
            panic_at_row: options.panic_at_row,
        }
    }

    fn fill(&mut self, table: &mut Table, chunk: &Chunk, columns: &Columns, dialect: Dialect) {
        table.start(columns, self.keeps, self.prehashed_as);
        table.end = Some(chunk.end);
        let Worker { normalizer, fields, country, .. } = self;
        records(chunk, dialect, Some(columns.width()), fields, |record| {
            #[cfg(test)]
            assert_ne!(self.panic_at_row, Some(record.position.row), "injected");
            table.push(&record, columns, *country, normalizer);
        });
        debug_assert_eq!(table.rows() as u64, chunk.rows, "cutting and reading disagree");
        table.seal(columns, self.kernel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes batches to the end, or to the panic of a worker.
    fn drain(run: &mut Run) -> Result<u64, Box<dyn Any + Send>> {
        let mut rows = 0;
        catch_unwind(AssertUnwindSafe(|| {
            while let Ok(Some(batch)) = run.next_batch() {
                rows += batch.len() as u64;
            }
        }))
        .map(|()| rows)
    }

    #[test]
    fn a_panic_of_a_worker_reaches_the_caller_once_and_the_engine_stays_usable() {
        let list = format!("email\n{}", "a@example.com\n".repeat(200));
        let options = Options::new().threads(2).chunk_bytes(50).panic_at_row(100);
        let options = options.thread_name("panic");
        let engine = Engine::new(options).unwrap();
        let mut run = engine.run(std::io::Cursor::new(list.clone())).unwrap();
        let panic = drain(&mut run).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("injected"), "{text}");
        assert_eq!(run.next_batch().unwrap().map(|batch| batch.len()), None);
        let counts = run.tally().counts();
        assert!(counts.processed < 100 && counts.processed <= counts.total);
        let short = list[..list.len() / 4].to_owned();
        let mut again = engine.run(std::io::Cursor::new(short)).unwrap();
        assert_eq!(drain(&mut again).unwrap(), 50);
        drop((run, again, engine));
        let names = || {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap();
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        };
        let start = std::time::Instant::now();
        while names().any(|name| name.starts_with("panic-")) {
            assert!(start.elapsed().as_secs() < 20, "a thread is left");
            thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
