//! One audience's way from an accepted file to its end; the only code that changes a status.
//!
//! In: an audience that has something to do. Out: what it has to do next. An import is a row of
//! steps, each of which is durable before the next begins: the file is counted, then read into
//! batches on disk, then the batches are delivered. Whatever ends the process, the next one goes on
//! behind the last step on record. Counters follow from what is on record, never from memory.

mod deliver;
mod read;
mod rejects;

pub(crate) use rejects::HEADER as REJECTS_HEADER;

use super::destination::Destination;
use super::fault;
use super::folder::{Folder, missing_is_fine};
use super::id::{AudienceId, FileId};
use super::ledger::{Ledger, grouped};
use super::status::Status;
use super::store::{Audience, Claim, Import, Millis, Store, StoreError};
use crate::{Engine, Platform};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Files that are read at once.
    Small,
    /// Files that take their time, in turns.
    Large,
    /// Batches on their way.
    Deliver,
    /// Audiences that are to go.
    Delete,
}

/// What is to be done next for an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Done,
    /// The same, or something else, as soon as it is its turn.
    Go(Lane),
    /// That, after a while.
    Later(Lane, Duration),
}

/// What a step asks while it is at work.
pub(crate) trait Signals {
    /// True if it is to end at once: a deletion, or the end of the process.
    fn is_cancelled(&self) -> bool;
    /// True if others wait for this lane.
    fn others_wait(&self, lane: Lane) -> bool;
}

/// Why a step ended early.
pub(crate) enum Trouble {
    /// It was asked to.
    Cancelled,
    Store(StoreError),
    Io(io::Error),
    /// The file cannot be used; in words for a merchant.
    List(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Store(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Io(error)
    }
}

/// Milliseconds since 1970, now. A value, so that tests can turn it.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;

/// Everything that imports share.
pub(crate) struct Importer {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) folder: Folder,
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
}

/// How long a step waits after our own storage failed, by how often it did.
fn pause(failures: u32) -> Duration {
    const CAP: Duration = Duration::from_secs(15);
    Duration::from_millis(250).saturating_mul(1 << failures.min(8)).min(CAP)
}

/// An audience whose import is over, as it stands when more people are accepted.
pub(crate) fn reopen(audience: &mut Audience, now: Millis) {
    audience.status = Status::Pending;
    audience.progress_percent = 0;
    audience.error_message = None;
    audience.generation += 1;
    audience.updated = now.max(audience.updated);
}

/// An import at its start.
pub(crate) fn new_import(
    file: FileId,
    country: Option<String>,
    platforms: Vec<Platform>,
    accepted: Millis,
) -> Import {
    Import {
        file,
        country,
        platforms,
        accepted,
        rows_before: 0,
        counted: None,
        checkpoint: None,
        next_seq: BTreeMap::new(),
        ledger: Ledger::default(),
        rejects_bytes: 0,
    }
}

impl Importer {
    pub(crate) fn now(&self) -> Millis {
        (self.clock)()
    }

    /// Does what is next for an audience. `failures`: how often our own storage failed in a row.
    pub(crate) fn run(
        &self,
        id: &AudienceId,
        lane: Lane,
        failures: u32,
        signals: &dyn Signals,
    ) -> (Next, u32) {
        let trouble = match self.work(id, lane, signals) {
            Ok(next) => return (next, 0),
            Err(trouble) => trouble,
        };
        match trouble {
            Trouble::Cancelled | Trouble::Store(StoreError::Stale) => (Next::Done, 0),
            Trouble::Store(error) => {
                tracing::warn!(audience = %id, %error, "import put off");
                (Next::Later(lane, pause(failures)), failures + 1)
            }
            Trouble::Io(error) => {
                // The kind only: a path says nothing to an operator, and content must not.
                tracing::warn!(audience = %id, kind = %error.kind(), "import put off");
                (Next::Later(lane, pause(failures)), failures + 1)
            }
            // It is said where it comes up.
            Trouble::List(_) => (Next::Done, 0),
        }
    }

