-- How long the last completed jobs of each tool ran: kept when the jobs are deleted, a hundred for a
-- tool at most. `n` counts the tool's completed jobs.
CREATE TABLE run_time (
    tool TEXT NOT NULL,
    n    INTEGER NOT NULL,
    ms   INTEGER NOT NULL,
    PRIMARY KEY (tool, n)
) WITHOUT ROWID;

-- A trigger, so that it is in the transaction that ends the job, whichever program ends it.
CREATE TRIGGER job_timed AFTER UPDATE OF state ON job
WHEN NEW.state = 'completed' AND OLD.state <> 'completed' AND NEW.started_at IS NOT NULL BEGIN
    INSERT INTO run_time (tool, n, ms)
    SELECT NEW.tool, coalesce(max(n), 0) + 1, max(0, NEW.ended_at - NEW.started_at)
    FROM run_time WHERE tool = NEW.tool;
    DELETE FROM run_time WHERE tool = NEW.tool
    AND n <= (SELECT max(n) FROM run_time WHERE tool = NEW.tool) - 100;
END;

-- What is known already.
INSERT INTO run_time (tool, n, ms)
SELECT tool, n, ms FROM (
    SELECT tool, max(0, ended_at - started_at) AS ms,
           row_number() OVER (PARTITION BY tool ORDER BY completion_seq) AS n,
           count(*) OVER (PARTITION BY tool) AS runs
    FROM job WHERE state = 'completed' AND started_at IS NOT NULL
) WHERE n > runs - 100;
