//! The threads that work on audiences, and whose turn it is.
//!
//! In: audiences that have something to do. Out: each lane's threads take turns over the accounts:
//! one with a thousand audiences does not hold up one with a single one, and a long list does not
//! hold up short ones, which have threads of their own. A panic ends one import, not the service.

use super::deletion::Deleter;
use super::id::{AccountId, AudienceId};
use super::import::{Importer, Lane, Next, Signals};
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads of each lane. Reading is done by the engine's threads; these mostly wait.
const THREADS: [(Lane, usize); 4] =
    [(Lane::Small, 4), (Lane::Large, 2), (Lane::Deliver, 8), (Lane::Delete, 2)];

/// So many deliveries of one account are at work at a time.
const DELIVERING_MAX: usize = 4;

/// Files over this size go to the lane of those that take their time.
pub(crate) const SMALL_FILE_BYTES: u64 = 8 << 20;

/// An audience that has something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) audience: AudienceId,
    pub(crate) account: AccountId,
    /// How often our own storage failed in a row.
    pub(crate) failures: u32,
}

/// Jobs of one lane, in turns over the accounts.
#[derive(Default)]
struct Queue {
    turns: VecDeque<AccountId>,
    jobs: HashMap<AccountId, VecDeque<Job>>,
}

impl Queue {
    fn push(&mut self, job: Job) {
        let jobs = self.jobs.entry(job.account.clone()).or_default();
        if jobs.is_empty() {
            self.turns.push_back(job.account.clone());
        }
        jobs.push_back(job);
    }

    /// The next job of the first account, in turn, that may have one.
    fn pop(&mut self, may: impl Fn(&AccountId) -> bool) -> Option<Job> {
        let first = self.turns.iter().position(may)?;
        let account = self.turns.remove(first)?;
        let jobs = self.jobs.get_mut(&account)?;
        let job = jobs.pop_front();
        match jobs.is_empty() {
            true => drop(self.jobs.remove(&account)),
            false => self.turns.push_back(account),
        }
        job
    }

    fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    fn len(&self) -> usize {
        self.jobs.values().map(VecDeque::len).sum()
    }
}

/// A job that is not due yet; the earliest is the greatest.
struct Waiting {
    due: Instant,
    lane: Lane,
    job: Job,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.due == other.due
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> std::cmp::Ordering {
        other.due.cmp(&self.due)
    }
}

#[derive(Default)]
struct State {
    queues: HashMap<Lane, Queue>,
    waiting: BinaryHeap<Waiting>,
    running: HashMap<AudienceId, Arc<AtomicBool>>,
    /// How many deliveries of an account are at work.
    delivering: HashMap<AccountId, usize>,
    is_stopping: bool,
}

impl State {
    fn queue(&mut self, lane: Lane) -> &mut Queue {
        self.queues.entry(lane).or_default()
    }

    /// Takes the next job of a lane. Platforms may be slow: no account has all threads for them.
    fn pop(&mut self, lane: Lane) -> Option<Job> {
        let State { queues, delivering, .. } = self;
        let has_room = |account: &AccountId| {
            let own = delivering.get(account).copied().unwrap_or(0);
            lane != Lane::Deliver || own < DELIVERING_MAX
        };
        queues.entry(lane).or_default().pop(has_room)
    }

    /// Notes that a delivery begins or ends.
    fn count(&mut self, lane: Lane, account: &AccountId, is_begun: bool) {
        if lane != Lane::Deliver {
            return;
        }
        let own = self.delivering.entry(account.clone()).or_default();
        *own = if is_begun { *own + 1 } else { own.saturating_sub(1) };
        if *own == 0 {
            self.delivering.remove(account);
        }
    }

    /// Queues what is due by now; how long until the next is.
    fn wake_up(&mut self, now: Instant) -> Option<Duration> {
        while let Some(next) = self.waiting.peek() {
            if next.due > now {
                return Some(next.due - now);
            }
            if let Some(Waiting { lane, job, .. }) = self.waiting.pop() {
                self.queue(lane).push(job);
            }
        }
        None
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    importer: Importer,
    deleter: Deleter,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a job asks while it is at work.
struct Watch<'a> {
    shared: &'a Shared,
    is_cancelled: Arc<AtomicBool>,
}

impl Signals for Watch<'_> {
    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::Relaxed)
    }

    fn others_wait(&self, lane: Lane) -> bool {
        let mut state = self.shared.state();
        state.wake_up(Instant::now());
        !state.queue(lane).is_empty()
    }
}

/// Counts of what is waiting and at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Audiences that wait for their turn.
    pub queued: usize,
    /// Audiences that wait for another attempt.
    pub waiting: usize,
    /// Audiences at work.
    pub running: usize,
}

