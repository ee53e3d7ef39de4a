//! The first half of an import: the file is counted, then read into batches.
//!
//! In: a claim. Out: every row is in a batch on disk or among the rejects, and the audience is
//! ready to be delivered. A long file is read in turns with others of its lane; a turn ends at a
//! place on record.

use super::rejects::Rejects;
use super::{Importer, Lane, Next, Signals, Status, Trouble};
use crate::audience::fault;
use crate::audience::stage::Stage;
use crate::audience::store::{BatchRecord, Claim};
use crate::audience::upload::Reader;
use crate::normalize::date::Date;
use crate::{Checkpoint, Engine, Error, ErrorKind, Options, Run, Source};
use std::io;
use std::time::{Duration, Instant};

/// A turn takes at least this long where others wait.
const TURN: Duration = Duration::from_secs(2);

/// Going to a place in a packed file takes time: a turn is so many times longer.
const TURN_TO_SKIP: u32 = 4;

/// So often the place that was reached goes on record.
const RECORD_EVERY: Duration = Duration::from_millis(200);

/// A file that is larger than it looked goes to the other lane after so many bytes.
const SMALL_BYTES_MAX: u64 = 64 << 20;

/// The share of the progress that reading has; the rest is delivery's.
pub(super) const READ_PERCENT: u64 = 90;

/// Counting goes on record this often, where the file can be gone on with in the middle.
const COUNT_EVERY: Duration = Duration::from_secs(4);

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        let is_ours = matches!(error.kind(), ErrorKind::Read | ErrorKind::Options);
        match (error.kind(), is_ours) {
            (_, true) => Trouble::Io(io::Error::other(error.kind().code())),
            (ErrorKind::DecompressionBomb, _) => Trouble::List(
                "The packed file holds far more than its size promises. Please unpack it and \
                 upload the list itself."
                    .to_owned(),
            ),
            (ErrorKind::ColumnNotFound | ErrorKind::NoIdentifierColumn, _) => {
                Trouble::List(error.message().to_owned())
            }
            _ => Trouble::List(sentence(error.message())),
        }
    }
}

/// A text of the engine's as a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("The file cannot be used. {first}{}.", chars.as_str().trim_end_matches('.'))
}

/// A turn.
struct Turn {
    start: Instant,
    long: Duration,
}

impl Turn {
    fn start(skipped: Duration) -> Turn {
        Turn { start: Instant::now(), long: TURN.max(skipped * TURN_TO_SKIP) }
    }

    fn is_over(&self) -> bool {
        self.start.elapsed() >= self.long
    }
}

impl Importer {
    /// Counts the file if need be, and reads on.
    pub(super) fn read(
        &self,
        claim: &mut Claim,
        lane: Lane,
        signals: &dyn Signals,
    ) -> Result<Next, Trouble> {
        let engine = self.engine_for(claim)?;
        if claim.audience.status == Status::Pending {
            self.enter(&mut claim.audience, Status::Processing);
            fault::point("count.start")?;
            self.store.save(claim, &[])?;
        }
        while !claim.import.counted.is_some_and(|(_, is_end)| is_end) {
            if let Some(next) = self.count(claim, &engine, lane, signals)? {
                return Ok(next);
            }
        }
        if claim.audience.processed_rows < claim.audience.total_rows
            && let Some(next) = self.process(claim, &engine, lane, signals)?
        {
            return Ok(next);
        }
        if self.store.batch_counts(claim)?.all == 0 {
            let text = claim.import.ledger.sentence(claim.audience.processed_rows);
            return Err(Trouble::List(format!("No row of the file can be used. {text}.")));
        }
        self.enter(&mut claim.audience, Status::Syncing);
        fault::point("syncing.commit")?;
        self.store.save(claim, &[])?;
        Ok(Next::Go(Lane::Deliver))
    }

    /// The engine for a claim's list.
    fn engine_for(&self, claim: &Claim) -> Result<Engine, Trouble> {
        let mut options = Options::new()
            .platforms(claim.import.platforms.iter().copied())
            .chunk_rows(self.destination.batch_rows_max());
        if let Some(country) = &claim.import.country {
            options = options.country(country);
        }
        if let Some(today) = date(claim.import.accepted) {
            options = options.today(today);
        }
        let options = claim.audience.mapping.apply(options);
        Ok(self.engine.with_options(options)?)
    }

    /// Opens the list at a place; with the time that it took to go there.
    fn open(
        &self,
        claim: &Claim,
        engine: &Engine,
        place: Option<Checkpoint>,
        signals: &dyn Signals,
    ) -> Result<(Source, Duration), Trouble> {
        let id = &claim.import.file;
        let parts = self.store.parts(id)?;
        let lost = || {
            let text = "The uploaded file is no longer there. Please upload it again.";
            Trouble::List(text.to_owned())
        };
        if parts.is_empty() {
            return Err(lost());
        }
        let start = Instant::now();
        let reader = match Reader::open(&self.folder, id, &parts, 0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(lost()),
            opened => opened?,
        };
        let mut source = engine.open(reader)?;
        let goes_on = || !signals.is_cancelled();
        let is_there = match place {
            None => true,
            Some(place) if source.is_plain() => {
                let rest = Reader::open(&self.folder, id, &parts, place.position().byte)?;
                source.jump_to(&place, rest)?;
                true
            }
            Some(place) => source.skip_to(&place, goes_on)?,
        };
        if !is_there {
            return Err(Trouble::Cancelled);
        }
        Ok((source, start.elapsed()))
    }

