//! The table of a chunk: canonical bytes in, digests out.
//!
//! In: records, the columns that are used. Out: [`Table`], which a [`Batch`](super::batch::Batch)
//! shows row by row. Its flat lists are filled, hashed and read as a whole. A cell is read once and
//! written once for each form that is wanted of it; equal forms of one cell are hashed once.
//! Canonical bytes are gone once they are hashed.

mod doubt;
mod plain;

use super::checkpoint::Checkpoint;
use super::columns::{Column, Columns};
use super::digest::{Digest, Hash};
use super::error::Position;
use super::identifier::Identifier;
use super::plan::{Plan, Slot};
use super::problem::RowProblem;
use super::record::Record;
use super::rules::{Form, PrehashedAs, Sent};
use super::sha256::{Detected, digest_many};
use super::summary::{SlotCounts, Summary};
use crate::normalize::{Country, Hints, Normalizer, Outcome, Rejection, Value};
use doubt::{countries_of, first_doubtful, has_surplus, is_long, trusted};
use plain::AtOnce;

/// What stands in a slot of a row: indexes into the table's lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Empty,
    /// A SHA-256 digest that was made here.
    Hashed(u32),
    /// Any other digest: of another hash, or from the input.
    Digest(u32),
    Plain(u32),
    Rejected(Rejection),
    /// Its cell's content was kept as well.
    RejectedAndKept(Rejection, u32),
}

/// Byte strings, end to end.
#[derive(Default)]
pub(crate) struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Adds what is written; it is a message that will be hashed.
    fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Place {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
        Place::Hashed((self.ends.len() - 1) as u32)
    }

    pub(crate) fn at(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        (index < self.ends.len()).then(|| self.at(index))
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What of the input is kept beside the keys.
#[derive(Clone, Copy, Default)]
pub(crate) struct Keeps {
    /// Unusable cells.
    pub(crate) rejected: bool,
    /// All fields.
    pub(crate) records: bool,
}

pub(crate) struct RowHead {
    pub(crate) position: Position,
    pub(crate) problem: Option<RowProblem>,
    /// The platforms that can match the row, as bits.
    pub(crate) platforms: u32,
}

/// A cell of a used column, which is the one with this index.
struct Cell<'a> {
    column: &'a Column,
    index: usize,
    raw: &'a [u8],
    position: Position,
    hints: Hints,
}

/// So many kinds of rows are remembered.
const KNOWN_MAX: usize = 16;

/// Rows one after the other in which the same slots are usable: most of a list.
#[derive(Clone, Copy, Default)]
struct Alike {
    rows: u64,
    /// The slots, as bits.
    usable: u64,
    /// The platforms that can match such rows, as bits.
    platforms: u32,
}

/// The rows of one chunk.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) heads: Vec<RowHead>,
    /// As many for each row as the plan has slots.
    pub(crate) places: Vec<Place>,
    pub(crate) sha256: Vec<[u8; 32]>,
    pub(crate) digests: Vec<Digest>,
    pub(crate) plain: Strings,
    pub(crate) kept: Strings,
    pub(crate) rejected: Strings,
    /// All fields of all rows, and where each row's end.
    pub(crate) fields: Strings,
    pub(crate) field_ends: Vec<usize>,
    pub(crate) summary: Summary,
    /// Canonical bytes, for each of `sha256`; gone once they are hashed, unless records are kept.
    pub(crate) messages: Strings,
    /// Where the next chunk starts.
    pub(crate) end: Option<Checkpoint>,
    counts: Vec<SlotCounts>,
    /// For each used column its cells that were written at once.
    at_once: Vec<AtOnce>,
    alike: Alike,
    /// Kinds of rows that have been met.
    known: Vec<Alike>,
    keeps_rejected: bool,
    keeps_records: bool,
    prehashed_as: PrehashedAs,
}

impl Table {
    /// Empties the table for the next chunk.
    pub(crate) fn start(&mut self, columns: &Columns, keeps: Keeps, prehashed_as: PrehashedAs) {
        self.keeps_rejected = keeps.rejected;
        self.keeps_records = keeps.records;
        self.prehashed_as = prehashed_as;
        self.heads.clear();
        self.places.clear();
        self.alike = Alike::default();
        self.known.clear();
        self.at_once.clear();
        self.at_once.resize(columns.used().len(), AtOnce::default());
        self.digests.clear();
        self.messages.clear();
        self.plain.clear();
        self.kept.clear();
        self.rejected.clear();
        self.fields.clear();
        self.field_ends.clear();
        self.counts.clear();
        self.counts.resize(columns.plan().slots.len(), SlotCounts::default());
        self.summary.start(columns.plan());
    }

