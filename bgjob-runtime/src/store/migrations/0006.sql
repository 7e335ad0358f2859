-- A command that is run once a job has ended. It has a table of its own, since the row of a job never
-- changes after its end. `due` is set by the trigger below and cleared with the outcome.
CREATE TABLE hook (
    job        INTEGER PRIMARY KEY REFERENCES job (seq) ON DELETE CASCADE,
    command    TEXT NOT NULL,
    due        INTEGER NOT NULL DEFAULT 0,
    starts     INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER,
    ended_at   INTEGER,
    failed     INTEGER NOT NULL DEFAULT 0,
    outcome    TEXT
);
CREATE INDEX hook_due ON hook (job) WHERE due = 1;
CREATE INDEX hook_failed ON hook (ended_at) WHERE failed = 1;

CREATE TRIGGER hook_becomes_due AFTER UPDATE OF state ON job
WHEN OLD.state <> NEW.state AND NEW.state IN ('completed', 'failed', 'cancelled') BEGIN
    UPDATE hook SET due = 1 WHERE job = NEW.seq;
END;

-- Who set a setting last; what an earlier format has is not known.
ALTER TABLE setting ADD COLUMN source TEXT;
