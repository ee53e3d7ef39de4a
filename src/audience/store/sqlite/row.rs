//! Values to columns and back.
//!
//! In: rows of a query. Out: the values of `store.rs`. A row that cannot be read is an error, never
//! a panic.

use super::{StoreError, Stored};
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A column.
pub(super) fn get<T: FromSql>(row: &Row<'_>, name: &str) -> Stored<T> {
    Ok(row.get(name)?)
}

/// A natural number.
pub(super) fn natural(row: &Row<'_>, name: &str) -> Stored<u64> {
    Ok(get::<i64>(row, name)?.cast_unsigned())
}

/// A natural number, or nothing.
pub(super) fn natural_or_none(row: &Row<'_>, name: &str) -> Stored<Option<u64>> {
    Ok(get::<Option<i64>>(row, name)?.map(i64::cast_unsigned))
}

/// A small number.
pub(super) fn small<T: TryFrom<i64>>(row: &Row<'_>, name: &str) -> Stored<T> {
    T::try_from(get(row, name)?).map_err(|_| odd(name))
}

/// A value with a text form.
pub(super) fn parsed<T: FromStr>(row: &Row<'_>, name: &str) -> Stored<T> {
    get::<String>(row, name)?.parse().map_err(|_| odd(name))
}

/// The same, or nothing.
pub(super) fn parsed_or_none<T: FromStr>(row: &Row<'_>, name: &str) -> Stored<Option<T>> {
    let text: Option<String> = get(row, name)?;
    text.map(|text| text.parse().map_err(|_| odd(name))).transpose()
}

/// A value kept as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, name: &str) -> Stored<T> {
    Ok(serde_json::from_str(&get::<String>(row, name)?)?)
}

/// A value as JSON.
pub(super) fn to_json(value: &impl Serialize) -> Stored<String> {
    Ok(serde_json::to_string(value)?)
}

/// A number for a column; more than SQLite holds does not come up.
pub(super) fn int(number: u64) -> i64 {
    number.cast_signed()
}

/// Words with commas between them.
pub(super) fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The other way round.
pub(super) fn split<T: FromStr>(text: &str, name: &str) -> Stored<Vec<T>> {
    let words = text.split(',').filter(|word| !word.is_empty());
    words.map(|word| word.parse().map_err(|_| odd(name))).collect()
}

fn odd(name: &str) -> StoreError {
    StoreError::Broken(format!("the column {name} holds something odd"))
}

/// Collects rows.
pub(super) fn each<T>(
    statement: &mut rusqlite::CachedStatement<'_>,
    parameters: impl rusqlite::Params,
    mut read: impl FnMut(&Row<'_>) -> Stored<T>,
) -> Stored<Vec<T>> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The first row, if there is one.
pub(super) fn first<T>(
    statement: &mut rusqlite::CachedStatement<'_>,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> Stored<T>,
) -> Stored<Option<T>> {
    let mut rows = statement.query(parameters)?;
    rows.next()?.map(read).transpose()
}
