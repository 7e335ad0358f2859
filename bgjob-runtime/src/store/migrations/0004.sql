-- Questions of running jobs. `nonce` names the attempt that asks, or was told the answer; a question without
-- one was withdrawn. `round` grows when an answer was taken back because the function could not use it.

CREATE TABLE question (
    job         INTEGER NOT NULL REFERENCES job (seq) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    place       INTEGER NOT NULL,
    nonce       TEXT,
    round       INTEGER NOT NULL,
    message     TEXT NOT NULL,
    schema      TEXT NOT NULL,
    refused     TEXT,
    asked_at    INTEGER NOT NULL,
    answer      TEXT,
    answered_at INTEGER,
    PRIMARY KEY (job, key)
) WITHOUT ROWID;
