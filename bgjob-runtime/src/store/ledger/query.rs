//! Looking: reads that never write.

use rusqlite::{Connection, OptionalExtension, params};

use super::Ledger;
use super::row::{COLUMNS, COLUMNS_OF_A_LIST, record};
use crate::error::Result;
use crate::job::id::JobId;
use crate::job::record::JobRecord;
use crate::job::state::JobState;

/// Which jobs to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListFilter {
    /// Only jobs in one of these states; all when empty.
    pub states: Vec<JobState>,
    /// Only jobs of this tool.
    pub tool: Option<String>,
    /// Only jobs accepted at or after this time, in ms since the epoch.
    pub since_ms: Option<i64>,
    /// Only jobs before this position: the cursor of the last page.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: u32,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// The jobs, newest first.
    pub jobs: Vec<JobRecord>,
    /// The cursor of the next page, if there is one.
    pub next: Option<i64>,
}

/// The index holds both columns: a foreign id costs what an unknown one does, to the page.
pub(super) fn by_id(conn: &Connection, owner: &str, id: &str) -> Result<Option<JobRecord>> {
    let mut statement = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM job INDEXED BY job_owner_id WHERE id = ?1 AND owner = ?2"
    ))?;
    Ok(statement.query_row([id, owner], record).optional()?)
}

pub(super) fn by_seq(conn: &Connection, seq: i64) -> Result<Option<JobRecord>> {
    let mut statement =
        conn.prepare_cached(&format!("SELECT {COLUMNS} FROM job WHERE seq = ?1"))?;
    Ok(statement.query_row([seq], record).optional()?)
}

/// How many jobs of `owner` are queued; triggers of the schema keep the count.
pub(super) fn queued(conn: &Connection, owner: &str) -> Result<u64> {
    let mut statement = conn.prepare_cached("SELECT n FROM queued WHERE owner = ?1")?;
    let n: Option<u64> = statement.query_row([owner], |row| row.get(0)).optional()?;
    Ok(n.unwrap_or(0))
}