/// The threads.
pub(crate) struct Workers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// Starts them.
    pub(crate) fn start(importer: Importer, deleter: Deleter) -> std::io::Result<Workers> {
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), importer, deleter };
        let workers = Workers { shared: Arc::new(shared), threads: Mutex::default() };
        for (lane, threads) in THREADS {
            for number in 0..threads {
                let shared = Arc::clone(&workers.shared);
                let thread = std::thread::Builder::new()
                    .name(format!("{lane:?}-{number}").to_lowercase())
                    .spawn(move || work(&shared, lane))?;
                locked(&workers.threads).push(thread);
            }
        }
        Ok(workers)
    }

    /// Takes a job on.
    pub(crate) fn push(&self, lane: Lane, job: Job, wait: Duration) {
        let mut state = self.shared.state();
        match wait {
            Duration::ZERO => state.queue(lane).push(job),
            wait => state.waiting.push(Waiting { due: Instant::now() + wait, lane, job }),
        }
        self.shared.changed.notify_all();
    }

    /// Tells the work on an audience to end.
    pub(crate) fn cancel(&self, id: &AudienceId) {
        if let Some(flag) = self.shared.state().running.get(id) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// What there is to do.
    pub(crate) fn load(&self) -> Load {
        let state = self.shared.state();
        Load {
            queued: state.queues.values().map(Queue::len).sum(),
            waiting: state.waiting.len(),
            running: state.running.len(),
        }
    }

    /// Ends all work at the next place on record, and waits for it.
    pub(crate) fn stop(&self) {
        {
            let mut state = self.shared.state();
            state.is_stopping = true;
            state.running.values().for_each(|flag| flag.store(true, Ordering::Relaxed));
            self.shared.changed.notify_all();
        }
        let threads = std::mem::take(&mut *locked(&self.threads));
        for thread in threads {
            // A panic of a job does not get here.
            let _ = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets whoever answers requests go first: the calling thread, and those that it starts.
pub(crate) fn step_back() {
    const NICE: i32 = 5;
    // Where the system refuses, all are equal.
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// A thread's life.
fn work(shared: &Shared, lane: Lane) {
    step_back();
    while let Some((job, flag)) = take(shared, lane) {
        let watch = Watch { shared, is_cancelled: Arc::clone(&flag) };
        let id = &job.audience;
        let step = AssertUnwindSafe(|| match lane {
            Lane::Delete => shared.deleter.run(id, job.failures, &watch),
            _ => shared.importer.run(id, lane, job.failures, &watch),
        });
        let (next, failures) =
            catch_unwind(step).unwrap_or_else(|_| after_panic(shared, lane, &job));
        let mut state = shared.state();
        state.running.remove(id);
        state.count(lane, &job.account, false);
        let job = Job { failures, ..job };
        match next {
            Next::Done => {}
            Next::Go(lane) => state.queue(lane).push(job),
            Next::Later(lane, wait) => {
                state.waiting.push(Waiting { due: Instant::now() + wait, lane, job });
            }
        }
        shared.changed.notify_all();
    }
}

/// The next job of a lane; `None` at the end. One whose audience is at work elsewhere waits.
fn take(shared: &Shared, lane: Lane) -> Option<(Job, Arc<AtomicBool>)> {
    const ASIDE: Duration = Duration::from_millis(20);
    let mut state = shared.state();
    loop {
        if state.is_stopping {
            return None;
        }
        let next = state.wake_up(Instant::now());
        if let Some(job) = state.pop(lane) {
            if state.running.contains_key(&job.audience) {
                let due = Instant::now() + ASIDE;
                state.waiting.push(Waiting { due, lane, job });
                continue;
            }
            let flag = Arc::new(AtomicBool::new(false));
            state.running.insert(job.audience.clone(), Arc::clone(&flag));
            state.count(lane, &job.account, true);
            return Some((job, flag));
        }
        state = match next {
            Some(wait) => {
                let waited = shared.changed.wait_timeout(state, wait);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

/// What is left to do of a job that panicked: an import fails, a deletion is tried again.
fn after_panic(shared: &Shared, lane: Lane, job: &Job) -> (Next, u32) {
    const AGAIN: Duration = Duration::from_secs(5);
    tracing::error!(audience = %job.audience, "a worker panicked");
    let failed = || shared.importer.give_up(&job.audience).is_ok();
    match lane != Lane::Delete && catch_unwind(AssertUnwindSafe(failed)).unwrap_or(false) {
        true => (Next::Done, 0),
        false => (Next::Later(lane, AGAIN), job.failures + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_take_turns() {
        let accounts = [AccountId::random().unwrap(), AccountId::random().unwrap()];
        let mut queue = Queue::default();
        for account in [0, 0, 0, 1] {
            let audience = AudienceId::random().unwrap();
            queue.push(Job { audience, account: accounts[account].clone(), failures: 0 });
        }
        let order: Vec<_> =
            std::iter::from_fn(|| queue.pop(|_| true)).map(|job| job.account).collect();
        let expected = [0, 1, 0, 0].map(|index: usize| accounts[index].clone());
        assert_eq!(order, expected);
        assert!(queue.is_empty());
    }

    #[test]
    fn no_account_has_all_deliveries() {
        let accounts = [AccountId::random().unwrap(), AccountId::random().unwrap()];
        let mut state = State::default();
        for account in [0, 0, 0, 0, 0, 0, 1] {
            let audience = AudienceId::random().unwrap();
            let account: AccountId = AccountId::clone(&accounts[account]);
            state.queue(Lane::Deliver).push(Job { audience, account, failures: 0 });
        }
        let mut taken = Vec::new();
        while let Some(job) = state.pop(Lane::Deliver) {
            state.count(Lane::Deliver, &job.account, true);
            taken.push(job.account);
        }
        let own = |account: &AccountId| taken.iter().filter(|taken| *taken == account).count();
        assert_eq!((own(&accounts[0]), own(&accounts[1])), (DELIVERING_MAX, 1));
        state.count(Lane::Deliver, &accounts[0], false);
        assert!(state.pop(Lane::Deliver).is_some());
    }

    #[test]
    fn what_is_due_first_comes_first() {
        let mut state = State::default();
        let now = Instant::now();
        let account = AccountId::random().unwrap();
        for seconds in [5, 1, 3] {
            let audience = AudienceId::random().unwrap();
            let job = Job { audience, account: account.clone(), failures: 0 };
            let due = now + Duration::from_secs(seconds);
            state.waiting.push(Waiting { due, lane: Lane::Small, job });
        }
        assert_eq!(state.wake_up(now), Some(Duration::from_secs(1)));
        assert_eq!(state.wake_up(now + Duration::from_secs(4)), Some(Duration::from_secs(1)));
        assert_eq!(state.queue(Lane::Small).len(), 2);
    }
}
