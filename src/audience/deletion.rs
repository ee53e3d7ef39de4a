//! What goes, and when: deleted audiences, raw uploads, rejects, old answers.
//!
//! In: intents that are durable already. Out: local data is gone, then the audience at each
//! platform; what cannot be deleted there yet is tried again for 30 days. A tombstone of id, times
//! and counts stays.

use super::destination::{Destination, Failure, Target};
use super::error::Error;
use super::fault;
use super::folder::{Folder, missing_is_fine};
use super::id::{AudienceId, FileId};
use super::import::{Clock, Lane, Next, Signals};
use super::store::{Connection, Deletion, Millis, Store, StoreError};
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A deletion that a platform does not take is given up after this.
const GIVE_UP: Millis = 30 * 24 * 60 * 60 * 1_000;

/// A part that nobody writes to, and that is on no record, goes after this.
const ORPHAN_AGE: Duration = Duration::from_secs(300);

/// Deletes audiences.
pub(crate) struct Deleter {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) folder: Folder,
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) clock: Clock,
}

impl Deleter {
    /// Goes on with the deletion of an audience.
    pub(crate) fn run(&self, id: &AudienceId, failures: u32, signals: &dyn Signals) -> (Next, u32) {
        const PAUSE: Duration = Duration::from_millis(500);
        match self.work(id, signals) {
            Ok(next) => (next, 0),
            Err(error) => {
                tracing::warn!(audience = %id, %error, "deletion put off");
                (Next::Later(Lane::Delete, PAUSE * (failures + 1).min(20)), failures + 1)
            }
        }
    }

    fn work(&self, id: &AudienceId, signals: &dyn Signals) -> Result<Next, Error> {
        fault::point("delete.local")?;
        let Some(deletion) = self.store.deletion(id)? else { return Ok(Next::Done) };
        self.remove_local(id, &deletion.files)?;
        fault::point("delete.removed")?;
        let mut attempts = deletion.attempts;
        let mut wait: Option<Duration> = None;
        for (stream, connection) in &deletion.streams {
            if signals.is_cancelled() {
                return Ok(Next::Done);
            }
            let target = Target {
                audience: id.clone(),
                stream: stream.clone(),
                external_id: connection.external_id.clone(),
                generation: 1,
            };
            fault::point("delete.platform")?;
            match self.at_platform(connection, &target) {
                Ok(()) => self.store.deleted_at(id, stream)?,
                Err(Failure::Storage(error)) => return Err(error.into()),
                Err(Failure::Final { reason }) => {
                    tracing::error!(audience = %id, %stream, reason, "not deleted at the platform");
                    self.store.deleted_at(id, stream)?;
                }
                Err(Failure::Later { after, reason }) => {
                    tracing::warn!(audience = %id, %stream, reason, "deletion tried again later");
                    let own = self.backoff(&deletion, attempts).max(after.unwrap_or_default());
                    wait = Some(wait.map_or(own, |wait| wait.max(own)));
                }
            }
        }
        let now = (self.clock)();
        match wait {
            Some(wait) if now - deletion.asked < GIVE_UP => {
                attempts += 1;
                self.store.put_off_deletion(id, attempts, now + wait.as_millis() as Millis)?;
                Ok(Next::Later(Lane::Delete, wait))
            }
            given_up => {
                if given_up.is_some() {
                    tracing::error!(audience = %id, "not deleted at a platform in 30 days");
                }
                fault::point("delete.end")?;
                self.store.end_deletion(id, now)?;
                Ok(Next::Done)
            }
        }
    }

    /// How long to wait before the next attempt.
    fn backoff(&self, deletion: &Deletion, attempts: u32) -> Duration {
        let retry = self.destination.retry();
        let doubled = retry.base.saturating_mul(1 << attempts.min(16));
        // Within the first day often, then every few hours.
        let is_new = (self.clock)() - deletion.asked < 24 * 60 * 60 * 1_000;
        doubled.min(if is_new { retry.cap } else { Duration::from_secs(6 * 60 * 60) })
    }

    fn at_platform(&self, connection: &Connection, target: &Target) -> Result<(), Failure> {
        // An answer to the making of it may have been lost.
        match connection.is_begun {
            true => self.destination.delete(target),
            false => Ok(()),
        }
    }

    /// Removes everything of it that is here, and the raw files that only it has used.
    fn remove_local(&self, id: &AudienceId, files: &[FileId]) -> Result<(), Error> {
        self.folder.remove_audience(id)?;
        for file in files {
            self.remove_file(file)?;
        }
        Ok(())
    }

