//! The second half of an import: batches go to their destination.
//!
//! In: a claim whose rows are all in batches. Out: each batch was taken or given up. What is about
//! to be sent is on record before it goes, and what became of it after: an answer that is lost is
//! asked for again, with the same batch under the same id. Which destination it is makes no
//! difference here.

use super::read::READ_PERCENT;
use super::{Importer, Lane, Next, Signals, Trouble};
use crate::audience::destination::{Failure, Parcel, Stream, Target};
use crate::audience::fault;
use crate::audience::stage::{rows_matched, staged_file};
use crate::audience::store::{
    BatchCounts, BatchRecord, BatchState, Claim, Connection, Millis, StoreError,
};
use std::time::{Duration, Instant};

/// What became of a call.
enum Called<T> {
    Done(T),
    /// It is to be made again then.
    Later(Millis),
    /// It is not to be made again.
    GivenUp(String),
}

/// What became of a stream for now.
enum Delivered {
    Over,
    Later(Millis),
    /// Others are waiting.
    Turn,
}

/// A turn takes at least this long where others wait.
const TURN: Duration = Duration::from_secs(1);

impl Importer {
    /// Delivers what is left.
    pub(super) fn deliver(
        &self,
        claim: &mut Claim,
        signals: &dyn Signals,
    ) -> Result<Next, Trouble> {
        let mut counts = self.store.batch_counts(claim)?;
        let mut earliest: Option<Millis> = None;
        let start = Instant::now();
        for (stream, connection) in self.store.streams(claim)? {
            let counts = &mut counts;
            let mut line = Line { importer: self, claim, stream, connection, counts, start };
            match line.drive(signals)? {
                Delivered::Over => {}
                Delivered::Turn => return Ok(Next::Go(Lane::Deliver)),
                Delivered::Later(due) => {
                    earliest = Some(earliest.map_or(due, |earliest| earliest.min(due)));
                }
            }
        }
        match earliest {
            None => self.conclude(claim),
            Some(due) => {
                self.store.put_off(claim, due)?;
                let wait = u64::try_from(due - self.now()).unwrap_or(0);
                Ok(Next::Later(Lane::Deliver, Duration::from_millis(wait)))
            }
        }
    }
}

/// One stream's deliveries.
struct Line<'a> {
    importer: &'a Importer,
    claim: &'a mut Claim,
    stream: Stream,
    connection: Connection,
    counts: &'a mut BatchCounts,
    /// Of the turn.
    start: Instant,
}

