//! Batches, and what is known of the other ends, in SQLite.

use super::row::{each, first, get, int, json, natural, small, to_json};
use super::*;
use rusqlite::{Row, params};

fn name_of(state: BatchState) -> &'static str {
    match state {
        BatchState::Staged => "staged",
        BatchState::Sent => "sent",
        BatchState::Taken => "taken",
        BatchState::Failed => "failed",
    }
}

fn read_batch(row: &Row<'_>) -> Stored<BatchRecord> {
    Ok(BatchRecord {
        batch: Batch {
            seq: natural(row, "seq")?,
            batch_id: get(row, "batch_id")?,
            first_row: natural(row, "first_row")?,
            last_row: natural(row, "last_row")?,
            rows: natural(row, "rows")?,
            records: natural(row, "records")?,
            sha256: get(row, "sha256")?,
            extension: get(row, "extension")?,
        },
        stream: get::<String>(row, "stream")?.into(),
        generation: small(row, "generation")?,
        state: match get::<String>(row, "state")?.as_str() {
            "staged" => BatchState::Staged,
            "sent" => BatchState::Sent,
            "taken" => BatchState::Taken,
            _ => BatchState::Failed,
        },
        attempts: small(row, "attempts")?,
        refused: json(row, "refused")?,
    })
}

pub(super) fn add(tx: &Db, id: &AudienceId, record: &BatchRecord) -> Stored<()> {
    let batch = &record.batch;
    tx.prepare_cached(
        "INSERT INTO batch (audience_id, stream, seq, generation, batch_id, first_row, last_row,
         rows, records, sha256, extension, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
         ?11, ?12)",
    )?
    .execute(params![
        id.as_str(),
        record.stream.name(),
        int(batch.seq),
        record.generation,
        batch.batch_id,
        int(batch.first_row),
        int(batch.last_row),
        int(batch.rows),
        int(batch.records),
        batch.sha256,
        batch.extension,
        name_of(record.state)
    ])?;
    tx.prepare_cached(
        "INSERT OR IGNORE INTO connection (audience_id, stream, is_created, is_closed, attempts,
         due) VALUES (?1, ?2, 0, 0, 0, 0)",
    )?
    .execute(params![id.as_str(), record.stream.name()])?;
    Ok(())
}

fn read_connection(row: &Row<'_>) -> Stored<(Stream, Connection)> {
    let connection = Connection {
        external_id: get(row, "external_id")?,
        is_begun: get(row, "is_begun")?,
        is_created: get(row, "is_created")?,
        session: get(row, "session")?,
        is_closed: get(row, "is_closed")?,
        attempts: small(row, "attempts")?,
        due: get(row, "due")?,
        wait: get(row, "wait")?,
        failure: get(row, "failure")?,
    };
    Ok((get::<String>(row, "stream")?.into(), connection))
}

pub(super) fn streams(db: &Db, id: &AudienceId) -> Stored<Vec<(Stream, Connection)>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM connection WHERE audience_id = ?1 AND is_deleted = 0 ORDER BY stream",
    )?;
    each(&mut statement, [id.as_str()], read_connection)
}

pub(super) fn connect(
    tx: &Db,
    claim: &Claim,
    stream: &Stream,
    connection: &Connection,
) -> Stored<()> {
    imports::guard(tx, claim)?;
    tx.prepare_cached(
        "UPDATE connection SET external_id = ?3, is_created = ?4, session = ?5, is_closed = ?6,
         attempts = ?7, due = ?8, failure = ?9, is_begun = ?10, wait = ?11
         WHERE audience_id = ?1 AND stream = ?2",
    )?
    .execute(params![
        claim.audience.id.as_str(),
        stream.name(),
        connection.external_id,
        connection.is_created,
        connection.session,
        connection.is_closed,
        connection.attempts,
        connection.due,
        connection.failure,
        connection.is_begun,
        connection.wait
    ])?;
    audiences::update(tx, &claim.audience)
}

pub(super) fn next(db: &Db, id: &AudienceId, stream: &Stream) -> Stored<Option<BatchRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM batch WHERE audience_id = ?1 AND stream = ?2 AND state IN ('staged', 'sent')
         ORDER BY seq LIMIT 1",
    )?;
    first(&mut statement, params![id.as_str(), stream.name()], read_batch)
}

