//! Examples of what is wrong: where, never what stands there.
//!
//! In: each unusable cell and each problem of a row, from the worker that found it. Out: for each
//! kind the first 20 and 20 of the others, the same whatever the threads and chunks: which of the
//! others, the number of the row decides.

use super::error::Position;
use super::identifier::Identifier;
use super::problem::RowProblem;
use crate::normalize::Rejection;
use std::borrow::Cow;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Row(RowProblem),
    Cell(Identifier, Rejection),
}

/// One example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    trouble: Trouble,
    position: Position,
    column: Option<usize>,
    bytes: usize,
}

impl Sample {
    pub(crate) fn of_row(problem: RowProblem, position: Position) -> Sample {
        Sample { trouble: Trouble::Row(problem), position, column: None, bytes: 0 }
    }

    /// A cell of this many bytes in the column with this index.
    pub(crate) fn of_cell(
        (identifier, rejection): (Identifier, Rejection),
        position: Position,
        column: usize,
        bytes: usize,
    ) -> Sample {
        let trouble = Trouble::Cell(identifier, rejection);
        Sample { trouble, position, column: Some(column), bytes }
    }

    /// The identifier of the cell; `None` for a row as a whole.
    pub fn identifier(&self) -> Option<Identifier> {
        match self.trouble {
            Trouble::Row(_) => None,
            Trouble::Cell(identifier, _) => Some(identifier),
        }
    }

    /// The stable reason; what is in front of its colon is the kind.
    pub fn reason(&self) -> Cow<'static, str> {
        match self.trouble {
            Trouble::Row(problem) => problem.reason().into(),
            Trouble::Cell(identifier, rejection) => rejection.reason(identifier),
        }
    }

    /// True if the row can be used all the same.
    pub fn is_warning(&self) -> bool {
        matches!(self.trouble, Trouble::Row(problem) if problem.is_warning())
    }

    /// Where the first byte of the record stands.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The column's place in the input, from 0; `None` for a row as a whole.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// How many bytes the cell has.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn group(&self) -> usize {
        match self.trouble {
            Trouble::Row(problem) => problem as usize,
            Trouble::Cell(identifier, _) => RowProblem::ALL.len() + identifier.index(),
        }
    }

    /// Which of many samples are kept: those with the lowest rank.
    fn rank(&self) -> (u64, usize) {
        // SplitMix64's mixing (Vigna, public domain): any even spread will do.
        let mut mixed = self.position.row.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31), self.column.unwrap_or(usize::MAX))
    }
}

const GROUPS: usize = RowProblem::ALL.len() + Identifier::ALL.len();
const FIRST_MAX: usize = 20;
const OTHERS_MAX: usize = 20;

/// The examples of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    first: Vec<Sample>,
    /// By rank.
    others: Vec<Sample>,
}

impl Group {
    fn push(&mut self, sample: Sample) {
        if self.first.len() < FIRST_MAX {
            self.first.push(sample);
            return;
        }
        let rank = sample.rank();
        if self.others.len() == OTHERS_MAX && self.others.last().is_some_and(|it| it.rank() < rank)
        {
            return;
        }
        let place = self.others.partition_point(|other| other.rank() < rank);
        self.others.insert(place, sample);
        self.others.truncate(OTHERS_MAX);
    }
}

/// Examples of every kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Samples(Vec<Group>);

impl Samples {
    /// Adds an example that stands behind all others of its kind.
    pub(crate) fn push(&mut self, sample: Sample) {
        if self.0.is_empty() {
            self.0.resize_with(GROUPS, Group::default);
        }
        self.0[sample.group()].push(sample);
    }

    /// Adds those of rows that come later.
    pub(crate) fn add(&mut self, later: &Samples) {
        for group in &later.0 {
            group.first.iter().chain(&group.others).for_each(|sample| self.push(*sample));
        }
    }

    pub(crate) fn clear(&mut self) {
        for group in &mut self.0 {
            group.first.clear();
            group.others.clear();
        }
    }

    /// All of them, by kind and row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Sample> + '_ {
        self.0.iter().flat_map(|group| {
            let mut samples: Vec<Sample> =
                group.first.iter().chain(&group.others).copied().collect();
            samples.sort_by_key(|sample| (sample.position.row, sample.column));
            samples
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_of_no_matter() {
        let sample = |row| {
            let position = Position { byte: row, line: row, row };
            Sample::of_row(RowProblem::ShortRow, position)
        };
        let collect = |rows_in_chunk: u64| {
            let (mut all, mut row) = (Samples::default(), 1);
            while row <= 1_000 {
                let mut chunk = Samples::default();
                let end = (row + rows_in_chunk).min(1_001);
                (row..end).for_each(|row| chunk.push(sample(row)));
                all.add(&chunk);
                row = end;
            }
            all.iter().map(|sample| sample.position().row).collect::<Vec<_>>()
        };
        let whole = collect(1_000);
        assert_eq!(whole.len(), FIRST_MAX + OTHERS_MAX);
        assert_eq!(whole[..FIRST_MAX], (1..=20).collect::<Vec<_>>());
        for rows in [1, 3, 7, 19, 21, 64, 333] {
            assert_eq!(collect(rows), whole, "{rows}");
        }
    }
}
