//! Readers that fail, stall and panic, callers that go away or dawdle: what a run does then, and
//! that it leaves no thread behind.

use crate::differential::Dribble;
use matchkey::{Engine, Error, ErrorKind, Options, Run};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const ROW: &str = "a@example.com,415 555 2671\n";

fn list(rows: usize) -> Vec<u8> {
    format!("email,phone\n{}", ROW.repeat(rows)).into_bytes()
}

/// How many threads of this process have a name that starts like this.
fn threads_named(start: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with(start)).count()
}

/// Waits up to `seconds` for a condition; the bound is generous, the wait is short.
fn within(seconds: u64, condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(seconds) {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    condition()
}

fn drain(run: &mut Run) -> Result<u64, Error> {
    let mut rows = 0;
    while let Some(batch) = run.next_batch()? {
        rows += batch.len() as u64;
    }
    Ok(rows)
}

/// Hands out bytes, then fails.
struct Failing(Dribble);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the line went dead")),
            bytes => Ok(bytes),
        }
    }
}

#[test]
fn an_error_of_the_reader_comes_with_its_place_after_all_rows_before_it() {
    let whole = list(20);
    let header = "email,phone\n".len();
    for length in 0..whole.len() {
        let bytes = whole[..length].to_vec();
        let engine = Engine::new(Options::new().threads(2).chunk_bytes(60)).unwrap();
        let run = engine.run(Failing(Dribble { bytes, at: 0, most: 13 }));
        let (rows, error) = match run {
            Err(error) => (0, error),
            Ok(mut run) => {
                let mut rows = 0;
                let error = loop {
                    match run.next_batch() {
                        Ok(Some(batch)) => rows += batch.len(),
                        Ok(None) => panic!("the error was lost"),
                        Err(error) => break error,
                    }
                };
                assert!(run.next_batch().unwrap().is_none(), "an error ends the run");
                let counts = run.tally().counts();
                assert_eq!((counts.total, counts.processed), (rows as u64, rows as u64));
                (rows, error)
            }
        };
        let complete = length.saturating_sub(header) / ROW.len();
        assert_eq!(error.kind(), ErrorKind::Read);
        let position = error.position().unwrap();
        assert_eq!(position.byte, length as u64);
        assert_eq!((rows, position.row), (complete, complete as u64), "{length}");
        assert!(error.to_string().contains("the line went dead"));
    }
}

#[test]
fn an_interrupted_read_is_tried_again() {
    struct Interrupted(io::Cursor<Vec<u8>>, bool);
    impl Read for Interrupted {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(buffer) }
        }
    }
    let engine = Engine::new(Options::new().threads(1)).unwrap();
    let mut run = engine.run(Interrupted(io::Cursor::new(list(3)), false)).unwrap();
    assert_eq!(drain(&mut run).unwrap(), 3);
}

/// An endless list that counts what was read of it.
struct Endless {
    at: usize,
    read: Arc<AtomicUsize>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let list = list(1_000);
        let from = if self.at < list.len() { self.at } else { "email,phone\n".len() };
        let bytes = buffer.len().min(list.len() - from);
        buffer[..bytes].copy_from_slice(&list[from..from + bytes]);
        self.at = from + bytes;
        self.read.fetch_add(bytes, Ordering::SeqCst);
        Ok(bytes)
    }
}

#[test]
fn a_slow_caller_holds_the_reader_back_and_a_gone_one_stops_it() {
    let read = Arc::new(AtomicUsize::new(0));
    let engine = Engine::new(
        Options::new().threads(2).chunk_bytes(10_000).read_bytes(1_000).thread_name("slow"),
    );
    let engine = engine.unwrap();
    let mut run = engine.run(Endless { at: 0, read: Arc::clone(&read) }).unwrap();
    assert!(run.next_batch().unwrap().is_some());
    // The window fills up, then nothing is read any more.
    let still = || {
        let before = read.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        read.load(Ordering::SeqCst) == before
    };
    assert!(within(20, still), "the reader never stops");
    let window = 10_000 * (2 * 2 + 1 + 3);
    assert!(read.load(Ordering::SeqCst) < window, "more was read than may be in flight");
    drop(run);
    drop(engine);
    assert!(within(20, || threads_named("slow-") == 0), "a thread is left");
}

/// Blocks until it is told to go on.
struct Blocking {
    first: io::Cursor<Vec<u8>>,
    entered: Sender<()>,
    go_on: Receiver<()>,
}

impl Read for Blocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.first.read(buffer)? {
            0 => {
                let _ = self.entered.send(());
                let _ = self.go_on.recv();
                Ok(0)
            }
            bytes => Ok(bytes),
        }
    }
}

#[test]
fn a_reader_that_blocks_does_not_block_the_caller_who_goes_away() {
    let (entered, has_entered) = channel();
    let (go_on, may_go_on) = channel();
    let options = Options::new().threads(2).chunk_bytes(1 << 20).thread_name("block");
    let engine = Engine::new(options).unwrap();
    // More than is looked at before the first row.
    let first = io::Cursor::new(list(8_000));
    let run = engine.run(Blocking { first, entered, go_on: may_go_on }).unwrap();
    has_entered.recv().unwrap();
    drop(run);
    drop(engine);
    assert_eq!(threads_named("block-reader"), 1, "the reader is still inside read");
    drop(go_on);
    // A second is what we promise; a busy machine gets more.
    assert!(within(5, || threads_named("block-") == 0), "a thread is left");
}

#[test]
fn a_panic_of_the_reader_reaches_the_caller_and_the_engine_stays_usable() {
    struct Panicking(io::Cursor<Vec<u8>>);
    impl Read for Panicking {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => panic!("injected"),
                bytes => Ok(bytes),
            }
        }
    }
    let engine = Engine::new(Options::new().threads(2).chunk_bytes(30)).unwrap();
    let mut run = engine.run(Panicking(io::Cursor::new(list(8_000)))).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| drain(&mut run))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"injected"));
    assert!(run.next_batch().unwrap().is_none());
    let mut again = engine.run(io::Cursor::new(list(7))).unwrap();
    assert_eq!(drain(&mut again).unwrap(), 7);
}

#[test]
fn runs_share_the_engine() {
    let engine = Engine::new(Options::new().threads(2).chunk_bytes(100)).unwrap();
    let runs: Vec<_> = (1..=8)
        .map(|rows| {
            let engine = engine.clone();
            std::thread::spawn(move || {
                drain(&mut engine.run(io::Cursor::new(list(rows * 10))).unwrap()).unwrap()
            })
        })
        .collect();
    let rows: Vec<u64> = runs.into_iter().map(|run| run.join().unwrap()).collect();
    assert_eq!(rows, (1..=8).map(|rows| rows * 10).collect::<Vec<_>>());
}

#[test]
fn a_run_may_be_driven_from_a_worker_of_another_pool() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let engine = Engine::new(Options::new().threads(1)).unwrap();
    let rows = pool.install(|| drain(&mut engine.run(io::Cursor::new(list(50))).unwrap()));
    assert_eq!(rows.unwrap(), 50);
}
