//! Imports in SQLite: claimed, saved, ended. Every change is refused once the claim is lost.

use super::row::{each, first, get, int, json, natural, parsed, parsed_or_none, split, to_json};
use super::*;
use crate::Checkpoint;
use rusqlite::{Row, params};

pub(super) fn add(tx: &Db, audience: &Audience, import: &Import) -> Stored<()> {
    tx.prepare_cached(
        "INSERT INTO import (audience_id, generation, file_id, country, platforms, accepted,
         rows_before, next_seq, ledger, rejects_bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        audience.id.as_str(),
        audience.generation,
        import.file.as_str(),
        import.country,
        row::joined(&import.platforms),
        import.accepted,
        int(import.rows_before),
        to_json(&import.next_seq)?,
        to_json(&import.ledger)?,
        int(import.rejects_bytes)
    ])?;
    Ok(())
}

fn read_import(row: &Row<'_>) -> Stored<Import> {
    let counted: Option<Checkpoint> = parsed_or_none(row, "counted")?;
    let is_counted: bool = get(row, "is_counted")?;
    Ok(Import {
        file: parsed(row, "file_id")?,
        country: get(row, "country")?,
        platforms: split(&get::<String>(row, "platforms")?, "platforms")?,
        accepted: get(row, "accepted")?,
        rows_before: natural(row, "rows_before")?,
        counted: counted.map(|counted| (counted, is_counted)),
        checkpoint: parsed_or_none(row, "checkpoint")?,
        next_seq: json(row, "next_seq")?,
        ledger: json(row, "ledger")?,
        rejects_bytes: natural(row, "rejects_bytes")?,
    })
}

/// The import of an audience's latest file.
pub(super) fn latest(db: &Db, id: &AudienceId) -> Stored<Option<Import>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM import WHERE audience_id = ?1 ORDER BY generation DESC LIMIT 1",
    )?;
    first(&mut statement, [id.as_str()], read_import)
}

pub(super) fn ledger(db: &Db, id: &AudienceId) -> Stored<Ledger> {
    Ok(latest(db, id)?.map(|import| import.ledger).unwrap_or_default())
}

pub(super) fn continue_import(db: &Db, id: &AudienceId, import: &mut Import) -> Stored<()> {
    if let Some(before) = latest(db, id)? {
        import.next_seq = before.next_seq;
        import.ledger = before.ledger;
        // A file that is gone is not gone on with.
        let mut statement = db.prepare_cached("SELECT has_rejects FROM audience WHERE id = ?1")?;
        let is_there = first(&mut statement, [id.as_str()], |row| get(row, "has_rejects"))?;
        import.rejects_bytes = if is_there == Some(true) { before.rejects_bytes } else { 0 };
    }
    Ok(())
}

pub(super) fn unfinished(db: &Db) -> Stored<Vec<Unfinished>> {
    let mut statement = db.prepare_cached(
        "SELECT audience.id AS id, audience.account_id AS account_id, audience.status AS status,
         audience.deleted AS deleted, audience.due AS due, coalesce(file.bytes, 0) AS bytes
         FROM audience
         LEFT JOIN import ON import.audience_id = audience.id
           AND import.generation = audience.generation
         LEFT JOIN file ON file.id = import.file_id
         WHERE due IS NOT NULL ORDER BY due",
    )?;
    each(&mut statement, [], |row| {
        Ok(Unfinished {
            audience: parsed(row, "id")?,
            account: parsed(row, "account_id")?,
            status: parsed(row, "status")?,
            is_deleted: get::<Option<Millis>>(row, "deleted")?.is_some(),
            bytes: natural(row, "bytes")?,
            due: get(row, "due")?,
        })
    })
}

pub(super) fn claim(tx: &Db, id: &AudienceId) -> Stored<Option<Claim>> {
    let claimed = tx
        .prepare_cached(
            "UPDATE audience SET lease = lease + 1
             WHERE id = ?1 AND deleted IS NULL AND due IS NOT NULL",
        )?
        .execute([id.as_str()])?;
    if claimed == 0 {
        return Ok(None);
    }
    let mut statement = tx.prepare_cached("SELECT * FROM audience WHERE id = ?1")?;
    let audience = first(&mut statement, [id.as_str()], |row| {
        Ok((audiences::read_audience(row)?, natural(row, "lease")?))
    })?;
    let import = latest(tx, id)?;
    Ok(audience.zip(import).map(|((audience, lease), import)| Claim { audience, import, lease }))
}

/// Refuses where the claim is lost.
pub(super) fn guard(tx: &Db, claim: &Claim) -> Stored<()> {
    let mut statement = tx.prepare_cached(
        "SELECT 1 FROM audience WHERE id = ?1 AND lease = ?2 AND deleted IS NULL",
    )?;
    match statement.exists(params![claim.audience.id.as_str(), int(claim.lease)])? {
        true => Ok(()),
        false => Err(StoreError::Stale),
    }
}

pub(super) fn save(tx: &Db, claim: &Claim, staged: &[BatchRecord]) -> Stored<()> {
    guard(tx, claim)?;
    audiences::update(tx, &claim.audience)?;
    let import = &claim.import;
    tx.prepare_cached(
        "UPDATE import SET counted = ?3, is_counted = ?4, checkpoint = ?5, next_seq = ?6,
         ledger = ?7, rejects_bytes = ?8 WHERE audience_id = ?1 AND generation = ?2",
    )?
    .execute(params![
        claim.audience.id.as_str(),
        claim.audience.generation,
        import.counted.map(|(place, _)| place.to_string()),
        import.counted.is_some_and(|(_, is_end)| is_end),
        import.checkpoint.map(|place| place.to_string()),
        to_json(&import.next_seq)?,
        to_json(&import.ledger)?,
        int(import.rejects_bytes)
    ])?;
    staged.iter().try_for_each(|record| deliveries::add(tx, &claim.audience.id, record))
}

pub(super) fn put_off(tx: &Db, claim: &Claim, due: Millis) -> Stored<()> {
    guard(tx, claim)?;
    tx.prepare_cached("UPDATE audience SET due = ?2 WHERE id = ?1")?
        .execute(params![claim.audience.id.as_str(), due])?;
    Ok(())
}

pub(super) fn finish(tx: &Db, claim: &Claim) -> Stored<()> {
    save(tx, claim, &[])?;
    tx.prepare_cached("UPDATE audience SET due = NULL WHERE id = ?1")?
        .execute([claim.audience.id.as_str()])?;
    tx.prepare_cached("UPDATE import SET ended = ?3 WHERE audience_id = ?1 AND generation = ?2")?
        .execute(params![
        claim.audience.id.as_str(),
        claim.audience.generation,
        claim.audience.updated
    ])?;
    Ok(())
}
