//! What a caller sees of a chunk: rows, cells, candidates.
//!
//! In: a sealed [`Table`]. Out: [`Batch`], whose [`Row`]s are views into it. A batch holds digests,
//! kept columns and plain values only.

use super::checkpoint::Checkpoint;
use super::columns::Columns;
use super::digest::{Digest, Hash};
use super::error::Position;
use super::identifier::Identifier;
use super::pool::Pool;
use super::problem::RowProblem;
use super::rows::{Place, RowHead, Table};
use super::rules::Form;
use super::summary::Summary;
use crate::normalize::Rejection;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// One digest of one identifier of one row, in one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What was hashed.
    pub identifier: Identifier,
    /// 1 for the first column of this identifier, 2 for the second, 3 for the third.
    pub ordinal: usize,
    /// In which spelling.
    pub form: Form,
    /// The digest.
    pub digest: Digest,
}

/// What became of one cell of a used column.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cell<'a> {
    /// Nothing in it.
    Empty,
    /// The platform does not take this column.
    NotTaken,
    /// A match key.
    Key(Digest),
    /// A value that is sent as it is.
    Plain(&'a str),
    /// Unusable.
    Rejected(Rejection),
}

/// The rows of one chunk of input, in input order, and what
/// [`Source::run_with`](crate::Source::run_with) made of them.
pub struct Batch<M: Default = ()> {
    table: Table,
    made: M,
    columns: Arc<Columns>,
    pool: Pool<Spare<M>>,
}

/// Memory of a batch that is gone, for another one.
pub(super) type Spare<M> = (Table, M);

impl<M: Default> Batch<M> {
    pub(super) fn new(
        (table, made): Spare<M>,
        columns: Arc<Columns>,
        pool: Pool<Spare<M>>,
    ) -> Batch<M> {
        Batch { table, made, columns, pool }
    }

    /// Makes something of the rows.
    pub(super) fn make(&mut self, make: impl FnOnce(&Batch<M>, &mut M)) {
        let mut made = std::mem::take(&mut self.made);
        make(self, &mut made);
        self.made = made;
    }

    /// What was made of the rows.
    pub fn made(&self) -> &M {
        &self.made
    }

    /// Every row of the batch, unusable ones included.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        let (table, columns) = (&self.table, &*self.columns);
        let width = columns.plan().slots.len();
        (0..table.heads.len()).map(move |index| {
            let places = &table.places[index * width..][..width];
            Row { table, columns, places, index }
        })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.table.rows()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.table.heads.is_empty()
    }

    /// The place behind its last row, where another run over the same input may go on.
    pub fn end(&self) -> Option<Checkpoint> {
        self.table.end
    }

    /// What became of these rows, counted.
    pub fn summary(&self) -> &Summary {
        &self.table.summary
    }
}

impl<M: Default> fmt::Debug for Batch<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} rows)", self.len())
    }
}

impl<M: Default> Drop for Batch<M> {
    fn drop(&mut self) {
        let spare = (std::mem::take(&mut self.table), std::mem::take(&mut self.made));
        self.pool.give(spare);
    }
}

/// One row of a [`Batch`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    columns: &'a Columns,
    /// What stands in its slots.
    places: &'a [Place],
    index: usize,
}

