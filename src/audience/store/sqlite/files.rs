//! Uploaded files and their parts in SQLite.

use super::row::{each, first, get, int, natural, natural_or_none, parsed, small};
use super::*;
use rusqlite::{Row, params};

fn name_of(status: UploadStatus) -> &'static str {
    match status {
        UploadStatus::Pending => "pending",
        UploadStatus::Ready => "ready",
        UploadStatus::Gone => "gone",
    }
}

fn read_file(row: &Row<'_>) -> Stored<UploadedFile> {
    let upload_id: Option<String> = get(row, "upload_id")?;
    let parts_wanted: Option<u32> = get(row, "parts_wanted")?;
    Ok(UploadedFile {
        id: parsed(row, "id")?,
        account: parsed(row, "account_id")?,
        filename: get(row, "filename")?,
        visibility: get(row, "visibility")?,
        announced_bytes: natural_or_none(row, "announced_bytes")?,
        multipart: upload_id.zip(parts_wanted),
        status: match get::<String>(row, "status")?.as_str() {
            "pending" => UploadStatus::Pending,
            "ready" => UploadStatus::Ready,
            _ => UploadStatus::Gone,
        },
        bytes: natural_or_none(row, "bytes")?,
        created: get(row, "created")?,
    })
}

pub(super) fn add(tx: &Db, file: &UploadedFile) -> Stored<()> {
    tx.prepare_cached(
        "INSERT INTO file (id, account_id, filename, visibility, announced_bytes, upload_id,
         parts_wanted, status, bytes, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        file.id.as_str(),
        file.account.as_str(),
        file.filename,
        file.visibility,
        file.announced_bytes.map(int),
        file.multipart.as_ref().map(|(id, _)| id),
        file.multipart.as_ref().map(|(_, parts)| parts),
        name_of(file.status),
        file.bytes.map(int),
        file.created
    ])?;
    Ok(())
}

pub(super) fn one(db: &Db, id: &FileId) -> Stored<Option<UploadedFile>> {
    let mut statement = db.prepare_cached("SELECT * FROM file WHERE id = ?1")?;
    first(&mut statement, [id.as_str()], read_file)
}

pub(super) fn list(
    db: &Db,
    account: &AccountId,
    ids: &[FileId],
    after: Option<i64>,
    first: usize,
) -> Stored<Listed<UploadedFile>> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM file WHERE account_id = ?1 AND place < ?2
         AND (?3 = '[]' OR id IN (SELECT value FROM json_each(?3)))
         ORDER BY place DESC LIMIT ?4",
    )?;
    let ids: Vec<&str> = ids.iter().map(FileId::as_str).collect();
    let ids = row::to_json(&ids)?;
    let before = after.unwrap_or(i64::MAX);
    let parameters = params![account.as_str(), before, ids, int(first as u64 + 1)];
    let mut items =
        each(&mut statement, parameters, |row| Ok((get(row, "place")?, read_file(row)?)))?;
    let has_more = items.len() > first;
    items.truncate(first);
    Ok(Listed { items, has_more })
}

pub(super) fn account_bytes(db: &Db, account: &AccountId) -> Stored<u64> {
    let mut statement = db.prepare_cached(
        "SELECT coalesce(sum(part.bytes), 0) AS bytes FROM file JOIN part ON file_id = file.id
         WHERE account_id = ?1 AND status <> 'gone'",
    )?;
    let bytes = first(&mut statement, [account.as_str()], |row| natural(row, "bytes"))?;
    Ok(bytes.unwrap_or(0))
}

pub(super) fn parts(db: &Db, id: &FileId) -> Stored<Vec<UploadPart>> {
    let mut statement =
        db.prepare_cached("SELECT * FROM part WHERE file_id = ?1 ORDER BY number")?;
    each(&mut statement, [id.as_str()], |row| {
        Ok(UploadPart {
            number: small(row, "number")?,
            token: get(row, "token")?,
            bytes: natural(row, "bytes")?,
            etag: get(row, "etag")?,
        })
    })
}

pub(super) fn put_part(tx: &Db, id: &FileId, part: &UploadPart) -> Stored<Option<Vec<UploadPart>>> {
    let is_pending = one(tx, id)?.is_some_and(|file| file.status == UploadStatus::Pending);
    if !is_pending {
        return Ok(None);
    }
    let mut before = parts(tx, id)?;
    before.retain(|old| old.number == part.number);
    insert_part(tx, id, part)?;
    Ok(Some(before))
}

fn insert_part(tx: &Db, id: &FileId, part: &UploadPart) -> Stored<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO part (file_id, number, token, bytes, etag)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![id.as_str(), part.number, part.token, int(part.bytes), part.etag])?;
    Ok(())
}

pub(super) fn finish(tx: &Db, id: &FileId, wanted: &[UploadPart]) -> Stored<Finished> {
    let Some(file) = one(tx, id)? else { return Ok(Finished::Gone) };
    match file.status {
        UploadStatus::Gone => return Ok(Finished::Gone),
        UploadStatus::Ready => {
            let tag = parts(tx, id)?.into_iter().next().map(|part| part.etag);
            return Ok(Finished::Already(tag.unwrap_or_default()));
        }
        UploadStatus::Pending => {}
    }
    tx.prepare_cached("DELETE FROM part WHERE file_id = ?1")?.execute([id.as_str()])?;
    for part in wanted {
        insert_part(tx, id, part)?;
    }
    let bytes: u64 = wanted.iter().map(|part| part.bytes).sum();
    tx.prepare_cached("UPDATE file SET status = 'ready', bytes = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), int(bytes)])?;
    Ok(Finished::Done)
}

pub(super) fn part_names(db: &Db) -> Stored<Vec<String>> {
    let mut statement = db.prepare_cached(
        "SELECT file_id || '.' || number || '.' || token AS name FROM part
         JOIN file ON file.id = file_id WHERE status <> 'gone'",
    )?;
    each(&mut statement, [], |row| get(row, "name"))
}

pub(super) fn expired(db: &Db, unused: Millis, used: Millis, now: Millis) -> Stored<Vec<FileId>> {
    // `ended` is null for an import that is not over: then the greatest is not taken. One that
    // ended in the future did so before the clock was turned back.
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT file_id AS id FROM part JOIN file ON file.id = file_id
         WHERE status = 'gone'
         UNION ALL
         SELECT id FROM file WHERE status <> 'gone' AND CASE
           WHEN NOT EXISTS (SELECT 1 FROM import WHERE file_id = file.id) THEN created <= ?1
           WHEN EXISTS (SELECT 1 FROM import WHERE file_id = file.id AND ended IS NULL) THEN 0
           ELSE (SELECT max(ended) NOT BETWEEN ?2 + 1 AND ?3 FROM import WHERE file_id = file.id)
         END LIMIT 1000",
    )?;
    each(&mut statement, params![unused, used, now], |row| parsed(row, "id"))
}

pub(super) fn gone(tx: &Db, id: &FileId) -> Stored<bool> {
    let changed = tx
        .prepare_cached(
            "UPDATE file SET status = 'gone' WHERE id = ?1 AND NOT EXISTS
             (SELECT 1 FROM import WHERE file_id = ?1 AND ended IS NULL)",
        )?
        .execute([id.as_str()])?;
    Ok(changed > 0)
}

pub(super) fn parts_gone(tx: &Db, id: &FileId) -> Stored<()> {
    tx.prepare_cached("DELETE FROM part WHERE file_id = ?1")?.execute([id.as_str()])?;
    Ok(())
}