    fn work(&self, id: &AudienceId, lane: Lane, signals: &dyn Signals) -> Result<Next, Trouble> {
        fault::point("claim.commit")?;
        let Some(mut claim) = self.store.claim(id)? else { return Ok(Next::Done) };
        match claim.audience.status {
            Status::Pending | Status::Processing => match self.read(&mut claim, lane, signals) {
                Err(Trouble::List(message)) => {
                    self.fail(&mut claim, message)?;
                    Ok(Next::Done)
                }
                other => other,
            },
            Status::Syncing => self.deliver(&mut claim, signals),
            _ => Ok(Next::Done),
        }
    }

    /// Ends an import that panicked.
    pub(crate) fn give_up(&self, id: &AudienceId) -> Result<(), Trouble> {
        let Some(mut claim) = self.store.claim(id)? else { return Ok(()) };
        if !claim.audience.status.is_final() {
            let message = "The import stopped because of an error of ours. Please upload the list \
                           again, or tell support.";
            self.fail(&mut claim, message.to_owned())?;
        }
        Ok(())
    }

    /// Goes on to a status.
    fn enter(&self, audience: &mut Audience, next: Status) {
        debug_assert!(audience.status.may_become(next), "{} to {next}", audience.status);
        audience.status = next;
        audience.updated = self.now().max(audience.updated);
    }

    /// Ends an import whose file is of no use. What earlier files brought stays.
    fn fail(&self, claim: &mut Claim, message: String) -> Result<(), Trouble> {
        for (stream, _) in self.store.streams(claim)? {
            self.store.give_up(claim, &stream)?;
        }
        let status = match claim.audience.matched_rows {
            0 => Status::Failed,
            _ => Status::Partial,
        };
        self.finish(claim, status, Some(message))
    }

    /// Ends an import when each batch was taken or given up.
    fn conclude(&self, claim: &mut Claim) -> Result<Next, Trouble> {
        // What was lost before is still not there.
        let counts = self.store.all_batch_counts(&claim.audience.id)?;
        let streams = self.store.streams(claim)?;
        let lost = streams.iter().find_map(|(stream, connection)| {
            connection.failure.as_ref().map(|failure| format!("{stream}: {failure}"))
        });
        let has_failed = counts.failed > 0 || lost.is_some();
        claim.audience.matched_rows = self.store.matched(&claim.audience.id)?;
        let matched = claim.audience.matched_rows;
        let what = lost.unwrap_or_else(|| "refused, or not to be reached in time".to_owned());
        let (status, message) = match (has_failed, matched) {
            (_, 0) => {
                let text = format!("None of the rows was taken by the ad platforms ({what}).");
                (Status::Failed, Some(text))
            }
            (false, _) => (Status::Ready, None),
            (true, _) => {
                let text = format!(
                    "{} of {} batches, with {} rows, could not be delivered ({what}). The others \
                     were: the audience can be used.",
                    grouped(counts.failed),
                    grouped(counts.all),
                    grouped(counts.failed_rows)
                );
                (Status::Partial, Some(text))
            }
        };
        self.finish(claim, status, message)?;
        Ok(Next::Done)
    }

    fn finish(
        &self,
        claim: &mut Claim,
        status: Status,
        message: Option<String>,
    ) -> Result<(), Trouble> {
        let audience = &mut claim.audience;
        self.enter(audience, status);
        audience.error_message = message;
        audience.refreshed = Some(audience.updated);
        if audience.total_rows > 0 && audience.processed_rows == audience.total_rows {
            audience.progress_percent = 100;
        }
        fault::point("final.commit")?;
        self.store.finish(claim)?;
        tracing::info!(
            audience = %claim.audience.id,
            status = %status,
            total_rows = claim.audience.total_rows,
            matched_rows = claim.audience.matched_rows,
            "import over"
        );
        fault::point("final.committed")?;
        self.clean(&claim.audience.id)?;
        Ok(())
    }

    /// Removes what was staged; what was delivered is where it belongs.
    pub(crate) fn clean(&self, id: &AudienceId) -> io::Result<()> {
        fault::point("clean.staged")?;
        missing_is_fine(std::fs::remove_dir_all(self.folder.staged(id)))
    }
}
