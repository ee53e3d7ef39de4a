//! What may be believed of a record: its cells, its countries, and how far it fits the header.
//!
//! In: a record, the columns. Out: the bytes of a cell that may be used, the row's countries, the
//! first cell of a row too long that may belong elsewhere.

use crate::engine::columns::Columns;
use crate::engine::problem::RowProblem;
use crate::engine::record::Record;
use crate::normalize::{Country, Normalizer, Outcome};

/// True for a row with something beyond the header's fields.
pub(super) fn is_long(record: &Record<'_>, columns: &Columns) -> bool {
    record.fields.len() > columns.width()
        && record.problem.is_none()
        && columns.is_named()
        && has_surplus(record, columns)
}

/// True if anything stands behind the header's fields.
pub(super) fn has_surplus(record: &Record<'_>, columns: &Columns) -> bool {
    record.fields.iter().skip(columns.width()).any(|field| !field.is_empty())
}

/// Where the first cell stands that is not what its column is for, with no primary identifier in
/// its place behind it: in a row that is too long the cells behind it may be of other columns.
pub(super) fn first_doubtful(
    record: &Record<'_>,
    columns: &Columns,
    [country, place]: [Option<Country>; 2],
    normalizer: &mut Normalizer,
) -> usize {
    let mut out = Vec::new();
    let (mut doubtful, mut certain) = (Vec::new(), 0);
    for (index, column) in columns.used().iter().enumerate() {
        let slots = &columns.plan().slots[columns.plan().of_column(index)];
        let Some(slot) = slots.first() else { continue };
        let (cell, hints) = (trusted(record, column.index()), column.hints(country, place));
        let (identifier, form) = (column.identifier(), slot.key.form);
        match normalizer.normalize(identifier, form, cell, hints, &mut out) {
            Outcome::Rejected(_) => doubtful.push(column.index()),
            Outcome::Usable | Outcome::Prehashed(_) if identifier.is_primary() => {
                certain = certain.max(column.index());
            }
            _ => {}
        }
    }
    doubtful.into_iter().filter(|index| *index >= certain).min().unwrap_or(usize::MAX)
}

/// What may be used of a cell: nothing of a record that was given up; and the quote that opened a
/// cell of a damaged record, and never closed, is no part of it.
#[inline(always)]
pub(super) fn trusted<'a>(record: &Record<'a>, index: usize) -> &'a [u8] {
    let cell = record.fields.get(index).unwrap_or_default();
    match (record.problem, cell) {
        (None, [b' ', ..]) | (Some(_), _) => trusted_part(record.problem, cell),
        _ => cell,
    }
}

fn trusted_part(problem: Option<RowProblem>, cell: &[u8]) -> &[u8] {
    match (problem, cell) {
        (Some(problem), _) if problem.spoils_the_row() => &[],
        (Some(RowProblem::QuoteRecovered), [quote @ (b'"' | b'\''), rest @ ..])
            if !rest.contains(quote) =>
        {
            rest
        }
        // `a, "b"`: a blank in front of the quotes makes them content, which nobody means.
        (_, [b' ', ..]) => match cell.trim_ascii() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'"') => inner,
            _ => cell,
        },
        _ => cell,
    }
}

/// The country that the row itself names for its phones, and for its state and postal code.
pub(super) fn countries_of(record: &Record<'_>, columns: &Columns) -> [Option<Country>; 2] {
    let named = &columns.plan().countries;
    if named.is_empty() {
        return [None; 2];
    }
    let mut cells = named.iter().filter_map(|index| record.fields.get(*index));
    let of_phones = cells.clone().find_map(Country::from_cell);
    [of_phones, of_phones.or_else(|| cells.find_map(Country::from_any_cell))]
}