    /// Adds one record: writes the cells that are used, copies those that are kept.
    pub(crate) fn push(
        &mut self,
        record: &Record<'_>,
        columns: &Columns,
        default_country: Option<Country>,
        normalizer: &mut Normalizer,
    ) {
        self.keep(record, columns);
        let repeated = repeated_header(record, columns);
        let record = repeated.as_ref().unwrap_or(record);
        self.count_problems(record, columns);
        let plan = columns.plan();
        let [country, place] = countries_of(record, columns).map(|it| it.or(default_country));
        let end = match is_long(record, columns) {
            true => first_doubtful(record, columns, [country, place], normalizer),
            false => usize::MAX,
        };
        let row_start = self.places.len();
        let (mut has_primary, mut has_other_primary) = (false, false);
        let mut usable = 0;
        for (index, (column, taken)) in columns.used().iter().zip(&plan.taken).enumerate() {
            let raw = if column.index() > end { &[] } else { trusted(record, column.index()) };
            let hints = || column.hints(country, place);
            let identifier = column.identifier();
            if taken.is_plain {
                let own = &plan.slots[taken.slots.clone()];
                if self.push_at_once(raw, own, (index, identifier), hints, normalizer) {
                    has_primary = true;
                    usable |= taken.bits;
                    continue;
                }
            }
            let cell = Cell { column, index, raw, position: record.position, hints: hints() };
            let (is_there, bits) = self.push_any(&cell, plan, row_start, normalizer);
            usable |= bits;
            match taken.slots.is_empty() {
                true => has_other_primary |= is_there,
                false => has_primary |= is_there,
            }
        }
        let platforms = self.platforms(plan, row_start, usable);
        let mut problem = record.problem;
        let is_spoilt = problem.is_some_and(RowProblem::spoils_the_row);
        if platforms == 0 && !has_primary && !is_spoilt && columns.has_primary() {
            let reason = match has_other_primary {
                true => RowProblem::NotAccepted,
                false => RowProblem::NoIdentifier,
            };
            problem = Some(reason);
            self.summary.count_row(reason, record.position);
        }
        self.heads.push(RowHead { position: record.position, problem, platforms });
    }

    /// Reads a cell in the general way and writes it into its slots; true if there is anything in
    /// it, and it is a primary identifier. The bits are those of usable slots.
    #[inline(never)]
    fn push_any(
        &mut self,
        cell: &Cell<'_>,
        plan: &Plan,
        row_start: usize,
        normalizer: &mut Normalizer,
    ) -> (bool, u64) {
        let (column, slots) = (cell.column, plan.of_column(cell.index));
        let (identifier, own) = (column.identifier(), &plan.slots[slots.clone()]);
        if own.is_empty() && !identifier.is_primary() {
            return (false, 0);
        }
        let value = match plan.taken[cell.index].is_plain {
            // It is not plain.
            true => normalizer.read_any(identifier, cell.raw, cell.hints),
            false => normalizer.read(identifier, cell.raw, cell.hints),
        };
        let first = self.places.len();
        // A second e-mail may be the first one again.
        let same_from = if column.ordinal() > 1 { row_start } else { first };
        for (at, slot) in own.iter().enumerate() {
            let place = match alike(&value, &own[..at], slot) {
                Some(other) => self.places[first + other],
                None => self.write(&value, slot, cell, same_from, normalizer),
            };
            self.places.push(place);
        }
        self.count_cell(cell, first, own, slots.start);
        let mut own = self.places[first..].iter().zip(own);
        let is_first_reading =
            |(place, slot): (&Place, &Slot)| slot.key.form != Form::Alternate && is_made(place);
        if identifier == Identifier::Phone && own.any(is_first_reading) {
            self.summary.count_phone(value.is_valid_phone(), value.is_assumed_phone());
        }
        let bit = |at: usize| 1_u64.checked_shl((slots.start + at) as u32).unwrap_or(0);
        let written = self.places[first..].iter().enumerate();
        let bits = written.filter(|(_, place)| is_usable(place)).map(|(at, _)| bit(at)).sum();
        (identifier.is_primary() && !matches!(value, Value::Empty), bits)
    }