impl Line<'_> {
    fn target(&self) -> Target {
        Target {
            audience: self.claim.audience.id.clone(),
            stream: self.stream.clone(),
            external_id: self.connection.external_id.clone(),
            generation: self.claim.audience.generation,
        }
    }

    fn drive(&mut self, signals: &dyn Signals) -> Result<Delivered, Trouble> {
        if self.connection.is_closed || self.connection.failure.is_some() {
            return Ok(Delivered::Over);
        }
        let now = self.importer.now();
        // A clock that was turned back does not make anybody wait longer than was asked.
        if self.connection.due > now && self.connection.due <= now + self.connection.wait {
            return Ok(Delivered::Later(self.connection.due));
        }
        loop {
            if signals.is_cancelled() {
                return Err(Trouble::Cancelled);
            }
            if self.start.elapsed() >= TURN && signals.others_wait(Lane::Deliver) {
                return Ok(Delivered::Turn);
            }
            let next = self.importer.store.next_batch(self.claim, &self.stream)?;
            let called = match (next, self.connection.session.clone()) {
                // This list has nothing for the stream.
                (None, None) => return Ok(Delivered::Over),
                (Some(_), None) => self.open()?,
                (Some(record), Some(session)) => self.send(record, &session, signals)?,
                (None, Some(session)) => match self.close(&session)? {
                    Called::Done(()) => return Ok(Delivered::Over),
                    other => other,
                },
            };
            match called {
                Called::Done(()) => {}
                Called::Later(due) => return Ok(Delivered::Later(due)),
                Called::GivenUp(reason) => {
                    self.connection.failure = Some(reason);
                    self.importer.store.give_up(self.claim, &self.stream)?;
                    self.save()?;
                    return Ok(Delivered::Over);
                }
            }
        }
    }

    fn save(&mut self) -> Result<(), Trouble> {
        let now = self.importer.now();
        self.claim.audience.updated = now.max(self.claim.audience.updated);
        Ok(self.importer.store.connect(self.claim, &self.stream, &self.connection)?)
    }

    /// Makes the audience there if need be, and opens a session.
    fn open(&mut self) -> Result<Called<()>, Trouble> {
        if !self.connection.is_created {
            if !self.connection.is_begun {
                self.connection.is_begun = true;
                self.save()?;
            }
            fault::point("connect.create")?;
            let made = self.importer.destination.create(&self.target());
            match self.called(made)? {
                Called::Done(external_id) => {
                    fault::point("connect.created")?;
                    let ids = &mut self.claim.audience.platform_audience_ids;
                    ids.extend(external_id.clone().filter(|id| !ids.contains(id)));
                    self.connection.external_id = external_id;
                    self.connection.is_created = true;
                    self.save()?;
                }
                Called::Later(due) => return Ok(Called::Later(due)),
                Called::GivenUp(reason) => return Ok(Called::GivenUp(reason)),
            }
        }
        fault::point("connect.open")?;
        let opened = self.importer.destination.open(&self.target());
        Ok(match self.called(opened)? {
            Called::Done(session) => {
                fault::point("connect.opened")?;
                self.connection.session = Some(session);
                self.save()?;
                Called::Done(())
            }
            Called::Later(due) => Called::Later(due),
            Called::GivenUp(reason) => Called::GivenUp(reason),
        })
    }

    fn close(&mut self, session: &str) -> Result<Called<()>, Trouble> {
        fault::point("close.begin")?;
        let taken = self.importer.store.taken(self.claim, &self.stream)?;
        let closed = self.importer.destination.close(&self.target(), session, &taken);
        let called = self.called(closed)?;
        if let Called::Done(()) = called {
            fault::point("close.closed")?;
            self.connection.is_closed = true;
            self.save()?;
        }
        Ok(called)
    }

    /// What became of a call other than the sending of a batch.
    fn called<T>(&mut self, result: Result<T, Failure>) -> Result<Called<T>, Trouble> {
        let (after, reason) = match result {
            Ok(done) => {
                self.connection.attempts = 0;
                return Ok(Called::Done(done));
            }
            Err(Failure::Storage(error)) => return Err(Trouble::Io(error)),
            Err(Failure::Final { reason }) => return Ok(Called::GivenUp(reason)),
            Err(Failure::Later { after, reason }) => (after, reason),
        };
        self.connection.attempts += 1;
        Ok(match self.wait(self.connection.attempts, after)? {
            Some(due) => Called::Later(due),
            None => Called::GivenUp(reason),
        })
    }

    /// Puts the stream off; `None` if it was tried often enough.
    fn wait(&mut self, attempts: u32, after: Option<Duration>) -> Result<Option<Millis>, Trouble> {
        let wait = self.importer.destination.retry().wait(attempts, after, random_share()?);
        let Some(wait) = wait else { return Ok(None) };
        self.connection.wait = wait.as_millis() as Millis;
        let due = self.importer.now() + self.connection.wait;
        self.connection.due = due;
        self.save()?;
        Ok(Some(due))
    }

    /// Sends a batch.
    fn send(
        &mut self,
        mut record: BatchRecord,
        session: &str,
        signals: &dyn Signals,
    ) -> Result<Called<()>, Trouble> {
        let importer = self.importer;
        record.state = BatchState::Sent;
        fault::point("send.begin")?;
        importer.store.settle(self.claim, &record, None)?;
        fault::point("send.begun")?;
        let staged = importer.folder.staged(&self.claim.audience.id);
        let file = staged_file(&staged, &record.stream, &record.batch);
        let is_cancelled = || signals.is_cancelled();
        let parcel =
            Parcel { batch: &record.batch, session, file: &file, is_cancelled: &is_cancelled };
        let sent = importer.destination.send(&self.target(), &parcel);
        if signals.is_cancelled() {
            return Err(Trouble::Cancelled);
        }
        match sent {
            Ok(receipt) => {
                fault::point("send.taken")?;
                record.refused = receipt.refused;
                record.refused.sort_unstable();
                record.state = BatchState::Taken;
                self.settle(&record)?;
                Ok(Called::Done(()))
            }
            Err(Failure::Storage(error)) => Err(Trouble::Io(error)),
            Err(Failure::Final { reason }) => self.lose(record, &reason),
            Err(Failure::Later { after, reason }) => {
                // Only an attempt that ended counts: the end of a process is no refusal.
                record.attempts += 1;
                importer.store.settle(self.claim, &record, None)?;
                match self.wait(record.attempts, after)? {
                    Some(due) => Ok(Called::Later(due)),
                    None => self.lose(record, &reason),
                }
            }
        }
    }

    fn lose(&mut self, mut record: BatchRecord, reason: &str) -> Result<Called<()>, Trouble> {
        let BatchRecord { batch, stream, .. } = &record;
        tracing::warn!(
            audience = %self.claim.audience.id, %stream, batch = batch.seq, reason, "batch given up"
        );
        record.state = BatchState::Failed;
        self.settle(&record)?;
        Ok(Called::Done(()))
    }

    /// Puts on record what became of a batch, and of how many rows.
    fn settle(&mut self, record: &BatchRecord) -> Result<(), Trouble> {
        let importer = self.importer;
        let siblings = importer.store.siblings(self.claim, record.batch.first_row)?;
        let is_other = |other: &BatchRecord| other.stream != record.stream;
        let is_taken = |other: &BatchRecord| other.state == BatchState::Taken;
        let mut taken: Vec<_> =
            siblings.into_iter().filter(|other| is_other(other) && is_taken(other)).collect();
        match record.state {
            BatchState::Taken => {
                self.counts.taken += 1;
                taken.push(record.clone());
            }
            _ => self.counts.failed += 1,
        }
        let matched = rows_matched(&importer.folder.staged(&self.claim.audience.id), &taken)?;
        let done = self.counts.taken + self.counts.failed;
        let share = (99 - READ_PERCENT) * done / self.counts.all.max(1);
        let audience = &mut self.claim.audience;
        audience.progress_percent =
            audience.progress_percent.max((READ_PERCENT + share).min(99) as u8);
        audience.updated = importer.now().max(audience.updated);
        fault::point("send.commit")?;
        self.claim.audience.matched_rows =
            importer.store.settle(self.claim, record, Some(matched))?;
        fault::point("send.committed")?;
        Ok(())
    }
}

/// A random number from 0 to 1, so that many who wait do not come back at once.
fn random_share() -> Result<f64, StoreError> {
    let number = getrandom::u32().map_err(|error| StoreError::Broken(error.to_string()))?;
    Ok(f64::from(number) / f64::from(u32::MAX))
}