impl Ledger {
    /// The job `id` of `owner`; foreign and unknown ids look the same.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn job(&self, owner: &str, id: &JobId) -> Result<Option<JobRecord>> {
        by_id(&self.conn, owner, id.as_str())
    }

    /// The job at position `seq`, whoever owns it: for supervisors.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn job_by_seq(&self, seq: i64) -> Result<Option<JobRecord>> {
        by_seq(&self.conn, seq)
    }

    /// Whether somebody wants the job at position `seq` to end, and the grace in ms that it then has, if that was
    /// said.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn wish_to_end(&self, seq: i64) -> Result<Option<Option<u64>>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT cancel_grace_ms FROM job WHERE seq = ?1 AND cancel_requested_at IS NOT NULL",
        )?;
        Ok(statement.query_row([seq], |row| row.get(0)).optional()?)
    }

    /// Whether anybody has a job of that id.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn has_job(&self, id: &JobId) -> Result<bool> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT 1 FROM job WHERE id = ?1")?;
        Ok(statement.exists([id.as_str()])?)
    }

    /// Up to two ids of `owner` that begin with `prefix`: one means it is unique.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn ids_with_prefix(&self, owner: &str, prefix: &str) -> Result<Vec<String>> {
        // `id >= prefix AND id < prefix||~` uses the index, where LIKE would not.
        let mut statement =
            self.conn.prepare_cached("SELECT id FROM job WHERE id >= ?1 AND id < ?1 || '~' AND owner = ?2 ORDER BY id LIMIT 2")?;
        Ok(statement
            .query_map([prefix, owner], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// Jobs of `owner`, newest first, without what lists do not show: `retry`, `cwd`, `exit` and `usage`.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn list(&self, owner: &str, filter: &ListFilter) -> Result<Page> {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        let states = serde_json::to_string(&states).unwrap_or_default();
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS_OF_A_LIST} FROM job WHERE owner = ?1 AND seq < ?2
             AND (?3 = '[]' OR state IN (SELECT value FROM json_each(?3)))
             AND (?4 IS NULL OR tool = ?4) AND (?5 IS NULL OR submitted_at >= ?5)
             ORDER BY seq DESC LIMIT ?6"
        ))?;
        let before = filter.before.unwrap_or(i64::MAX);
        let rows = statement.query_map(
            params![
                owner,
                before,
                states,
                filter.tool,
                filter.since_ms,
                i64::from(filter.limit) + 1
            ],
            record,
        )?;
        let mut jobs: Vec<JobRecord> = rows.collect::<Result<_, _>>()?;
        let more = jobs.len() > filter.limit as usize;
        jobs.truncate(filter.limit as usize);
        Ok(Page {
            next: jobs.last().filter(|_| more).map(|job| job.seq),
            jobs,
        })
    }

    /// Every job that has, or had, a worker: for reconciling.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn alive(&self) -> Result<Vec<JobRecord>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM job INDEXED BY job_alive WHERE state IN ('running', 'input_required') ORDER BY seq"
        ))?;
        Ok(statement.query_map([], record)?.collect::<Result<_, _>>()?)
    }

    /// The jobs that ended last, at most `limit`.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn latest_ended(&self, limit: u32) -> Result<Vec<JobRecord>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM job INDEXED BY job_ended WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT ?1"
        ))?;
        Ok(statement
            .query_map([limit], record)?
            .collect::<Result<_, _>>()?)
    }

    /// How many jobs run, over all owners and processes.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn count_alive(&self) -> Result<u32> {
        super::claim::count_alive(&self.conn)
    }

    /// How many jobs of `owner` run, over all processes.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn count_running(&self, owner: &str) -> Result<u32> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM job INDEXED BY job_alive WHERE state IN ('running', 'input_required') AND owner = ?1",
        )?;
        Ok(statement.query_row([owner], |row| row.get(0))?)
    }

    /// The first accepted of the jobs of `owner` that have not ended.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn oldest_live(&self, owner: &str) -> Result<Option<JobRecord>> {
        // Two small indexes instead of a walk over all that has ended.
        let mut statement = self.conn.prepare_cached(
            "SELECT min(seq) FROM (
                 SELECT seq FROM job INDEXED BY job_alive WHERE state IN ('running', 'input_required') AND owner = ?1
                 UNION ALL SELECT seq FROM job INDEXED BY job_queue WHERE state = 'queued' AND owner = ?1)",
        )?;
        let seq: Option<i64> = statement.query_row([owner], |row| row.get(0))?;
        seq.map_or(Ok(None), |seq| by_seq(&self.conn, seq))
    }

    /// How many jobs of `owner` are queued.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn count_queued(&self, owner: &str) -> Result<u64> {
        queued(&self.conn, owner)
    }

    /// The place of a queued job among its owner's, from 1: what others have queued is not told.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn queue_position(&self, job: &JobRecord) -> Result<u64> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM job INDEXED BY job_queue WHERE state = 'queued'
             AND (priority > ?1 OR (priority = ?1 AND seq <= ?2)) AND owner = ?3",
        )?;
        Ok(statement.query_row(params![job.priority, job.seq, job.owner], |row| row.get(0))?)
    }

    /// The queued jobs of `owner` in the order in which they stand.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn queue_of(&self, owner: &str) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT seq FROM job INDEXED BY job_queue WHERE state = 'queued' AND owner = ?1 ORDER BY priority DESC, seq",
        )?;
        Ok(statement
            .query_map([owner], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// How many jobs of `tool` run, over all owners and processes.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn count_alive_of(&self, tool: &str) -> Result<u32> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM job INDEXED BY job_alive WHERE tool = ?1 AND state IN ('running', 'input_required')",
        )?;
        Ok(statement.query_row([tool], |row| row.get(0))?)
    }

    /// The jobs that `seq` still waits for.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn waits_of(&self, seq: i64) -> Result<Vec<JobId>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT j.id FROM wait w JOIN job j ON j.seq = w.on_job WHERE w.job = ?1 ORDER BY j.seq")?;
        let ids: Vec<String> = statement
            .query_map([seq], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// The input of a job, if the row holds it, and its hash.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read or the job is gone.
    pub fn input(&self, seq: i64) -> Result<(Option<Vec<u8>>, String)> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT input, input_hash FROM job WHERE seq = ?1")?;
        Ok(statement.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Whether the tools of the binary `build` are recorded.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn knows_build(&self, build: &str) -> Result<bool> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT 1 FROM build_tool WHERE build = ?1")?;
        Ok(statement.exists([build])?)
    }

    /// Whether the binary `build` has the tool of `job` as it was when that was accepted.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn can_run(&self, build: &str, job: &JobRecord) -> Result<bool> {
        let mut statement = self.conn.prepare_cached(
            "SELECT 1 FROM build_tool WHERE build = ?1 AND tool = ?2 AND schema_hash = ?3",
        )?;
        Ok(statement.exists([build, &job.tool, &job.schema_hash])?)
    }
}