impl<'a> Row<'a> {
    fn head(&self) -> &'a RowHead {
        &self.table.heads[self.index]
    }

    /// The number of the row in its input, from 1.
    pub fn number(&self) -> u64 {
        self.head().position.row
    }

    /// Where the first byte of its record stands.
    pub fn position(&self) -> Position {
        self.head().position
    }

    /// True if at least one platform can match the row.
    pub fn is_usable(&self) -> bool {
        self.head().platforms != 0
    }

    /// True if the platform with this place in the options can match the row.
    pub fn is_matched(&self, platform: usize) -> bool {
        self.head().platforms.checked_shr(platform as u32).unwrap_or(0) & 1 != 0
    }

    /// What is wrong with the row as a whole.
    pub fn problem(&self) -> Option<RowProblem> {
        self.head().problem
    }

    /// Why the row cannot be used; `None` if it can. Where all its primary identifiers were
    /// rejected it is the reason of the first.
    pub fn unusable(&self) -> Option<Cow<'static, str>> {
        let head = self.head();
        match head.problem {
            _ if self.is_usable() => None,
            Some(problem) if problem != RowProblem::QuoteRecovered => Some(problem.reason().into()),
            _ => self.cells().find_map(|(identifier, cell)| match cell {
                Cell::Rejected(rejection) if identifier.is_primary() => {
                    Some(rejection.reason(identifier))
                }
                _ => None,
            }),
        }
    }

    #[inline]
    fn show(&self, place: Place) -> Cell<'a> {
        let table = self.table;
        match place {
            Place::Empty => Cell::Empty,
            Place::Hashed(index) => {
                Cell::Key(Digest::from_bytes(Hash::Sha256, &table.sha256[index as usize]))
            }
            Place::Digest(index) => Cell::Key(table.digests[index as usize]),
            Place::Plain(index) => {
                Cell::Plain(std::str::from_utf8(table.plain.at(index as usize)).unwrap_or_default())
            }
            Place::Rejected(rejection) | Place::RejectedAndKept(rejection, _) => {
                Cell::Rejected(rejection)
            }
        }
    }

    /// What stands in a slot of the plan.
    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> Cell<'a> {
        self.show(self.places[slot])
    }

    /// The digest in a slot of the plan, and its hash.
    #[inline(always)]
    pub(crate) fn key(&self, slot: usize) -> Option<(Hash, &'a [u8])> {
        match self.places[slot] {
            Place::Hashed(index) => Some((Hash::Sha256, &self.table.sha256[index as usize])),
            Place::Digest(index) => {
                let digest = &self.table.digests[index as usize];
                Some((digest.hash(), digest.as_bytes()))
            }
            _ => None,
        }
    }

    /// True if a key or a plain value stands in a slot of the plan.
    #[inline]
    pub(crate) fn is_usable_slot(&self, slot: usize) -> bool {
        matches!(self.places[slot], Place::Hashed(_) | Place::Digest(_) | Place::Plain(_))
    }

    /// What became of the cell of the used column with this index in [`Columns::used`]: unusable
    /// if a platform cannot use it, for the reason of the first in the order of the options.
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn cell(&self, column: usize) -> Cell<'a> {
        assert!(column < self.columns.used().len(), "there is no used column {column}");
        let places = &self.places[self.columns.plan().of_column(column)];
        let is_rejected = |place: &&Place| matches!(self.show(**place), Cell::Rejected(_));
        let telling = places.iter().find(is_rejected).or(places.first());
        telling.map_or(Cell::NotTaken, |place| self.show(*place))
    }

    /// What became of that cell for the platform with this place in the options.
    ///
    /// # Panics
    ///
    /// If there is no such column or platform.
    #[inline]
    pub fn cell_for(&self, platform: usize, column: usize) -> Cell<'a> {
        let slot = self.columns.plan().shares[platform].slots[column];
        slot.map_or(Cell::NotTaken, |slot| self.slot(slot))
    }

    /// The bytes of the key that the platform with this place in the options gets of that cell, if
    /// it gets one: see [`Encoding::write`](crate::platform::Encoding::write).
    ///
    /// # Panics
    ///
    /// If there is no such column or platform.
    #[inline]
    pub fn key_for(&self, platform: usize, column: usize) -> Option<&'a [u8]> {
        let slot = self.columns.plan().shares[platform].slots[column]?;
        self.key(slot).map(|(_, digest)| digest)
    }

    /// The second reading of a phone in that cell, under
    /// [`Options::phone_alternates`](crate::Options::phone_alternates).
    ///
    /// # Panics
    ///
    /// If there is no such column or platform.
    pub fn alternate_for(&self, platform: usize, column: usize) -> Cell<'a> {
        let slot = self.columns.plan().shares[platform].alternates[column];
        slot.map_or(Cell::NotTaken, |slot| self.slot(slot))
    }

    /// The content of an unusable cell, under
    /// [`Options::keep_rejected`](crate::Options::keep_rejected).
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn rejected(&self, column: usize) -> Option<&'a [u8]> {
        assert!(column < self.columns.used().len(), "there is no used column {column}");
        let places = &self.places[self.columns.plan().of_column(column)];
        places.iter().find_map(|place| match place {
            Place::RejectedAndKept(_, index) => Some(self.table.rejected.at(*index as usize)),
            _ => None,
        })
    }

    /// Every field of the row, quotes resolved, under
    /// [`Options::keep_records`](crate::Options::keep_records); none for a row that was given up.
    pub fn fields(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let table = &self.table;
        let end = table.field_ends.get(self.index).copied().unwrap_or(0);
        let before = self.index.checked_sub(1).and_then(|row| table.field_ends.get(row));
        (before.copied().unwrap_or(0)..end).map(|field| table.fields.at(field))
    }

    /// The canonical spelling that was hashed of the cell of the used column with this index, in
    /// the first form that a platform wants, under
    /// [`Options::keep_records`](crate::Options::keep_records).
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn canonical(&self, column: usize) -> Option<&'a str> {
        assert!(column < self.columns.used().len(), "there is no used column {column}");
        let places = &self.places[self.columns.plan().of_column(column)];
        let messages = &self.table.messages;
        places.iter().find_map(|place| match place {
            Place::Hashed(index) => std::str::from_utf8(messages.get(*index as usize)?).ok(),
            _ => None,
        })
    }

    /// Every cell of a used column, in the order of [`Columns::used`].
    pub fn cells(&self) -> impl Iterator<Item = (Identifier, Cell<'a>)> + use<'a> {
        let row = *self;
        let used = row.columns.used().iter().enumerate();
        used.map(move |(index, column)| (column.identifier(), row.cell(index)))
    }

    /// The row's match candidates, in every form that a platform wants.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> + use<'a> {
        let row = *self;
        let slots = row.columns.plan().slots.iter().enumerate();
        slots.filter_map(move |(index, slot)| {
            let Cell::Key(digest) = row.slot(index) else { return None };
            let (identifier, form) = (slot.key.identifier, slot.key.form);
            Some(Candidate { identifier, ordinal: slot.ordinal, form, digest })
        })
    }

    /// The bytes of the kept column with this index in [`Columns::kept`], as they stood in the
    /// input, quotes resolved.
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn kept(&self, index: usize) -> &'a [u8] {
        let width = self.columns.kept().len();
        // Without this check the next row's content would be handed out.
        assert!(index < width, "there are {width} kept columns");
        self.table.kept.at(self.index * width + index)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({})", self.number())
    }
}