    /// The platforms that can match the row whose slots start at `row_start`, as bits; the row is
    /// counted for them.
    #[inline]
    fn platforms(&mut self, plan: &Plan, row_start: usize, usable: u64) -> u32 {
        let has_all_bits = plan.slots.len() <= u64::BITS as usize;
        if self.alike.usable != usable || self.alike.rows == 0 || !has_all_bits {
            self.look_for_alike(plan, row_start, usable);
        }
        self.alike.rows += 1;
        self.alike.platforms
    }

    /// Finds out which platforms can match rows with these usable slots.
    #[inline(never)]
    fn look_for_alike(&mut self, plan: &Plan, row_start: usize, bits: u64) {
        self.count_alike();
        let own = &self.places[row_start..];
        let is_short = own.len() <= u64::BITS as usize;
        let known = self.known.iter().find(|known| known.usable == bits && is_short);
        if let Some(known) = known {
            self.alike = *known;
            return;
        }
        let slots = plan.slots.iter().zip(own).filter(|(_, place)| is_usable(place));
        let platforms = plan.matched(slots.map(|(slot, _)| slot));
        self.alike = Alike { rows: 0, usable: bits, platforms };
        if self.known.len() < KNOWN_MAX {
            self.known.push(self.alike);
        }
    }

    /// Counts the rows that were alike until now.
    fn count_alike(&mut self) {
        self.summary.count_matched(self.alike.platforms, self.alike.rows);
        self.alike.rows = 0;
    }

    /// Copies what is kept of a record.
    fn keep(&mut self, record: &Record<'_>, columns: &Columns) {
        for &index in columns.kept() {
            self.kept.push(record.fields.get(index).unwrap_or_default());
        }
        if self.keeps_records {
            record.fields.iter().for_each(|field| self.fields.push(field));
            self.field_ends.push(self.fields.ends.len());
        }
    }

    /// Writes a value into a slot; the same message may stand in the places from `first` on.
    fn write(
        &mut self,
        value: &Value<'_>,
        slot: &Slot,
        cell: &Cell<'_>,
        first: usize,
        normalizer: &Normalizer,
    ) -> Place {
        let out = match slot.key.sent {
            Sent::Plain => &mut self.plain,
            Sent::Hashed(_) => &mut self.messages,
        };
        let (identifier, form) = (slot.key.identifier, slot.key.form);
        let start = out.bytes.len();
        match normalizer.write(value, identifier, form, cell.hints, &mut out.bytes) {
            Outcome::Empty => Place::Empty,
            Outcome::Usable => match slot.key.sent {
                Sent::Plain => {
                    out.ends.push(out.bytes.len());
                    Place::Plain((out.ends.len() - 1) as u32)
                }
                Sent::Hashed(Hash::Sha256) => self.message(start, first),
                Sent::Hashed(hash) => {
                    let digest = Digest::with(hash, &out.bytes[start..]);
                    out.bytes.truncate(start);
                    self.digest(digest)
                }
            },
            Outcome::Prehashed(digest) => match slot.key.takes(&digest, self.prehashed_as) {
                // Without this the upload file may have no column for it.
                Ok(())
                    if slot.key.sent != Sent::Hashed(digest.hash())
                        && !cell.column.holds(digest.hash()) =>
                {
                    Place::Rejected(Rejection::NotAccepted)
                }
                Ok(()) => self.digest(digest),
                // A second reading is none, rather than a bad one.
                Err(_) if slot.key.form == Form::Alternate => Place::Empty,
                Err(rejection) => Place::Rejected(rejection),
            },
            Outcome::Rejected(_) if slot.key.form == Form::Alternate => Place::Empty,
            Outcome::Rejected(rejection) => Place::Rejected(rejection),
        }
    }

    /// The message that was just written, or the same one of an earlier slot of the cell.
    fn message(&mut self, start: usize, first: usize) -> Place {
        let written = &self.messages.bytes[start..];
        let is_same = |place: &&Place| match place {
            Place::Hashed(index) => self.messages.at(*index as usize) == written,
            _ => false,
        };
        if let Some(place) = self.places[first..].iter().find(is_same) {
            let place = *place;
            self.messages.bytes.truncate(start);
            return place;
        }
        self.messages.ends.push(self.messages.bytes.len());
        Place::Hashed((self.messages.ends.len() - 1) as u32)
    }

    fn digest(&mut self, digest: Digest) -> Place {
        self.digests.push(digest);
        Place::Digest((self.digests.len() - 1) as u32)
    }

