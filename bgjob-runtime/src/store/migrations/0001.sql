-- The first ledger. Times are milliseconds since the epoch; `seq` orders submissions.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE job (
    seq                 INTEGER PRIMARY KEY AUTOINCREMENT,
    id                  TEXT NOT NULL UNIQUE,
    owner               TEXT NOT NULL,
    tool                TEXT NOT NULL,
    schema_hash         TEXT NOT NULL,
    build               TEXT NOT NULL,
    state               TEXT NOT NULL CHECK (state IN
                            ('queued', 'running', 'input_required', 'completed', 'failed', 'cancelled')),
    priority            INTEGER NOT NULL DEFAULT 0,
    tool_limit          INTEGER,
    submitted_at        INTEGER NOT NULL,
    submit_boot         TEXT NOT NULL,
    not_before          INTEGER NOT NULL DEFAULT 0,
    started_at          INTEGER,
    ended_at            INTEGER,
    timeout_ms          INTEGER,
    attempt             INTEGER NOT NULL DEFAULT 0,
    max_attempts        INTEGER NOT NULL DEFAULT 1,
    retry_policy        TEXT,
    nonce               TEXT,
    boot                TEXT,
    cancel_requested_at INTEGER,
    cancel_grace_ms     INTEGER,
    retry_of            TEXT,
    idempotency_key     TEXT,
    input               BLOB,
    input_hash          TEXT NOT NULL,
    dedupe              INTEGER NOT NULL DEFAULT 0,
    cwd                 BLOB NOT NULL,
    patch_field         TEXT,
    patch_pointer       TEXT,
    patch_generation    INTEGER,
    patch_version       INTEGER,
    patch_skipped       TEXT,
    error               TEXT,
    exit                TEXT,
    warning             TEXT,
    leaked              INTEGER NOT NULL DEFAULT 0,
    usage               TEXT,
    result_bytes        INTEGER,
    completion_seq      INTEGER UNIQUE,
    revision            INTEGER NOT NULL DEFAULT 1
);

CREATE INDEX job_queue ON job (priority DESC, seq) WHERE state = 'queued';
CREATE INDEX job_later ON job (not_before) WHERE state = 'queued' AND not_before > 0;
CREATE INDEX job_alive ON job (tool, seq) WHERE state IN ('running', 'input_required');
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_owner ON job (owner, seq);
CREATE INDEX job_writer ON job (owner, patch_field, seq)
    WHERE patch_field IS NOT NULL AND state IN ('queued', 'running', 'input_required');
CREATE INDEX job_same ON job (owner, tool, input_hash, seq) WHERE dedupe = 1;
CREATE UNIQUE INDEX job_key ON job (owner, tool, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- What a queued job still waits for. Rows go when the awaited job has completed.
CREATE TABLE wait (
    job    INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
    on_job INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
    PRIMARY KEY (job, on_job)
) WITHOUT ROWID;
CREATE INDEX wait_on ON wait (on_job);

-- What is known of the attempts of a job before its last one.
CREATE TABLE attempt (
    job        INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
    attempt    INTEGER NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER NOT NULL,
    error      TEXT NOT NULL,
    exit       TEXT NOT NULL,
    leaked     INTEGER NOT NULL,
    usage      TEXT,
    PRIMARY KEY (job, attempt)
) WITHOUT ROWID;

-- The state value that each argument `State<T>` of a job gets: a version, or what `writer` will make.
CREATE TABLE pin (
    job     INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
    field   TEXT NOT NULL,
    version INTEGER,
    writer  INTEGER,
    PRIMARY KEY (job, field)
) WITHOUT ROWID;
CREATE INDEX pin_writer ON pin (writer) WHERE writer IS NOT NULL;

CREATE TABLE field (
    owner      TEXT NOT NULL,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL DEFAULT 0,
    generation INTEGER NOT NULL DEFAULT 0,
    present    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, name)
) WITHOUT ROWID;

CREATE TABLE value (
    owner   TEXT NOT NULL,
    field   TEXT NOT NULL,
    version INTEGER NOT NULL,
    value   BLOB,
    file    TEXT,
    bytes   INTEGER NOT NULL,
    job     TEXT UNIQUE,
    set_at  INTEGER NOT NULL,
    PRIMARY KEY (owner, field, version),
    CHECK ((value IS NULL) <> (file IS NULL))
);

-- Which binaries know which tools, recorded by front-ends so that supervisors run no user code.
CREATE TABLE build_tool (
    build       TEXT NOT NULL,
    tool        TEXT NOT NULL,
    schema_hash TEXT NOT NULL,
    PRIMARY KEY (build, tool)
) WITHOUT ROWID;

-- Append-only: every move of every job, written by the triggers below and by nobody else.
CREATE TABLE transition (
    seq     INTEGER PRIMARY KEY,
    job     INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    state   TEXT NOT NULL,
    attempt INTEGER NOT NULL
);
CREATE INDEX transition_job ON transition (job);

CREATE TRIGGER job_accepted AFTER INSERT ON job BEGIN
    INSERT INTO transition (job, at, state, attempt) VALUES (NEW.seq, NEW.submitted_at, NEW.state, NEW.attempt);
END;

CREATE TRIGGER job_moved AFTER UPDATE OF state ON job WHEN OLD.state <> NEW.state BEGIN
    INSERT INTO transition (job, at, state, attempt)
    VALUES (NEW.seq, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), NEW.state, NEW.attempt);
END;

CREATE TRIGGER job_terminal_is_final BEFORE UPDATE ON job
WHEN OLD.state IN ('completed', 'failed', 'cancelled') BEGIN
    SELECT RAISE(ABORT, 'a terminal job never changes');
END;

CREATE TRIGGER job_moves_are_legal BEFORE UPDATE OF state ON job
WHEN OLD.state <> NEW.state AND OLD.state NOT IN ('completed', 'failed', 'cancelled') AND NOT (
       (OLD.state = 'queued' AND NEW.state IN ('running', 'cancelled', 'failed'))
    OR (OLD.state = 'running' AND NEW.state IN ('input_required', 'queued', 'completed', 'failed', 'cancelled'))
    OR (OLD.state = 'input_required' AND NEW.state IN ('running', 'queued', 'completed', 'failed', 'cancelled'))
) BEGIN
    SELECT RAISE(ABORT, 'this move is not legal');
END;

-- Numbers that are given out once and without gaps, also after rows were pruned.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('completion_seq', 0);
INSERT INTO setting (name, value) VALUES ('min_writer_version', '1');
