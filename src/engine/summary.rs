//! What became of the rows, counted.
//!
//! In: one outcome at a time, from the worker that found it. Out: [`Summary`], which adds up over
//! batches and feeds reports. It holds counts only.

use super::error::Position;
use super::identifier::Identifier;
use super::plan::Plan;
use super::problem::RowProblem;
use super::samples::{Sample, Samples};
use crate::normalize::Rejection;
use std::borrow::Cow;

const IDENTIFIERS: usize = Identifier::ALL.len();

/// Cells by what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cells {
    candidates: [u64; IDENTIFIERS],
    rejections: [[u64; Rejection::COUNT]; IDENTIFIERS],
}

impl Default for Cells {
    fn default() -> Cells {
        Cells { candidates: [0; IDENTIFIERS], rejections: [[0; Rejection::COUNT]; IDENTIFIERS] }
    }
}

impl Cells {
    fn add(&mut self, other: &Cells) {
        for (to, from) in self.candidates.iter_mut().zip(&other.candidates) {
            *to += from;
        }
        let rejections = self.rejections.iter_mut().flatten();
        for (to, from) in rejections.zip(other.rejections.iter().flatten()) {
            *to += from;
        }
    }

    fn rejections(&self) -> impl Iterator<Item = (Identifier, Cow<'static, str>, u64)> + '_ {
        let counts = Identifier::ALL.into_iter().flat_map(move |identifier| {
            Rejection::ALL.into_iter().map(move |rejection| {
                let count = self.rejections[identifier.index()][rejection as usize];
                (identifier, rejection, count)
            })
        });
        counts
            .filter(|(_, _, count)| *count > 0)
            .map(|(identifier, rejection, count)| (identifier, rejection.reason(identifier), count))
    }
}

/// What became of the cells of one slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotCounts {
    pub(crate) usable: u64,
    pub(crate) rejections: [u64; Rejection::COUNT],
}

/// One platform's share of the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct PlatformCounts {
    matched_rows: u64,
    cells: Cells,
}

/// Counts of candidates, rejections and row problems.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    cells: Cells,
    platforms: Vec<PlatformCounts>,
    rows: [u64; RowProblem::ALL.len()],
    total_rows: u64,
    usable_rows: u64,
    usable_phones: u64,
    assumed_phones: u64,
    alternate_phones: u64,
    valid_phones: u64,
    samples: Samples,
}

impl Summary {
    /// Match candidates of an identifier: one for each cell and digest; for an identifier that
    /// is sent as it is, and for attributes such as [`Identifier::Ltv`], usable values.
    pub fn candidates(&self, identifier: Identifier) -> u64 {
        self.cells.candidates[identifier.index()]
    }

    /// Usable cells of an identifier for the platform with this place in the options.
    pub fn platform_candidates(&self, platform: usize, identifier: Identifier) -> u64 {
        let counts = self.platforms.get(platform);
        counts.map_or(0, |counts| counts.cells.candidates[identifier.index()])
    }

    /// Rows that the platform with this place in the options can match.
    pub fn platform_matched_rows(&self, platform: usize) -> u64 {
        self.platforms.get(platform).map_or(0, |counts| counts.matched_rows)
    }

    /// Every count of unusable cells of the platform with this place in the options.
    pub fn platform_rejections(
        &self,
        platform: usize,
    ) -> impl Iterator<Item = (Identifier, Cow<'static, str>, u64)> + '_ {
        self.platforms.get(platform).into_iter().flat_map(|counts| counts.cells.rejections())
    }

    /// Rows, unusable ones included.
    pub fn total_rows(&self) -> u64 {
        self.total_rows
    }

    /// Rows that at least one platform can match.
    pub fn usable_rows(&self) -> u64 {
        self.usable_rows
    }

    /// Cells with a usable phone number; digests from the input are none.
    pub fn usable_phones(&self) -> u64 {
        self.usable_phones
    }

    /// Usable phones that some platforms got on the assumption that they start with their calling
    /// code, for want of a country.
    pub fn assumed_phones(&self) -> u64 {
        self.assumed_phones
    }

    /// Second readings of phones, under
    /// [`Options::phone_alternates`](crate::Options::phone_alternates); no other count has them.
    pub fn alternate_phones(&self) -> u64 {
        self.alternate_phones
    }

    /// Usable phones that libphonenumber also calls valid.
    pub fn valid_phones(&self) -> u64 {
        self.valid_phones
    }

    /// Examples of what is wrong: for each kind the first 20 and up to 20 of the others. They say
    /// where, never what stands there.
    pub fn samples(&self) -> impl Iterator<Item = Sample> + '_ {
        self.samples.iter()
    }

