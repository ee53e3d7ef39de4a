//! What became of the rows, counted.
//!
//! In: one outcome at a time, from the worker that found it. Out: [`Summary`], which adds up over
//! batches and feeds reports. It holds counts only.

use super::identifier::Identifier;
use super::problem::RowProblem;
use crate::normalize::Rejection;
use std::borrow::Cow;

const IDENTIFIERS: usize = Identifier::ALL.len();

/// Counts of candidates, rejections and row problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    candidates: [u64; IDENTIFIERS],
    rejections: [[u64; Rejection::COUNT]; IDENTIFIERS],
    rows: [u64; RowProblem::ALL.len()],
    total_rows: u64,
    usable_rows: u64,
    valid_phones: u64,
}

impl Default for Summary {
    fn default() -> Summary {
        Summary {
            candidates: [0; IDENTIFIERS],
            rejections: [[0; Rejection::COUNT]; IDENTIFIERS],
            rows: [0; RowProblem::ALL.len()],
            total_rows: 0,
            usable_rows: 0,
            valid_phones: 0,
        }
    }
}

impl Summary {
    /// Match candidates of an identifier; for [`Identifier::Ltv`], which is not hashed, usable
    /// values.
    pub fn candidates(&self, identifier: Identifier) -> u64 {
        self.candidates[identifier.index()]
    }

    /// Rows, unusable ones included.
    pub fn total_rows(&self) -> u64 {
        self.total_rows
    }

    /// Rows with a usable primary identifier.
    pub fn usable_rows(&self) -> u64 {
        self.usable_rows
    }

    /// Usable phones that libphonenumber also calls valid.
    pub fn valid_phones(&self) -> u64 {
        self.valid_phones
    }

    /// How many rows have this problem.
    pub fn rows(&self, problem: RowProblem) -> u64 {
        self.rows[problem as usize]
    }

    /// Every count that is not zero: the identifier (`None` for a row as a whole), the reason,
    /// the count. Cells count once each; whole rows once for each problem.
    pub fn rejections(
        &self,
    ) -> impl Iterator<Item = (Option<Identifier>, Cow<'static, str>, u64)> + '_ {
        let cells = Identifier::ALL.into_iter().flat_map(move |identifier| {
            Rejection::ALL.into_iter().map(move |rejection| {
                let count = self.rejections[identifier.index()][rejection as usize];
                (Some(identifier), rejection.reason(identifier), count)
            })
        });
        let rows = RowProblem::ALL
            .into_iter()
            .map(|problem| (None, Cow::Borrowed(problem.reason()), self.rows(problem)));
        cells.chain(rows).filter(|(_, _, count)| *count > 0)
    }

    /// Adds the counts of another summary.
    pub fn add(&mut self, other: &Summary) {
        let add = |to: &mut [u64], from: &[u64]| {
            for (to, from) in to.iter_mut().zip(from) {
                *to += from;
            }
        };
        add(&mut self.candidates, &other.candidates);
        for (to, from) in self.rejections.iter_mut().zip(&other.rejections) {
            add(to, from);
        }
        add(&mut self.rows, &other.rows);
        self.total_rows += other.total_rows;
        self.usable_rows += other.usable_rows;
        self.valid_phones += other.valid_phones;
    }

    pub(crate) fn count_candidate(&mut self, identifier: Identifier) {
        self.candidates[identifier.index()] += 1;
    }

    pub(crate) fn count_rejection(&mut self, identifier: Identifier, rejection: Rejection) {
        self.rejections[identifier.index()][rejection as usize] += 1;
    }

    pub(crate) fn count_row(&mut self, problem: RowProblem) {
        self.rows[problem as usize] += 1;
    }

    pub(crate) fn count_usable(&mut self, is_usable: bool) {
        self.total_rows += 1;
        self.usable_rows += u64::from(is_usable);
    }

    pub(crate) fn count_valid_phones(&mut self, phones: u64) {
        self.valid_phones += phones;
    }
}
