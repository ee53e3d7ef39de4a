//! The table of a chunk: canonical bytes in, digests out.
//!
//! In: records, the columns that are used. Out: [`Batch`], whose [`Row`]s are views into flat
//! tables that are filled, hashed and read as a whole. Canonical bytes are gone once they are
//! hashed; a batch holds digests, kept columns and plain values only.

use super::columns::Columns;
use super::decode::Record;
use super::error::Position;
use super::identifier::Identifier;
use super::problem::RowProblem;
use super::sha256::{Digest, digest_many};
use super::summary::Summary;
use crate::normalize::{Country, Normalizer, Outcome, Rejection};
use crossbeam_channel::Sender;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// How a candidate's identifier was spelled before it was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// The generic form of [`Platform::Generic`](crate::Platform::Generic).
    Generic,
    /// Unknown: the cell held 64 hexadecimal digits, which were passed through.
    Prehashed,
}

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
    /// A match key.
    Key(&'a Digest, Form),
    /// A value that is sent as it is.
    Plain(&'a str),
    /// Unusable.
    Rejected(Rejection),
}

/// A cell while its chunk is worked on: indexes into the table's lists.
#[derive(Clone, Copy)]
enum Slot {
    Empty,
    Hashed(u32),
    Passed(u32),
    Plain(u32),
    Rejected(Rejection),
    RejectedAndKept(Rejection, u32),
}

/// Byte strings, end to end.
#[derive(Default)]
struct Strings {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Strings {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    fn at(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

struct RowHead {
    position: Position,
    problem: Option<RowProblem>,
    is_usable: bool,
}

/// The rows of one chunk.
#[derive(Default)]
pub(crate) struct Table {
    heads: Vec<RowHead>,
    slots: Vec<Slot>,
    messages: Strings,
    digests: Vec<Digest>,
    passed: Vec<Digest>,
    plain: Strings,
    kept: Strings,
    rejected: Strings,
    keeps_rejected: bool,
    summary: Summary,
}

impl Table {
    /// Empties the table for the next chunk.
    pub(crate) fn start(&mut self, keeps_rejected: bool) {
        self.keeps_rejected = keeps_rejected;
        self.heads.clear();
        self.slots.clear();
        self.messages.clear();
        self.digests.clear();
        self.passed.clear();
        self.plain.clear();
        self.kept.clear();
        self.rejected.clear();
        self.summary = Summary::default();
    }

    /// Adds one record: normalizes the cells that are used, copies those that are kept.
    pub(crate) fn push(
        &mut self,
        record: &Record<'_>,
        columns: &Columns,
        default_country: Option<Country>,
        normalizer: &mut Normalizer,
    ) {
        for &index in columns.kept() {
            self.kept.push(record.fields.get(index).unwrap_or_default());
        }
        self.count_problems(record, columns.width());
        let country = country_of(record, columns).or(default_country);
        let mut has_primary_cell = false;
        let mut is_usable = false;
        for column in columns.used() {
            let identifier = column.identifier();
            let raw = record.fields.get(column.index()).unwrap_or_default();
            let out = match identifier {
                Identifier::Ltv => &mut self.plain,
                _ => &mut self.messages,
            };
            let outcome = normalizer.normalize(identifier, raw, country, &mut out.bytes);
            let slot = self.place(outcome, raw);
            self.slots.push(slot);
            self.count(identifier, slot);
            if identifier.is_primary() {
                has_primary_cell |= !matches!(slot, Slot::Empty);
                is_usable |= matches!(slot, Slot::Hashed(_) | Slot::Passed(_));
            }
        }
        let mut problem = record.problem;
        if !has_primary_cell && !problem.is_some_and(RowProblem::spoils_the_row) {
            problem = Some(RowProblem::NoIdentifier);
            self.summary.count_row(RowProblem::NoIdentifier);
        }
        self.summary.count_usable(is_usable);
        self.summary.count_valid_phones(normalizer.take_valid_phones());
        self.heads.push(RowHead { position: record.position, problem, is_usable });
    }

    fn place(&mut self, outcome: Outcome, raw: &[u8]) -> Slot {
        match outcome {
            Outcome::Empty => Slot::Empty,
            Outcome::Hash => {
                self.messages.ends.push(self.messages.bytes.len());
                Slot::Hashed((self.messages.ends.len() - 1) as u32)
            }
            Outcome::Plain => {
                self.plain.ends.push(self.plain.bytes.len());
                Slot::Plain((self.plain.ends.len() - 1) as u32)
            }
            Outcome::Passthrough(digest) => {
                self.passed.push(digest);
                Slot::Passed((self.passed.len() - 1) as u32)
            }
            Outcome::Rejected(rejection) if self.keeps_rejected => {
                self.rejected.push(raw);
                Slot::RejectedAndKept(rejection, (self.rejected.ends.len() - 1) as u32)
            }
            Outcome::Rejected(rejection) => Slot::Rejected(rejection),
        }
    }

    fn count(&mut self, identifier: Identifier, slot: Slot) {
        match slot {
            Slot::Empty => {}
            Slot::Hashed(_) | Slot::Passed(_) => self.summary.count_candidate(identifier),
            Slot::Plain(_) => self.summary.count_candidate(identifier),
            Slot::Rejected(rejection) | Slot::RejectedAndKept(rejection, _) => {
                self.summary.count_rejection(identifier, rejection);
            }
        }
    }

    fn count_problems(&mut self, record: &Record<'_>, width: usize) {
        if let Some(problem) = record.problem {
            self.summary.count_row(problem);
            if problem.spoils_the_row() {
                return;
            }
        }
        if record.fields.len() < width {
            self.summary.count_row(RowProblem::ShortRow);
        } else if record.fields.iter().skip(width).any(|field| !field.is_empty()) {
            self.summary.count_row(RowProblem::LongRow);
        }
    }

    /// Hashes all messages and forgets them.
    pub(crate) fn seal(&mut self) {
        digest_many(&self.messages.bytes, &self.messages.ends, &mut self.digests);
        self.messages.clear();
    }

    pub(crate) fn rows(&self) -> usize {
        self.heads.len()
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// The country that the row itself names, if it can be read.
fn country_of(record: &Record<'_>, columns: &Columns) -> Option<Country> {
    let named = columns.used().iter().filter(|c| c.identifier() == Identifier::Country);
    named.filter_map(|column| record.fields.get(column.index())).find_map(Country::from_cell)
}

/// The rows of one chunk of input, in input order.
pub struct Batch {
    table: Table,
    columns: Arc<Columns>,
    recycle: Sender<Table>,
}

impl Batch {
    pub(crate) fn new(table: Table, columns: Arc<Columns>, recycle: Sender<Table>) -> Batch {
        Batch { table, columns, recycle }
    }

    /// Every row of the batch, unusable ones included.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.table.heads.len()).map(|index| Row { batch: self, index })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.table.rows()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.table.heads.is_empty()
    }

    /// What became of these rows, counted.
    pub fn summary(&self) -> &Summary {
        &self.table.summary
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} rows)", self.len())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // The run may be gone, or have enough of them: then the memory is simply freed.
        let _ = self.recycle.try_send(std::mem::take(&mut self.table));
    }
}

/// One row of a [`Batch`].
#[derive(Clone, Copy)]
pub struct Row<'a> {
    batch: &'a Batch,
    index: usize,
}

impl<'a> Row<'a> {
    fn head(&self) -> &'a RowHead {
        &self.batch.table.heads[self.index]
    }

    /// The number of the row in its input, from 1.
    pub fn number(&self) -> u64 {
        self.head().position.row
    }

    /// Where the first byte of its record stands.
    pub fn position(&self) -> Position {
        self.head().position
    }

    /// True if a primary identifier of the row is usable.
    pub fn is_usable(&self) -> bool {
        self.head().is_usable
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
            _ if head.is_usable => None,
            Some(problem) if problem != RowProblem::QuoteRecovered => Some(problem.reason().into()),
            _ => self.cells().find_map(|(identifier, cell)| match cell {
                Cell::Rejected(rejection) if identifier.is_primary() => {
                    Some(rejection.reason(identifier))
                }
                _ => None,
            }),
        }
    }

    fn slot(&self, column: usize) -> Slot {
        let width = self.batch.columns.used().len();
        self.batch.table.slots[self.index * width..][..width][column]
    }

    /// What became of the cell of the used column with this index in [`Columns::used`].
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn cell(&self, column: usize) -> Cell<'a> {
        let table = &self.batch.table;
        match self.slot(column) {
            Slot::Empty => Cell::Empty,
            Slot::Hashed(index) => Cell::Key(&table.digests[index as usize], Form::Generic),
            Slot::Passed(index) => Cell::Key(&table.passed[index as usize], Form::Prehashed),
            Slot::Plain(index) => {
                Cell::Plain(std::str::from_utf8(table.plain.at(index as usize)).unwrap_or_default())
            }
            Slot::Rejected(rejection) | Slot::RejectedAndKept(rejection, _) => {
                Cell::Rejected(rejection)
            }
        }
    }

    /// The content of an unusable cell, under
    /// [`Options::keep_rejected`](crate::Options::keep_rejected).
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn rejected(&self, column: usize) -> Option<&'a [u8]> {
        match self.slot(column) {
            Slot::RejectedAndKept(_, index) => Some(self.batch.table.rejected.at(index as usize)),
            _ => None,
        }
    }

    /// Every cell of a used column, in the order of [`Columns::used`].
    pub fn cells(&self) -> impl Iterator<Item = (Identifier, Cell<'a>)> + use<'a> {
        let row = *self;
        let used = row.batch.columns.used().iter().enumerate();
        used.map(move |(index, column)| (column.identifier(), row.cell(index)))
    }

    /// The row's match candidates.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> + use<'a> {
        let row = *self;
        row.batch.columns.used().iter().enumerate().filter_map(move |(index, column)| {
            let Cell::Key(&digest, form) = row.cell(index) else { return None };
            let identifier = column.identifier();
            Some(Candidate { identifier, ordinal: column.ordinal(), form, digest })
        })
    }

    /// The bytes of the kept column with this index in [`Columns::kept`], as they stood in the
    /// input, quotes resolved.
    ///
    /// # Panics
    ///
    /// If there is no such column.
    pub fn kept(&self, index: usize) -> &'a [u8] {
        let width = self.batch.columns.kept().len();
        // Without this check the next row's content would be handed out.
        assert!(index < width, "there are {width} kept columns");
        self.batch.table.kept.at(self.index * width + index)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({})", self.number())
    }
}
