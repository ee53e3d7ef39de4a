//! What became of an audience's rows, added up over everything that was read so far.
//!
//! In: the summary of each batch. Out: [`Ledger`], as JSON in the store: counts, and where examples
//! stand; and one sentence for a merchant. It holds no cell content.

use crate::{Row, Summary};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Examples of each field that are kept.
const SAMPLES_MAX: usize = 20;

/// Reasons that never make a row unusable by themselves.
const WARNINGS: [&str; 3] = ["short_row", "long_row", "quote_recovered"];

/// What a merchant can do something about.
const NO_COUNTRY: &str = "invalid_phone:no_country";

/// Where an unusable cell or row stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectSample {
    /// The row, over all files of the audience.
    pub row: u64,
    /// The physical line in its file.
    pub line: u64,
    /// Bytes before it in its file, unpacked and as UTF-8.
    pub byte_offset: u64,
    /// The field; empty for a row as a whole.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// Counts and examples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Field (`row` for a row as a whole) -> reason -> count.
    pub rejections: BTreeMap<String, BTreeMap<String, u64>>,
    /// The first of each field.
    pub samples: Vec<RejectSample>,
    /// Rows that some platform can match.
    pub usable_rows: u64,
    /// The first line of each kind.
    first_lines: BTreeMap<String, u64>,
    /// How many examples of each field there are.
    sampled: BTreeMap<String, usize>,
}

impl Ledger {
    /// Adds the counts of a batch.
    pub(crate) fn add(&mut self, summary: &Summary) {
        self.usable_rows += summary.usable_rows();
        for (identifier, reason, count) in summary.rejections() {
            let field = identifier.map_or("row", |identifier| identifier.name());
            let reasons = self.rejections.entry(field.to_owned()).or_default();
            *reasons.entry(reason.into_owned()).or_default() += count;
        }
    }

    /// Notes where an unusable cell stands, or with an empty field an unusable row.
    pub(crate) fn note(&mut self, row: Row<'_>, rows_before: u64, field: &str, reason: &str) {
        let position = row.position();
        let kind = kind(reason);
        if !self.first_lines.contains_key(kind) {
            self.first_lines.insert(kind.to_owned(), position.line);
        }
        let sampled = self.sampled.get(field).copied().unwrap_or(0);
        if sampled < SAMPLES_MAX {
            self.sampled.insert(field.to_owned(), sampled + 1);
            self.samples.push(RejectSample {
                row: rows_before + position.row,
                line: position.line,
                byte_offset: position.byte,
                field: field.to_owned(),
                reason: reason.to_owned(),
            });
        }
    }

    /// `670 of 2,500 rows not used: invalid_email 412 (first line 18), ...`.
    pub fn sentence(&self, processed: u64) -> String {
        let unused = processed.saturating_sub(self.usable_rows);
        let text = format!("{} of {} rows not used", grouped(unused), grouped(processed));
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, count) in self.rejections.values().flatten() {
            if !WARNINGS.contains(&reason.as_str()) {
                *kinds.entry(kind(reason)).or_default() += count;
            }
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reasons: Vec<String> = kinds
            .into_iter()
            .map(|(kind, count)| match self.first_lines.get(kind) {
                Some(line) => format!("{kind} {} (first line {})", grouped(count), grouped(*line)),
                None => format!("{kind} {}", grouped(count)),
            })
            .collect();
        let text = match reasons.is_empty() {
            true => text,
            false => format!("{text}: {}", reasons.join(", ")),
        };
        let no_country = self.rejections.get("phone").and_then(|it| it.get(NO_COUNTRY));
        match no_country {
            Some(count) => format!(
                "{text}; {} phones need a country: map a country column, or write them with +",
                grouped(*count)
            ),
            None => text,
        }
    }
}

/// What is in front of a reason's colon.
fn kind(reason: &str) -> &str {
    reason.split(':').next().unwrap_or_default()
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_names_the_kinds() {
        let mut ledger = Ledger { usable_rows: 1_830, ..Ledger::default() };
        let counts = [("email", "invalid_email:no_at", 400), ("email", "invalid_email:no_dot", 12)];
        for (field, reason, count) in counts.into_iter().chain([("row", "short_row", 7)]) {
            let reasons = ledger.rejections.entry(field.to_owned()).or_default();
            reasons.insert(reason.to_owned(), count);
        }
        ledger.first_lines.insert("invalid_email".to_owned(), 18);
        let text = ledger.sentence(2_500);
        assert_eq!(text, "670 of 2,500 rows not used: invalid_email 412 (first line 18)");
        let reasons = ledger.rejections.entry("phone".to_owned()).or_default();
        reasons.insert(NO_COUNTRY.to_owned(), 3);
        let text = ledger.sentence(2_500);
        assert!(text.contains(", invalid_phone 3; 3 phones need a country"), "{text}");
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
