//! Memory that was used and is used again, the last first: it is nearest to the processor.
//!
//! In: what somebody has done with. Out: the same for somebody else, or nothing. Holds no more than
//! it was told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A stack between threads. Cloning is cheap and shares it.
pub(super) struct Pool<T> {
    kept: Arc<Mutex<Vec<T>>>,
    most: usize,
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Pool<T> {
        Pool { kept: Arc::clone(&self.kept), most: self.most }
    }
}

impl<T: Default> Pool<T> {
    /// A pool of so many at most.
    pub(super) fn new(most: usize) -> Pool<T> {
        Pool { kept: Arc::default(), most }
    }

    /// The last that was given; a new one if there is none.
    pub(super) fn take(&self) -> T {
        let last = self.lock().pop();
        last.unwrap_or_default()
    }

    /// Keeps it, if there is room.
    pub(super) fn give(&self, used: T) {
        let mut kept = self.lock();
        if kept.len() < self.most {
            kept.push(used);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        // The list is whole at any time, whatever panicked.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