    /// Removes the bytes of an uploaded file.
    fn remove_file(&self, id: &FileId) -> Result<(), Error> {
        let parts = self.store.parts(id)?;
        fault::point("retention.upload")?;
        if !self.store.file_gone(id)? {
            return Ok(());
        }
        fault::point("retention.commit")?;
        for part in parts {
            missing_is_fine(std::fs::remove_file(self.folder.part(id, part.number, &part.token)))?;
        }
        Ok(self.store.parts_gone(id)?)
    }
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// A raw upload, after the last import that reads it has ended.
    pub used_upload: Duration,
    /// A raw upload that nothing reads.
    pub unused_upload: Duration,
    /// The rejects file of an audience, after its import has ended.
    pub rejects: Duration,
    /// The answer to a request with an idempotency key.
    pub answers: Duration,
}

impl Default for Retention {
    fn default() -> Retention {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Retention {
            used_upload: Duration::from_secs(60),
            unused_upload: DAY,
            rejects: 7 * DAY,
            answers: DAY,
        }
    }
}

/// Removes what has been kept for long enough.
pub(crate) struct Janitor {
    pub(crate) deleter: Deleter,
    pub(crate) retention: Retention,
}

impl Janitor {
    /// Looks around once, the `number`-th time.
    pub(crate) fn sweep(&self, number: u64) {
        const ORPHANS_EVERY: u64 = 60;
        let swept = self.try_sweep().and_then(|()| match number % ORPHANS_EVERY {
            0 => Ok(self.remove_orphans(ORPHAN_AGE)?),
            _ => Ok(()),
        });
        if let Err(error) = swept {
            tracing::warn!(%error, "clean-up put off");
        }
    }

    fn try_sweep(&self) -> Result<(), Error> {
        let Janitor { deleter, retention } = self;
        let now = (deleter.clock)();
        let before = |kept: Duration| now - kept.as_millis() as Millis;
        // What ends while this looks around is not in the future.
        const AHEAD: Millis = 60_000;
        let (unused, used) = (before(retention.unused_upload), before(retention.used_upload));
        for file in deleter.store.expired_files(unused, used, now + AHEAD)? {
            deleter.remove_file(&file)?;
        }
        for audience in deleter.store.expired_rejects(before(retention.rejects))? {
            missing_is_fine(std::fs::remove_file(deleter.folder.rejects(&audience)))?;
            deleter.store.rejects_gone(&audience)?;
        }
        deleter.store.expire_replays(before(retention.answers))?;
        deleter.folder.reserve()?;
        Ok(())
    }

    /// Removes parts of uploads that are on no record and were not written to for so long.
    fn remove_orphans(&self, age: Duration) -> Result<(), StoreError> {
        let broken = |error: io::Error| StoreError::Broken(error.kind().to_string());
        let Janitor { deleter, .. } = self;
        let entries = std::fs::read_dir(deleter.folder.uploads()).map_err(broken)?;
        let is_old = |entry: &std::fs::DirEntry| {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let since = written.ok().and_then(|written| written.elapsed().ok());
            age.is_zero() || since.is_some_and(|since| since > age)
        };
        let old: Vec<_> = entries.flatten().filter(is_old).collect();
        // Looked up after the files: what came on record in between is known.
        let known: HashSet<String> = deleter.store.part_names()?.into_iter().collect();
        for entry in old {
            let is_known = entry.file_name().to_str().is_some_and(|name| known.contains(name));
            if !is_known {
                missing_is_fine(std::fs::remove_file(entry.path())).map_err(broken)?;
            }
        }
        Ok(())
    }

    /// At the start: removes what an earlier process left half done.
    pub(crate) fn recover(&self, unfinished: &HashSet<AudienceId>) -> Result<(), StoreError> {
        let broken = |error: io::Error| StoreError::Broken(error.kind().to_string());
        let Janitor { deleter, .. } = self;
        self.remove_orphans(Duration::ZERO)?;
        let outbox = deleter.folder.uploads().with_file_name("outbox");
        for entry in std::fs::read_dir(outbox).map_err(broken)?.flatten() {
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let left = match name.parse::<AudienceId>() {
                Ok(id) if !unfinished.contains(&id) => deleter.folder.staged(&id),
                Err(_) if name.starts_with(".gone-") => entry.path(),
                _ => continue,
            };
            missing_is_fine(std::fs::remove_dir_all(left)).map_err(broken)?;
        }
        Ok(())
    }
}