    /// How many rows have this problem.
    pub fn rows(&self, problem: RowProblem) -> u64 {
        self.rows[problem as usize]
    }

    /// Every count that is not zero: the identifier (`None` for a row as a whole), the reason,
    /// the count. A cell counts once, with what the first platform in the order of the options has
    /// against it; whole rows count once for each problem.
    pub fn rejections(
        &self,
    ) -> impl Iterator<Item = (Option<Identifier>, Cow<'static, str>, u64)> + '_ {
        let cells = self.cells.rejections();
        let cells = cells.map(|(identifier, reason, count)| (Some(identifier), reason, count));
        let rows = RowProblem::ALL
            .into_iter()
            .map(|problem| (None, Cow::Borrowed(problem.reason()), self.rows(problem)));
        cells.chain(rows.filter(|(_, _, count)| *count > 0))
    }

    /// Adds the counts of another summary.
    pub fn add(&mut self, other: &Summary) {
        self.cells.add(&other.cells);
        if self.platforms.len() < other.platforms.len() {
            self.platforms.resize_with(other.platforms.len(), PlatformCounts::default);
        }
        for (to, from) in self.platforms.iter_mut().zip(&other.platforms) {
            to.matched_rows += from.matched_rows;
            to.cells.add(&from.cells);
        }
        for (to, from) in self.rows.iter_mut().zip(&other.rows) {
            *to += from;
        }
        self.total_rows += other.total_rows;
        self.usable_rows += other.usable_rows;
        self.usable_phones += other.usable_phones;
        self.assumed_phones += other.assumed_phones;
        self.alternate_phones += other.alternate_phones;
        self.valid_phones += other.valid_phones;
        self.samples.add(&other.samples);
    }

    /// Empties the counts, for this plan's platforms.
    pub(crate) fn start(&mut self, plan: &Plan) {
        let (platforms, samples) = (&mut self.platforms, &mut self.samples);
        let (platforms, mut samples) = (std::mem::take(platforms), std::mem::take(samples));
        samples.clear();
        *self = Summary { platforms, samples, ..Summary::default() };
        self.platforms.clear();
        self.platforms.resize_with(plan.shares.len(), PlatformCounts::default);
    }

    pub(crate) fn count_candidates(&mut self, identifier: Identifier, count: u64) {
        self.cells.candidates[identifier.index()] += count;
    }

    /// Counts an unusable cell of this many bytes in the column with this index.
    pub(crate) fn count_rejection(
        &mut self,
        (identifier, rejection): (Identifier, Rejection),
        position: Position,
        column: usize,
        bytes: usize,
    ) {
        self.cells.rejections[identifier.index()][rejection as usize] += 1;
        self.samples.push(Sample::of_cell((identifier, rejection), position, column, bytes));
    }

    /// Adds a slot's counts to the platforms, given as bits, that take it.
    pub(crate) fn count_slot(&mut self, platforms: u32, identifier: Identifier, slot: &SlotCounts) {
        for (index, counts) in self.platforms.iter_mut().enumerate() {
            if platforms & 1 << index != 0 {
                counts.cells.candidates[identifier.index()] += slot.usable;
                let rejections = &mut counts.cells.rejections[identifier.index()];
                for (to, from) in rejections.iter_mut().zip(&slot.rejections) {
                    *to += from;
                }
            }
        }
    }

    /// Counts rows that these platforms, given as bits, can match.
    pub(crate) fn count_matched(&mut self, platforms: u32, rows: u64) {
        self.total_rows += rows;
        self.usable_rows += if platforms != 0 { rows } else { 0 };
        for (index, counts) in self.platforms.iter_mut().enumerate() {
            counts.matched_rows += rows * u64::from(platforms >> index & 1);
        }
    }

    pub(crate) fn count_row(&mut self, problem: RowProblem, position: Position) {
        self.rows[problem as usize] += 1;
        self.samples.push(Sample::of_row(problem, position));
    }

    pub(crate) fn count_alternates(&mut self, phones: u64) {
        self.alternate_phones += phones;
    }

    /// Counts a phone that was read and is usable.
    pub(crate) fn count_phone(&mut self, is_valid: bool, is_assumed: bool) {
        self.assumed_phones += u64::from(is_assumed);
        self.count_phones(1, u64::from(is_valid));
    }

    /// Counts usable phones, and those of them that are valid.
    pub(crate) fn count_phones(&mut self, usable: u64, valid: u64) {
        self.usable_phones += usable;
        self.valid_phones += valid;
    }
}
