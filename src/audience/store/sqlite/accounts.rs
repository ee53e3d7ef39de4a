//! Accounts, keys, secrets and replays in SQLite.

use super::row::{each, first, get, joined, parsed, split};
use super::*;
use rusqlite::{Row, params};

pub(super) fn secret(tx: &Db, name: &str, fresh: [u8; 32]) -> Stored<[u8; 32]> {
    tx.prepare_cached("INSERT OR IGNORE INTO setting (name, value) VALUES (?1, ?2)")?
        .execute(params![name, fresh])?;
    let mut statement = tx.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0))?)
}

pub(super) fn add(tx: &Db, account: &Account) -> Stored<()> {
    tx.prepare_cached(
        "INSERT INTO account (id, country, platforms, created) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        account.id.as_str(),
        account.country,
        account.platforms.as_deref().map(joined),
        account.created
    ])?;
    Ok(())
}

pub(super) fn set(tx: &Db, account: &Account) -> Stored<bool> {
    let changed = tx
        .prepare_cached("UPDATE account SET country = ?2, platforms = ?3 WHERE id = ?1")?
        .execute(params![
            account.id.as_str(),
            account.country,
            account.platforms.as_deref().map(joined)
        ])?;
    Ok(changed > 0)
}

fn read_account(row: &Row<'_>) -> Stored<Account> {
    let platforms: Option<String> = get(row, "platforms")?;
    Ok(Account {
        id: parsed(row, "id")?,
        country: get(row, "country")?,
        platforms: platforms.map(|text| split(&text, "platforms")).transpose()?,
        created: get(row, "created")?,
    })
}

pub(super) fn one(db: &Db, id: &AccountId) -> Stored<Option<Account>> {
    let mut statement = db.prepare_cached("SELECT * FROM account WHERE id = ?1")?;
    first(&mut statement, [id.as_str()], read_account)
}

pub(super) fn all(db: &Db) -> Stored<Vec<(Account, Vec<ApiKey>)>> {
    let mut statement = db.prepare_cached("SELECT * FROM account ORDER BY created, id")?;
    let accounts = each(&mut statement, [], read_account)?;
    let mut keys =
        db.prepare_cached("SELECT * FROM api_key WHERE account_id = ?1 ORDER BY created, id")?;
    let with_keys = accounts.into_iter().map(|account| {
        let keys = each(&mut keys, [account.id.as_str()], read_key)?;
        Ok((account, keys))
    });
    with_keys.collect()
}

pub(super) fn add_key(tx: &Db, key: &ApiKey) -> Stored<()> {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.name()).collect();
    tx.prepare_cached(
        "INSERT INTO api_key (id, account_id, secret_sha256, scopes, created)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        key.id.as_str(),
        key.account.as_str(),
        key.secret_sha256,
        joined(&scopes),
        key.created
    ])?;
    Ok(())
}

pub(super) fn revoke_key(tx: &Db, id: &KeyId) -> Stored<bool> {
    let removed = tx.prepare_cached("DELETE FROM api_key WHERE id = ?1")?.execute([id.as_str()])?;
    tx.prepare_cached("DELETE FROM replay WHERE caller = ?1")?.execute([id.as_str()])?;
    Ok(removed > 0)
}

fn read_key(row: &Row<'_>) -> Stored<ApiKey> {
    Ok(ApiKey {
        id: parsed(row, "id")?,
        account: parsed(row, "account_id")?,
        secret_sha256: get(row, "secret_sha256")?,
        scopes: split(&get::<String>(row, "scopes")?, "scopes")?,
        created: get(row, "created")?,
    })
}

pub(super) fn key(db: &Db, id: &KeyId) -> Stored<Option<ApiKey>> {
    let mut statement = db.prepare_cached("SELECT * FROM api_key WHERE id = ?1")?;
    first(&mut statement, [id.as_str()], read_key)
}

/// What a request does is durable only together with its answer: one without an answer has done
/// nothing.
pub(super) fn forget_running(tx: &Transaction<'_>) -> Stored<()> {
    tx.execute("DELETE FROM replay WHERE status IS NULL", [])?;
    Ok(())
}

pub(super) fn begin_replay(
    tx: &Db,
    key: &ReplayKey,
    request: [u8; 32],
    now: Millis,
) -> Stored<Begun> {
    const DAY: Millis = 24 * 60 * 60 * 1_000;
    let by_key = params![key.caller.as_str(), key.key];
    let mut statement = tx.prepare_cached("SELECT * FROM replay WHERE caller = ?1 AND key = ?2")?;
    let known = first(&mut statement, by_key, |row| {
        let was: [u8; 32] = get(row, "request")?;
        let status: Option<u16> = get(row, "status")?;
        let body: Option<Vec<u8>> = get(row, "body")?;
        let is_old = get::<i64>(row, "created")? < now - DAY;
        Ok(match status {
            _ if is_old => None,
            // It came to nothing: what a request does is on record with its answer only.
            None => None,
            Some(_) if was != request => Some(Begun::Mismatch),
            Some(status) => {
                Some(Begun::Answered(Answer { status, body: body.unwrap_or_default() }))
            }
        })
    })?;
    if let Some(known) = known.flatten() {
        return Ok(known);
    }
    tx.prepare_cached(
        "INSERT OR REPLACE INTO replay (caller, key, request, created) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![key.caller.as_str(), key.key, request, now])?;
    Ok(Begun::Fresh)
}

pub(super) fn keep_replay(tx: &Db, keep: Option<&Keep>) -> Stored<()> {
    let Some(Keep { key, answer }) = keep else { return Ok(()) };
    tx.prepare_cached("UPDATE replay SET status = ?3, body = ?4 WHERE caller = ?1 AND key = ?2")?
        .execute(params![key.caller.as_str(), key.key, answer.status, answer.body])?;
    Ok(())
}

pub(super) fn drop_replay(tx: &Db, key: &ReplayKey) -> Stored<()> {
    tx.prepare_cached("DELETE FROM replay WHERE caller = ?1 AND key = ?2 AND status IS NULL")?
        .execute(params![key.caller.as_str(), key.key])?;
    Ok(())
}

pub(super) fn expire_replays(tx: &Db, before: Millis) -> Stored<u64> {
    let gone = tx.prepare_cached("DELETE FROM replay WHERE created < ?1")?.execute([before])?;
    Ok(gone as u64)
}
