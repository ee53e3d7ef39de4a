//! Deletions in SQLite, and what is kept for a while only.

use super::row::{each, first, get, parsed, small};
use super::*;
use rusqlite::params;

pub(super) fn delete(tx: &Db, account: &AccountId, id: &AudienceId, now: Millis) -> Stored<bool> {
    let changed = tx
        .prepare_cached(
            "UPDATE audience SET deleted = ?3, due = ?3, lease = lease + 1
             WHERE id = ?1 AND account_id = ?2 AND deleted IS NULL",
        )?
        .execute(params![id.as_str(), account.as_str(), now])?;
    if changed > 0 {
        tx.prepare_cached("UPDATE import SET ended = coalesce(ended, ?2) WHERE audience_id = ?1")?
            .execute(params![id.as_str(), now])?;
    }
    Ok(changed > 0)
}

pub(super) fn one(db: &Db, id: &AudienceId) -> Stored<Option<Deletion>> {
    let mut statement = db.prepare_cached(
        "SELECT deleted, deletion_attempts FROM audience
         WHERE id = ?1 AND deleted IS NOT NULL AND due IS NOT NULL",
    )?;
    let deletion = first(&mut statement, [id.as_str()], |row| {
        Ok((get(row, "deleted")?, small(row, "deletion_attempts")?))
    })?;
    let Some((asked, attempts)) = deletion else { return Ok(None) };
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT file_id FROM import WHERE audience_id = ?1 AND NOT EXISTS
         (SELECT 1 FROM import AS other JOIN audience ON audience.id = other.audience_id
          WHERE other.file_id = import.file_id AND audience.deleted IS NULL)",
    )?;
    let files = each(&mut statement, [id.as_str()], |row| parsed(row, "file_id"))?;
    let streams = deliveries::streams(db, id)?;
    Ok(Some(Deletion { streams, files, attempts, asked }))
}

pub(super) fn deleted_at(tx: &Db, id: &AudienceId, stream: &Stream) -> Stored<()> {
    tx.prepare_cached(
        "UPDATE connection SET is_deleted = 1 WHERE audience_id = ?1 AND stream = ?2",
    )?
    .execute(params![id.as_str(), stream.name()])?;
    Ok(())
}

pub(super) fn put_off(tx: &Db, id: &AudienceId, attempts: u32, due: Millis) -> Stored<()> {
    tx.prepare_cached("UPDATE audience SET deletion_attempts = ?2, due = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), attempts, due])?;
    Ok(())
}

pub(super) fn end(tx: &Db, id: &AudienceId, now: Millis) -> Stored<()> {
    for table in ["batch", "range", "connection"] {
        tx.execute(&format!("DELETE FROM {table} WHERE audience_id = ?1"), [id.as_str()])?;
    }
    tx.prepare_cached(
        "UPDATE import SET ledger = '{}', next_seq = '{}', country = NULL WHERE audience_id = ?1",
    )?
    .execute([id.as_str()])?;
    tx.prepare_cached(
        "UPDATE audience SET name = '', mapping = '{}', error_message = NULL,
         platform_audience_ids = '[]', due = NULL, has_rejects = 0, updated = max(updated, ?2)
         WHERE id = ?1",
    )?
    .execute(params![id.as_str(), now])?;
    Ok(())
}

pub(super) fn expired_rejects(db: &Db, before: Millis) -> Stored<Vec<AudienceId>> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM audience WHERE has_rejects = 1 AND refreshed <= ?1 AND due IS NULL
         LIMIT 1000",
    )?;
    each(&mut statement, [before], |row| parsed(row, "id"))
}

pub(super) fn rejects_gone(tx: &Db, id: &AudienceId) -> Stored<()> {
    tx.prepare_cached("UPDATE audience SET has_rejects = 0 WHERE id = ?1")?
        .execute([id.as_str()])?;
    Ok(())
}
