//! The three counters that feed an audience's status.
//!
//! In: the engine raises `total` and `processed`, whoever delivers a batch raises `matched`.
//! Out: [`Tally`], shared between threads, and [`Counts`], one consistent reading of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shared counters of one run. Cloning is cheap and watches the same run.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    total: AtomicU64,
    processed: AtomicU64,
    matched: AtomicU64,
    input_bytes: AtomicU64,
}

/// One reading of a [`Tally`]: always `matched <= processed <= total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Data rows detected so far.
    pub total: u64,
    /// Rows the engine has finished with, rejected ones included.
    pub processed: u64,
    /// Rows with a usable primary identifier that the destination took.
    pub matched: u64,
    /// Bytes read so far.
    pub input_bytes: u64,
}

impl Tally {
    /// Reads all counters. A run that has ended has `processed == total`.
    pub fn counts(&self) -> Counts {
        // Read in the opposite order of the raises, so that the inequality holds in between.
        let matched = self.0.matched.load(Ordering::SeqCst);
        let processed = self.0.processed.load(Ordering::SeqCst);
        let total = self.0.total.load(Ordering::SeqCst);
        let input_bytes = self.0.input_bytes.load(Ordering::SeqCst);
        Counts { total, processed, matched: matched.min(processed), input_bytes }
    }

    /// Says that the destination took `rows` more rows. Only whoever delivers a batch knows:
    /// the engine never raises this counter.
    pub fn delivered(&self, rows: u64) {
        self.0.matched.fetch_add(rows, Ordering::SeqCst);
    }

    pub(crate) fn detected(&self, rows: u64) {
        self.0.total.fetch_add(rows, Ordering::SeqCst);
    }

    pub(crate) fn processed(&self, rows: u64) {
        self.0.processed.fetch_add(rows, Ordering::SeqCst);
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.0.input_bytes.fetch_add(bytes, Ordering::SeqCst);
    }
}
