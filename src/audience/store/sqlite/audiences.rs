//! Audiences in SQLite: made, listed, extended, renamed.

use super::row::{each, first, get, int, json, natural, parsed, small, to_json};
use super::*;
use rusqlite::{Row, params};

pub(super) fn read_audience(row: &Row<'_>) -> Stored<Audience> {
    Ok(Audience {
        id: parsed(row, "id")?,
        account: parsed(row, "account_id")?,
        name: get(row, "name")?,
        mapping: json(row, "mapping")?,
        status: parsed(row, "status")?,
        total_rows: natural(row, "total_rows")?,
        processed_rows: natural(row, "processed_rows")?,
        matched_rows: natural(row, "matched_rows")?,
        progress_percent: small(row, "progress_percent")?,
        error_message: get(row, "error_message")?,
        platform_audience_ids: json(row, "platform_audience_ids")?,
        created: get(row, "created")?,
        updated: get(row, "updated")?,
        refreshed: get(row, "refreshed")?,
        generation: small(row, "generation")?,
    })
}

/// Whether a file can be read by an import of this account.
fn check_file(tx: &Db, account: &AccountId, id: &FileId) -> Stored<Accepted> {
    let file = files::one(tx, id)?.filter(|file| file.account == *account);
    Ok(match file.map(|file| file.status) {
        None => Accepted::NoFile,
        Some(UploadStatus::Pending) => Accepted::FileNotReady,
        Some(UploadStatus::Gone) => Accepted::FileGone,
        Some(UploadStatus::Ready) => Accepted::Done,
    })
}

pub(super) fn create(
    tx: &Db,
    audience: &Audience,
    import: &Import,
    keep: Option<&Keep>,
) -> Stored<Accepted> {
    let accepted = check_file(tx, &audience.account, &import.file)?;
    if accepted != Accepted::Done {
        return Ok(accepted);
    }
    tx.prepare_cached(
        "INSERT INTO audience (id, account_id, name, mapping, status, total_rows, processed_rows,
         matched_rows, progress_percent, error_message, platform_audience_ids, created, updated,
         refreshed, generation, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
         ?13, ?14, ?15, ?12)",
    )?
    .execute(params![
        audience.id.as_str(),
        audience.account.as_str(),
        audience.name,
        to_json(&audience.mapping)?,
        audience.status.name(),
        int(audience.total_rows),
        int(audience.processed_rows),
        int(audience.matched_rows),
        audience.progress_percent,
        audience.error_message,
        to_json(&audience.platform_audience_ids)?,
        audience.created,
        audience.updated,
        audience.refreshed,
        audience.generation
    ])?;
    imports::add(tx, audience, import)?;
    accounts::keep_replay(tx, keep)?;
    Ok(Accepted::Done)
}

pub(super) fn reopen(
    tx: &Db,
    audience: &Audience,
    import: &Import,
    keep: Option<&Keep>,
) -> Stored<Accepted> {
    let Some(stands) = one(tx, &audience.account, &audience.id)? else {
        return Ok(Accepted::NoAudience);
    };
    if !stands.status.is_final() || stands.generation + 1 != audience.generation {
        return Ok(Accepted::NotFinal);
    }
    let accepted = check_file(tx, &audience.account, &import.file)?;
    if accepted != Accepted::Done {
        return Ok(accepted);
    }
    update(tx, audience)?;
    tx.prepare_cached(
        "UPDATE audience SET generation = ?2, due = ?3, lease = lease + 1, has_rejects = 1
         WHERE id = ?1",
    )?
    .execute(params![audience.id.as_str(), audience.generation, audience.updated])?;
    tx.prepare_cached(
        "UPDATE connection SET session = NULL, is_closed = 0, attempts = 0, due = 0, failure = NULL
         WHERE audience_id = ?1",
    )?
    .execute([audience.id.as_str()])?;
    imports::add(tx, audience, import)?;
    accounts::keep_replay(tx, keep)?;
    Ok(Accepted::Done)
}

/// Saves what an import changes. The name is not one of these.
pub(super) fn update(tx: &Db, audience: &Audience) -> Stored<()> {
    update_but_matched(tx, audience)?;
    tx.prepare_cached("UPDATE audience SET matched_rows = ?2 WHERE id = ?1")?
        .execute(params![audience.id.as_str(), int(audience.matched_rows)])?;
    Ok(())
}

/// The same without the matched rows, which follow from the batches.
pub(super) fn update_but_matched(tx: &Db, audience: &Audience) -> Stored<()> {
    tx.prepare_cached(
        "UPDATE audience SET status = ?2, total_rows = ?3, processed_rows = ?4,
         progress_percent = ?5, error_message = ?6, platform_audience_ids = ?7,
         updated = max(updated, ?8), refreshed = ?9 WHERE id = ?1",
    )?
    .execute(params![
        audience.id.as_str(),
        audience.status.name(),
        int(audience.total_rows),
        int(audience.processed_rows),
        audience.progress_percent,
        audience.error_message,
        to_json(&audience.platform_audience_ids)?,
        audience.updated,
        audience.refreshed
    ])?;
    Ok(())
}

pub(super) fn one(db: &Db, account: &AccountId, id: &AudienceId) -> Stored<Option<Audience>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM audience WHERE id = ?1 AND account_id = ?2 AND deleted IS NULL",
    )?;
    first(&mut statement, params![id.as_str(), account.as_str()], read_audience)
}

pub(super) fn list(db: &Db, page: &Page) -> Stored<Listed<Audience>> {
    let before = page.after.unwrap_or(i64::MAX);
    let limit = int(page.first as u64 + 1);
    let account = page.account.as_str();
    let read = |row: &Row<'_>| Ok((get(row, "place")?, read_audience(row)?));
    let mut items = match &page.audience {
        Some(id) => {
            let mut statement = db.prepare_cached(
                "SELECT * FROM audience WHERE id = ?4 AND account_id = ?1 AND deleted IS NULL
                 AND place < ?2 LIMIT ?3",
            )?;
            each(&mut statement, params![account, before, limit, id.as_str()], read)?
        }
        None => {
            let mut statement = db.prepare_cached(
                "SELECT * FROM audience WHERE account_id = ?1 AND deleted IS NULL AND place < ?2
                 ORDER BY place DESC LIMIT ?3",
            )?;
            each(&mut statement, params![account, before, limit], read)?
        }
    };
    let has_more = items.len() > page.first;
    items.truncate(page.first);
    Ok(Listed { items, has_more })
}

pub(super) fn rename(
    tx: &Db,
    account: &AccountId,
    id: &AudienceId,
    name: &str,
    now: Millis,
) -> Stored<bool> {
    let changed = tx
        .prepare_cached(
            "UPDATE audience SET name = ?3, updated = max(updated, ?4)
             WHERE id = ?1 AND account_id = ?2 AND deleted IS NULL",
        )?
        .execute(params![id.as_str(), account.as_str(), name, now])?;
    Ok(changed > 0)
}