pub(super) fn siblings(db: &Db, id: &AudienceId, first_row: u64) -> Stored<Vec<BatchRecord>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM batch WHERE audience_id = ?1 AND first_row = ?2 ORDER BY stream",
    )?;
    each(&mut statement, params![id.as_str(), int(first_row)], read_batch)
}

pub(super) fn settle(
    tx: &Db,
    claim: &Claim,
    record: &BatchRecord,
    matched: Option<u64>,
) -> Stored<u64> {
    imports::guard(tx, claim)?;
    let id = claim.audience.id.as_str();
    tx.prepare_cached(
        "UPDATE batch SET state = ?4, attempts = ?5, refused = ?6
         WHERE audience_id = ?1 AND stream = ?2 AND seq = ?3",
    )?
    .execute(params![
        id,
        record.stream.name(),
        int(record.batch.seq),
        name_of(record.state),
        record.attempts,
        to_json(&record.refused)?
    ])?;
    audiences::update_but_matched(tx, &claim.audience)?;
    let mut before = tx.prepare_cached("SELECT matched_rows FROM audience WHERE id = ?1")?;
    let before = first(&mut before, [id], |row| natural(row, "matched_rows"))?.unwrap_or(0);
    let Some(matched) = matched else { return Ok(before) };
    let first_row = int(record.batch.first_row);
    let mut known =
        tx.prepare_cached("SELECT matched FROM range WHERE audience_id = ?1 AND first_row = ?2")?;
    let known = first(&mut known, params![id, first_row], |row| natural(row, "matched"))?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO range (audience_id, first_row, matched) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![id, first_row, int(matched)])?;
    let after = before - known.unwrap_or(0) + matched;
    tx.prepare_cached("UPDATE audience SET matched_rows = ?2 WHERE id = ?1")?
        .execute(params![id, int(after)])?;
    Ok(after)
}

pub(super) fn give_up(tx: &Db, claim: &Claim, stream: &Stream) -> Stored<()> {
    imports::guard(tx, claim)?;
    tx.prepare_cached(
        "UPDATE batch SET state = 'failed' WHERE audience_id = ?1 AND stream = ?2
         AND state IN ('staged', 'sent')",
    )?
    .execute(params![claim.audience.id.as_str(), stream.name()])?;
    Ok(())
}

pub(super) fn taken(db: &Db, id: &AudienceId, stream: &Stream) -> Stored<Vec<Batch>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM batch WHERE audience_id = ?1 AND stream = ?2 AND state = 'taken'
         ORDER BY seq",
    )?;
    each(&mut statement, params![id.as_str(), stream.name()], |row| Ok(read_batch(row)?.batch))
}

/// Of one generation, or of all.
pub(super) fn counts(db: &Db, id: &AudienceId, generation: Option<u32>) -> Stored<BatchCounts> {
    let mut statement = db.prepare_cached(
        "SELECT count(*) AS \"all\", count(*) FILTER (WHERE state = 'taken') AS taken,
         count(*) FILTER (WHERE state = 'failed') AS failed,
         coalesce(sum(rows) FILTER (WHERE state = 'failed'), 0) AS failed_rows
         FROM batch WHERE audience_id = ?1 AND generation = coalesce(?2, generation)",
    )?;
    let counts = first(&mut statement, params![id.as_str(), generation], |row| {
        Ok(BatchCounts {
            all: natural(row, "all")?,
            taken: natural(row, "taken")?,
            failed: natural(row, "failed")?,
            failed_rows: natural(row, "failed_rows")?,
        })
    })?;
    Ok(counts.unwrap_or_default())
}

pub(super) fn matched(db: &Db, id: &AudienceId) -> Stored<u64> {
    let mut statement = db.prepare_cached(
        "SELECT coalesce(sum(matched), 0) AS matched FROM range WHERE audience_id = ?1",
    )?;
    Ok(first(&mut statement, [id.as_str()], |row| natural(row, "matched"))?.unwrap_or(0))
}