    /// Counts a cell whose slots start at `first`, the plan's slots at `slot`.
    fn count_cell(&mut self, cell: &Cell<'_>, first: usize, slots: &[Slot], slot: usize) {
        let Cell { column, raw, position, .. } = *cell;
        let identifier = column.identifier();
        if let ([Place::Hashed(_)], [own]) = (&self.places[first..], slots)
            && own.key.form != Form::Alternate
        {
            self.counts[slot].usable += 1;
            self.summary.count_candidates(identifier, 1);
            return;
        }
        let (mut keys, mut is_plain) = (0, false);
        let mut rejected = None;
        for at in first..self.places.len() {
            let place = self.places[at];
            if slots[at - first].key.form == Form::Alternate {
                let is_there = matches!(place, Place::Hashed(_));
                self.summary.count_alternates(u64::from(is_there));
                continue;
            }
            let counts = &mut self.counts[slot + at - first];
            match place {
                Place::Empty => {}
                Place::Rejected(rejection) | Place::RejectedAndKept(rejection, _) => {
                    counts.rejections[rejection as usize] += 1;
                    rejected.get_or_insert((at, rejection));
                }
                _ => {
                    counts.usable += 1;
                    let is_new =
                        !self.places[first..at].iter().any(|other| self.same(*other, place));
                    is_plain |= matches!(place, Place::Plain(_));
                    keys += u64::from(is_new && !matches!(place, Place::Plain(_)));
                }
            }
        }
        let candidates = if keys == 0 { u64::from(is_plain) } else { keys };
        self.summary.count_candidates(identifier, candidates);
        if let Some((at, rejection)) = rejected {
            let kind = (identifier, rejection);
            self.summary.count_rejection(kind, position, column.index(), raw.len());
            if self.keeps_rejected {
                self.rejected.push(raw);
                let kept = (self.rejected.ends.len() - 1) as u32;
                self.places[at] = Place::RejectedAndKept(rejection, kept);
            }
        }
    }

    /// True if two places hold the same digest.
    fn same(&self, one: Place, other: Place) -> bool {
        match (one, other) {
            (Place::Digest(one), Place::Digest(other)) => {
                self.digests[one as usize] == self.digests[other as usize]
            }
            _ => one == other,
        }
    }

    fn count_problems(&mut self, record: &Record<'_>, columns: &Columns) {
        if let Some(problem) = record.problem {
            self.summary.count_row(problem, record.position);
            // Its number of fields was looked at already.
            return;
        }
        let (length, width) = (record.fields.len(), columns.width());
        // Without a header nothing says that they are only delimiters at the end.
        let is_unnamed = !columns.is_named();
        if length < width {
            self.summary.count_row(RowProblem::ShortRow, record.position);
        } else if length > width && (is_unnamed || has_surplus(record, columns)) {
            self.summary.count_row(RowProblem::LongRow, record.position);
        }
    }

    /// Hashes all messages and forgets them; adds up.
    pub(crate) fn seal(&mut self, columns: &Columns, kernel: Detected) {
        digest_many(kernel, &self.messages.bytes, &self.messages.ends, &mut self.sha256);
        if !self.keeps_records {
            self.messages.clear();
        }
        self.count_alike();
        self.count_at_once(columns);
        for (slot, counts) in columns.plan().slots.iter().zip(&self.counts) {
            self.summary.count_slot(slot.platforms, slot.key.identifier, counts);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.heads.len()
    }
}

/// The record, if it is the header once more.
fn repeated_header<'a>(record: &Record<'a>, columns: &Columns) -> Option<Record<'a>> {
    let is_repeated = record.problem.is_none() && columns.is_header(record.fields);
    is_repeated.then_some(Record { problem: Some(RowProblem::RepeatedHeader), ..*record })
}

/// Which of these slots is known to hold what this one will.
fn alike(value: &Value<'_>, slots: &[Slot], slot: &Slot) -> Option<usize> {
    let is_alike = |other: &Slot| {
        other.key.sent == slot.key.sent && value.is_same(other.key.form, slot.key.form)
    };
    slots.iter().position(is_alike)
}

/// True if something for a platform is in it.
fn is_usable(place: &Place) -> bool {
    !matches!(place, Place::Empty | Place::Rejected(_) | Place::RejectedAndKept(..))
}

/// True for a digest that was made here.
fn is_made(place: &Place) -> bool {
    matches!(place, Place::Hashed(_) | Place::Plain(_))
}