    /// Counts rows, and verifies a packed file to its end.
    fn count(
        &self,
        claim: &mut Claim,
        engine: &Engine,
        lane: Lane,
        signals: &dyn Signals,
    ) -> Result<Option<Next>, Trouble> {
        let place = claim.import.counted.map(|(place, _)| place);
        let (source, skipped) = self.open(claim, engine, place, signals)?;
        let turn = Turn::start(skipped);
        let long = COUNT_EVERY.max(skipped * TURN_TO_SKIP);
        let goes_on = || {
            let is_over = turn.is_over() && signals.others_wait(lane);
            !signals.is_cancelled() && !is_over && turn.start.elapsed() < long
        };
        let (place, is_end) = source.count(goes_on)?;
        if signals.is_cancelled() {
            return Err(Trouble::Cancelled);
        }
        claim.import.counted = Some((place, is_end));
        if is_end {
            let rows = place.position().row;
            if rows == 0 {
                let text = "The file has no rows: it is only a header.";
                return Err(Trouble::List(text.to_owned()));
            }
            claim.audience.total_rows = claim.import.rows_before + rows;
            claim.audience.updated = self.now().max(claim.audience.updated);
        }
        self.store.save(claim, &[])?;
        fault::point("count.saved")?;
        let is_large = lane == Lane::Small && place.position().byte > SMALL_BYTES_MAX;
        let is_left = !is_end && signals.others_wait(lane);
        Ok((is_large || is_left).then_some(Next::Go(Lane::Large)))
    }

    /// Reads rows into batches.
    fn process(
        &self,
        claim: &mut Claim,
        engine: &Engine,
        lane: Lane,
        signals: &dyn Signals,
    ) -> Result<Option<Next>, Trouble> {
        let start = claim.import.checkpoint;
        let (source, skipped) = self.open(claim, engine, start, signals)?;
        let turn = Turn::start(skipped);
        fault::point("process.start")?;
        let stage = Stage::open(&self.folder, claim, engine.options(), source.columns())?;
        let path = self.folder.rejects(&claim.audience.id);
        let (bytes, before) = (claim.import.rejects_bytes, claim.import.rows_before);
        let rejects = Rejects::open(path, bytes, claim.import.file.as_str(), before)?;
        let run = source.run()?;
        let place = start.map_or(0, |start| start.position().row);
        let mut pass = Pass { importer: self, claim, stage, rejects, staged: Vec::new(), place };
        pass.drive(run, &turn, lane, signals)
    }
}

/// A run over the rows of one claim.
struct Pass<'a> {
    importer: &'a Importer,
    claim: &'a mut Claim,
    stage: Stage,
    rejects: Rejects,
    /// Durable, and not yet on record.
    staged: Vec<BatchRecord>,
    /// Rows of the file before the range that is being filled.
    place: u64,
}

impl Pass<'_> {
    fn drive(
        &mut self,
        mut run: Run,
        turn: &Turn,
        lane: Lane,
        signals: &dyn Signals,
    ) -> Result<Option<Next>, Trouble> {
        let range_rows = self.importer.destination.batch_rows_max();
        let rows = self.claim.audience.total_rows - self.claim.import.rows_before;
        let mut recorded = Instant::now();
        while let Some(batch) = run.next_batch()? {
            if signals.is_cancelled() {
                return Err(Trouble::Cancelled);
            }
            fault::point("process.batch")?;
            for row in batch.rows() {
                let place = row.number() - 1 - self.place;
                self.stage.take(row, u32::try_from(place).unwrap_or(u32::MAX));
                self.rejects.take(row, &mut self.claim.import.ledger)?;
            }
            self.claim.import.ledger.add(batch.summary());
            let Some(end) = batch.end() else { continue };
            let done = end.position().row;
            if done == self.place || (!done.is_multiple_of(range_rows) && done != rows) {
                continue;
            }
            self.seal(done)?;
            let is_over = turn.is_over() && signals.others_wait(lane);
            let is_large = lane == Lane::Small && end.position().byte > SMALL_BYTES_MAX;
            if done == rows || is_over || is_large || recorded.elapsed() >= RECORD_EVERY {
                self.record(end)?;
                recorded = Instant::now();
            }
            if done < rows && (is_over || is_large) {
                return Ok(Some(Next::Go(Lane::Large)));
            }
        }
        match self.place == rows {
            true => Ok(None),
            false => Err(Trouble::Io(io::Error::other("the file changed while it was read"))),
        }
    }

    /// Ends a range of rows.
    fn seal(&mut self, done: u64) -> Result<(), Trouble> {
        let before = self.claim.import.rows_before;
        let range = (before + self.place + 1, before + done);
        self.staged.extend(self.stage.seal(range, &mut self.claim.import.next_seq)?);
        self.place = done;
        Ok(())
    }

    /// Puts everything up to a place on record.
    fn record(&mut self, end: Checkpoint) -> Result<(), Trouble> {
        self.stage.sync()?;
        let claim = &mut *self.claim;
        claim.import.rejects_bytes = self.rejects.sync()?;
        claim.import.checkpoint = Some(end);
        let audience = &mut claim.audience;
        let done = end.position().row;
        audience.processed_rows = claim.import.rows_before + done;
        let rows = (audience.total_rows - claim.import.rows_before).max(1);
        let percent = (READ_PERCENT * done / rows).min(READ_PERCENT);
        audience.progress_percent = audience.progress_percent.max(percent as u8);
        audience.updated = self.importer.now().max(audience.updated);
        fault::point("stage.commit")?;
        self.importer.store.save(claim, &self.staged)?;
        fault::point("stage.committed")?;
        self.staged.clear();
        Ok(())
    }
}

/// The day of a time, UTC.
fn date(millis: i64) -> Option<Date> {
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    let day = jiff::tz::Offset::UTC.to_datetime(time);
    let part = |part: i8| u8::try_from(part).ok().map(Into::into);
    Date::new(day.year().try_into().ok()?, part(day.month())?, part(day.day())?)
}
