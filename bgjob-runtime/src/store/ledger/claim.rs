//! Claiming a queued job: the limits are checked in the transaction that takes the slot.

use rusqlite::{Connection, params};

use super::Ledger;
use super::query::by_seq;
use super::settings::in_force;
use crate::error::Result;
use crate::job::id::JobId;
use crate::job::record::JobRecord;

/// A job that could start now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its position.
    pub seq: i64,
    /// Its name.
    pub id: JobId,
}

/// How an attempt is named when it is claimed.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The binary that claims.
    pub build: &'a str,
    /// The attempt's nonce.
    pub nonce: &'a str,
    /// The boot in which it runs.
    pub boot: &'a str,
    /// When, in ms since the epoch.
    pub now_ms: i64,
}

/// What became of a claim.
#[derive(Debug)]
pub enum Claimed {
    /// The job is ours.
    Yes(Box<JobRecord>),
    /// All slots are taken.
    NoSlot,
    /// The job is no longer eligible; another may be.
    Gone,
}

/// What makes job `j` startable by build `?1` at time `?2`. The tool's own limit is part of it. A time
/// that is further away than any pause can be was set before the wall clock was put back.
const ELIGIBLE: &str = "j.state = 'queued' AND (j.not_before <= ?2
        OR j.not_before > ?2 + 2000 + coalesce(j.retry_policy ->> '$.max_backoff_ms', 0) * 5 / 4)
    AND EXISTS (SELECT 1 FROM build_tool b WHERE b.build = ?1 AND b.tool = j.tool AND b.schema_hash = j.schema_hash)
    AND NOT EXISTS (SELECT 1 FROM wait w WHERE w.job = j.seq)
    AND (j.tool_limit IS NULL OR j.tool_limit > (SELECT count(*) FROM job r INDEXED BY job_alive
         WHERE r.tool = j.tool AND r.state IN ('running', 'input_required')))";

pub(super) fn count_alive(conn: &Connection) -> Result<u32> {
    let mut statement =
        conn.prepare_cached("SELECT count(*) FROM job INDEXED BY job_alive WHERE state IN ('running', 'input_required')")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

impl Ledger {
    /// The first `limit` jobs that `build` could start now, best first.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn candidates(&self, build: &str, now_ms: i64, limit: u32) -> Result<Vec<Candidate>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT j.seq, j.id FROM job j INDEXED BY job_queue WHERE {ELIGIBLE} ORDER BY j.priority DESC, j.seq LIMIT ?3"
        ))?;
        let rows = statement.query_map(params![build, now_ms, limit], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
        Ok(rows
            .into_iter()
            .filter_map(|(seq, id)| {
                Some(Candidate {
                    seq,
                    id: id.parse().ok()?,
                })
            })
            .collect())
    }

    /// Takes a slot for the job at `seq` if there is one and the job may still start.
    /// The caller holds the job's lock.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written; then nothing is claimed.
    pub fn claim(&mut self, seq: i64, claim: &Claim<'_>) -> Result<Claimed> {
        self.write(|tx| {
            if count_alive(tx)? >= in_force(tx)?.max_jobs {
                return Ok(Claimed::NoSlot);
            }
            let changed = tx
                .prepare_cached(&format!(
                    "UPDATE job AS j SET state = 'running', attempt = attempt + 1, nonce = ?3, boot = ?4, started_at = ?2,
                     revision = revision + 1 WHERE j.seq = ?5 AND {ELIGIBLE}"
                ))?
                .execute(params![claim.build, claim.now_ms, claim.nonce, claim.boot, seq])?;
            let record = if changed == 1 { by_seq(tx, seq)? } else { None };
            Ok(record.map_or(Claimed::Gone, |record| Claimed::Yes(Box::new(record))))
        })
    }

    /// Records which tools this binary has, once for each build: one binary always has the same.
    /// `tools` is not looked at when the build is known, since hashing schemas takes time.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn register_build<'a>(
        &mut self,
        build: &str,
        tools: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<()> {
        if self.knows_build(build)? {
            return Ok(());
        }
        self.write(|tx| {
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO build_tool (build, tool, schema_hash) VALUES (?1, ?2, ?3)",
            )?;
            for (tool, hash) in tools {
                insert.execute([build, tool, hash])?;
            }
            Ok(())
        })
    }

    /// When the first job that waits for its time, and that `build` can run, becomes eligible.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn next_not_before(&self, build: &str, now_ms: i64) -> Result<Option<i64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT min(j.not_before) FROM job j INDEXED BY job_later WHERE j.state = 'queued' AND j.not_before > 0 AND j.not_before > ?2
             AND EXISTS (SELECT 1 FROM build_tool b WHERE b.build = ?1 AND b.tool = j.tool AND b.schema_hash = j.schema_hash)",
        )?;
        Ok(statement.query_row(params![build, now_ms], |row| row.get(0))?)
    }
}

impl Ledger {
    /// Puts a claimed job whose body has not begun back into the queue, not to be started before
    /// `not_before`; `None` when the attempt is not ours any more.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn give_back(
        &mut self,
        seq: i64,
        nonce: &str,
        not_before: i64,
    ) -> Result<Option<JobRecord>> {
        self.write(|tx| {
            let changed = tx.prepare_cached(
                "UPDATE job SET state = 'queued', attempt = attempt - 1, nonce = NULL, boot = NULL, started_at = NULL,
                 not_before = ?3, revision = revision + 1 WHERE seq = ?1 AND nonce = ?2 AND state = 'running'",
            )?
            .execute(params![seq, nonce, not_before])?;
            if changed == 1 { by_seq(tx, seq) } else { Ok(None) }
        })
    }

    /// How often the present attempt of a running job was claimed: more than once if it went back to
    /// the queue before.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn times_claimed(&self, job: &JobRecord) -> Result<u32> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*) FROM transition WHERE job = ?1 AND state = 'running' AND attempt = ?2",
        )?;
        Ok(statement.query_row(params![job.seq, job.attempt], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_put_back_keeps_no_attempt_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        ledger
            .register_build("b", std::iter::once(("t", "h")))
            .unwrap();
        ledger
            .conn
            .execute_batch(
                "INSERT INTO job (id, owner, tool, schema_hash, build, state, submitted_at, submit_boot, input_hash, cwd,
                    not_before, retry_policy)
                 VALUES ('t-00000000000000000000', 'local', 't', 'h', 'b', 'queued', 0, 'x', 'x', x'2f', 1000000,
                    '{\"on\": [], \"backoff_ms\": 5000, \"max_backoff_ms\": 300000}')",
            )
            .unwrap();
        let due = |now| !ledger.candidates("b", now, 1).unwrap().is_empty();
        assert!(due(1_000_000));
        for now in [999_999, 1_000_000 - 375_000] {
            assert!(!due(now), "its time may have been set at {now}");
        }
        assert!(due(1_000_000 - 380_000), "no pause is as long");
    }
}
