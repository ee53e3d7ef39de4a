-- The tables. Times are milliseconds since 1970. No cell of a list and no hash of one is in here.
CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    country TEXT,
    platforms TEXT,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    secret_sha256 BLOB NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX api_key_account ON api_key (account_id);

CREATE TABLE replay (
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    request BLOB NOT NULL,
    status INTEGER,
    body BLOB,
    created INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;
CREATE INDEX replay_created ON replay (created);

-- place: the order of making.
CREATE TABLE file (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    filename TEXT NOT NULL,
    visibility TEXT NOT NULL,
    announced_bytes INTEGER,
    upload_id TEXT,
    parts_wanted INTEGER,
    status TEXT NOT NULL,
    bytes INTEGER,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX file_account ON file (account_id, place);
CREATE INDEX file_status ON file (status, created);

CREATE TABLE part (
    file_id TEXT NOT NULL REFERENCES file (id),
    number INTEGER NOT NULL,
    token TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    PRIMARY KEY (file_id, number)
) STRICT;

CREATE TABLE audience (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    mapping TEXT NOT NULL,
    status TEXT NOT NULL,
    total_rows INTEGER NOT NULL,
    processed_rows INTEGER NOT NULL,
    matched_rows INTEGER NOT NULL,
    progress_percent INTEGER NOT NULL,
    error_message TEXT,
    platform_audience_ids TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    refreshed INTEGER,
    generation INTEGER NOT NULL,
    lease INTEGER NOT NULL DEFAULT 0,
    -- When there is something to do; null where there is nothing.
    due INTEGER,
    deleted INTEGER,
    deletion_attempts INTEGER NOT NULL DEFAULT 0,
    has_rejects INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX audience_account ON audience (account_id, place) WHERE deleted IS NULL;
CREATE INDEX audience_due ON audience (due) WHERE due IS NOT NULL;
CREATE INDEX audience_refreshed ON audience (refreshed) WHERE has_rejects = 1;

CREATE TABLE import (
    audience_id TEXT NOT NULL REFERENCES audience (id),
    generation INTEGER NOT NULL,
    file_id TEXT NOT NULL REFERENCES file (id),
    country TEXT,
    platforms TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    rows_before INTEGER NOT NULL,
    counted TEXT,
    is_counted INTEGER NOT NULL DEFAULT 0,
    checkpoint TEXT,
    next_seq TEXT NOT NULL,
    ledger TEXT NOT NULL,
    rejects_bytes INTEGER NOT NULL,
    ended INTEGER,
    PRIMARY KEY (audience_id, generation)
) STRICT;
CREATE INDEX import_file ON import (file_id);

CREATE TABLE batch (
    audience_id TEXT NOT NULL REFERENCES audience (id),
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    batch_id TEXT NOT NULL,
    first_row INTEGER NOT NULL,
    last_row INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    records INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    extension TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    refused TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (audience_id, stream, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_row ON batch (audience_id, first_row);
CREATE INDEX batch_open ON batch (audience_id, stream, seq) WHERE state IN ('staged', 'sent');

-- How many rows of a range the destination has.
CREATE TABLE range (
    audience_id TEXT NOT NULL REFERENCES audience (id),
    first_row INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    PRIMARY KEY (audience_id, first_row)
) STRICT, WITHOUT ROWID;

CREATE TABLE connection (
    audience_id TEXT NOT NULL REFERENCES audience (id),
    stream TEXT NOT NULL,
    external_id TEXT,
    is_begun INTEGER NOT NULL DEFAULT 0,
    is_created INTEGER NOT NULL,
    session TEXT,
    is_closed INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due INTEGER NOT NULL,
    wait INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    is_deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (audience_id, stream)
) STRICT, WITHOUT ROWID;
