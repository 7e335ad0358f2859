-- How long jobs ran is their owner's affair: nobody learns from it how long another's jobs take. `n`
-- counts the owner's completed jobs of the tool; a hundred for each are kept.
DROP TRIGGER job_timed;
ALTER TABLE run_time RENAME TO run_time_of_all;

CREATE TABLE run_time (
    owner TEXT NOT NULL,
    tool  TEXT NOT NULL,
    n     INTEGER NOT NULL,
    ms    INTEGER NOT NULL,
    PRIMARY KEY (owner, tool, n)
) WITHOUT ROWID;

CREATE TRIGGER job_timed AFTER UPDATE OF state ON job
WHEN NEW.state = 'completed' AND OLD.state <> 'completed' AND NEW.started_at IS NOT NULL BEGIN
    INSERT INTO run_time (owner, tool, n, ms)
    SELECT NEW.owner, NEW.tool, coalesce(max(n), 0) + 1, max(0, NEW.ended_at - NEW.started_at)
    FROM run_time WHERE owner = NEW.owner AND tool = NEW.tool;
    DELETE FROM run_time WHERE owner = NEW.owner AND tool = NEW.tool
    AND n <= (SELECT max(n) FROM run_time WHERE owner = NEW.owner AND tool = NEW.tool) - 100;
END;

-- Where nobody but the local user ever had a job, everything that is known is of that user's jobs, those
-- that were deleted included.
INSERT INTO run_time (owner, tool, n, ms)
SELECT 'local', tool, n, ms FROM run_time_of_all
WHERE NOT EXISTS (SELECT 1 FROM job WHERE owner <> 'local')
AND NOT EXISTS (SELECT 1 FROM queued WHERE owner <> 'local');

-- Elsewhere only the jobs that are still there tell whose they were.
INSERT INTO run_time (owner, tool, n, ms)
SELECT owner, tool, n, ms FROM (
    SELECT owner, tool, max(0, ended_at - started_at) AS ms,
           row_number() OVER (PARTITION BY owner, tool ORDER BY completion_seq) AS n,
           count(*) OVER (PARTITION BY owner, tool) AS runs
    FROM job WHERE state = 'completed' AND started_at IS NOT NULL
) WHERE n > runs - 100
AND (EXISTS (SELECT 1 FROM job WHERE owner <> 'local') OR EXISTS (SELECT 1 FROM queued WHERE owner <> 'local'));

DROP TABLE run_time_of_all;
