-- How many jobs of each owner are queued. Counting them at each submission took longer the longer the
-- queue was. Triggers, so that it is in the transaction that moves the job, whichever program moves it.
CREATE TABLE queued (
    owner TEXT PRIMARY KEY,
    n     INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO queued (owner, n) SELECT owner, count(*) FROM job WHERE state = 'queued' GROUP BY owner;

CREATE TRIGGER job_came AFTER INSERT ON job WHEN NEW.state = 'queued' BEGIN
    INSERT INTO queued (owner, n) VALUES (NEW.owner, 1) ON CONFLICT (owner) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER job_came_back AFTER UPDATE OF state ON job WHEN NEW.state = 'queued' AND OLD.state <> 'queued' BEGIN
    INSERT INTO queued (owner, n) VALUES (NEW.owner, 1) ON CONFLICT (owner) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER job_left AFTER UPDATE OF state ON job WHEN OLD.state = 'queued' AND NEW.state <> 'queued' BEGIN
    UPDATE queued SET n = n - 1 WHERE owner = OLD.owner;
END;

CREATE TRIGGER job_gone AFTER DELETE ON job WHEN OLD.state = 'queued' BEGIN
    UPDATE queued SET n = n - 1 WHERE owner = OLD.owner;
END;
