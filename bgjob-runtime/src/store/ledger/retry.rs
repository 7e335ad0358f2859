//! Trying again: a failed attempt becomes history, and its job waits in the queue for its time.

use rusqlite::{Transaction, params};

use super::Ledger;
use super::finish::json;
use super::query::by_seq;
use super::row;
use crate::error::Result;
use crate::job::id::not_found;
use crate::job::outcome::Outcome;
use crate::job::record::{AttemptRecord, JobRecord};
use crate::job::state::JobState;

/// The pause in ms before the next attempt, if there is to be one.
pub(super) fn pause(job: &JobRecord, outcome: &Outcome) -> Option<u64> {
    let error = outcome.error.as_ref()?;
    let policy = job.retry.as_ref()?;
    let again = outcome.state == JobState::Failed
        && job.attempt < job.max_attempts
        && job.cancel_requested_at.is_none()
        && policy.covers(error, outcome.exit);
    again.then(|| {
        let [chance] = crate::sys::random_bytes::<1>();
        policy.pause_ms(job.attempt, f64::from(chance) / 255.0)
    })
}

/// Moves the job from running to queued and keeps what is known of the attempt. Those that wait for
/// the job go on waiting.
pub(super) fn requeue(
    tx: &Transaction<'_>,
    job: &JobRecord,
    outcome: &Outcome,
    pause_ms: u64,
    now_ms: i64,
) -> Result<JobRecord> {
    tx.prepare_cached(
        "INSERT INTO attempt (job, attempt, started_at, ended_at, error, exit, leaked, usage)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        job.seq,
        job.attempt,
        job.started_at,
        now_ms,
        json(outcome.error.as_ref()),
        json(Some(&outcome.exit)),
        outcome.leaked,
        json(outcome.usage.as_ref()),
    ])?;
    let pause = i64::try_from(pause_ms).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "UPDATE job SET state = 'queued', nonce = NULL, boot = NULL, started_at = NULL, not_before = ?2,
         revision = revision + 1 WHERE seq = ?1",
    )?
    .execute(params![job.seq, now_ms.saturating_add(pause)])?;
    by_seq(tx, job.seq)?.ok_or_else(|| not_found(job.id.as_str()))
}

impl Ledger {
    /// The attempts of the job at `seq` before its last one, oldest first.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn attempts(&self, seq: i64) -> Result<Vec<AttemptRecord>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT * FROM attempt WHERE job = ?1 ORDER BY attempt")?;
        Ok(statement
            .query_map([seq], row::attempt)?
            .collect::<Result<_, _>>()?)
    }
}
