//! Ending a job: terminal state, state patch and the fate of its dependents in one transaction.

use rusqlite::{OptionalExtension, Transaction, params};

use super::Ledger;
use super::query::{by_id, by_seq};
use crate::error::{Code, Error, Result};
use crate::job::id::{JobId, not_found};
use crate::job::outcome::{Exit, Outcome};
use crate::job::record::JobRecord;
use crate::job::state::JobState;

/// The row of an ended job keeps an input up to this size: its file is not synced, and whoever tries the job
/// again after a power cut wants it. The file of a larger one is synced before the row lets it go.
pub const KEPT_INPUT_BYTES: u64 = 16 << 10;

/// The value for a state patch.
#[derive(Clone, Debug)]
pub enum PatchValue {
    /// Small: kept in the ledger.
    Inline(Vec<u8>),
    /// Large: a file in the data directory's `values`, and its size in bytes.
    File(String, u64),
    /// There is none: why.
    Missing(String),
}

/// A job whose attempt ended, and those that ended with it because they waited for it.
#[derive(Debug)]
pub struct Finished {
    /// The job.
    pub record: JobRecord,
    /// Jobs that failed as `dependency_failed`.
    pub dependents: Vec<JobRecord>,
}

/// What became of a request to cancel.
#[derive(Debug)]
pub enum CancelAnswer {
    /// It had not started and is cancelled now.
    Cancelled(Box<Finished>),
    /// It runs; its supervisor was asked.
    Requested(Box<JobRecord>),
    /// It had ended.
    AlreadyEnded(Box<JobRecord>),
}

impl Ledger {
    /// Ends the attempt `nonce` of the job at `seq`, and the job with it, unless the attempt is tried
    /// again: then the job is queued and its record says from when on. `None` when somebody else
    /// ended the attempt first.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written; then nothing has changed.
    pub fn finish(
        &mut self,
        seq: i64,
        nonce: &str,
        outcome: &Outcome,
        patch: Option<&PatchValue>,
        now_ms: i64,
    ) -> Result<Option<Finished>> {
        self.write(|tx| {
            let Some(job) = by_seq(tx, seq)? else {
                return Ok(None);
            };
            if !job.state.is_running() || job.nonce.as_deref() != Some(nonce) {
                return Ok(None);
            }
            if let Some(pause) = super::retry::pause(&job, outcome) {
                let record = super::retry::requeue(tx, &job, outcome, pause, now_ms)?;
                return Ok(Some(Finished {
                    record,
                    dependents: Vec::new(),
                }));
            }
            let patched = match (&job.patch, patch) {
                (Some((field, _)), Some(value)) => {
                    Some(apply_patch(tx, &job, field, value, now_ms)?)
                }
                _ => None,
            };
            end(tx, &job, outcome, patched.as_ref(), now_ms).map(Some)
        })
    }

    /// Cancels the job `id` of `owner`: at once while it is queued, else by asking its supervisor.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn cancel(
        &mut self,
        owner: &str,
        id: &JobId,
        grace_ms: Option<u64>,
        now_ms: i64,
    ) -> Result<CancelAnswer> {
        self.write(|tx| {
            let job = by_id(tx, owner, id.as_str())?.ok_or_else(|| not_found(id.as_str()))?;
            if job.state.is_terminal() {
                return Ok(CancelAnswer::AlreadyEnded(Box::new(job)));
            }
            if job.state == JobState::Queued {
                return Ok(CancelAnswer::Cancelled(Box::new(end(tx, &job, &never_started(JobState::Cancelled, None), None, now_ms)?)));
            }
            let grace = grace_ms.and_then(|ms| i64::try_from(ms).ok());
            tx.prepare_cached(
                "UPDATE job SET cancel_requested_at = coalesce(cancel_requested_at, ?2),
                 cancel_grace_ms = min(coalesce(cancel_grace_ms, ?3), coalesce(?3, cancel_grace_ms)),
                 revision = revision + 1 WHERE seq = ?1",
            )?
            .execute(params![job.seq, now_ms, grace])?;
            let job = by_seq(tx, job.seq)?.ok_or_else(|| not_found(id.as_str()))?;
            Ok(CancelAnswer::Requested(Box::new(job)))
        })
    }
}

/// What a patch did.
enum Patched {
    Version(i64),
    Skipped(String),
}

fn never_started(state: JobState, error: Option<Error>) -> Outcome {
    Outcome {
        state,
        error,
        exit: Exit::Unknown,
        warning: None,
        leaked: 0,
        usage: None,
        result_bytes: None,
    }
}

fn apply_patch(
    tx: &Transaction<'_>,
    job: &JobRecord,
    field: &str,
    value: &PatchValue,
    now_ms: i64,
) -> Result<Patched> {
    let generation: Option<i64> = tx
        .prepare_cached("SELECT patch_generation FROM job WHERE seq = ?1")?
        .query_row([job.seq], |row| row.get(0))?;
    let current: i64 = tx
        .prepare_cached("SELECT generation FROM field WHERE owner = ?1 AND name = ?2")?
        .query_row([&job.owner, field], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    if generation != Some(current) {
        return Ok(Patched::Skipped(format!(
            "the field `{field}` was reset after the job was submitted"
        )));
    }
    match value {
        PatchValue::Missing(why) => Ok(Patched::Skipped(why.clone())),
        PatchValue::Inline(bytes) => super::state::add_version(
            tx,
            &job.owner,
            field,
            Some(bytes),
            None,
            bytes.len() as u64,
            Some(&job.id),
            now_ms,
        )
        .map(Patched::Version),
        PatchValue::File(name, bytes) => super::state::add_version(
            tx,
            &job.owner,
            field,
            None,
            Some(name),
            *bytes,
            Some(&job.id),
            now_ms,
        )
        .map(Patched::Version),
    }
}

/// Moves a live job to its terminal state, and ends or frees those that wait for it.
fn end(
    tx: &Transaction<'_>,
    job: &JobRecord,
    outcome: &Outcome,
    patched: Option<&Patched>,
    now_ms: i64,
) -> Result<Finished> {
    let record = close(tx, job, outcome, patched, now_ms)?;
    let mut dependents = Vec::new();
    // A list, not recursion: a chain may be as long as the queue.
    let mut unsettled = vec![record.clone()];
    while let Some(ended) = unsettled.pop() {
        for (dependent, error) in settle_dependents(tx, &ended)? {
            let outcome = never_started(JobState::Failed, Some(error));
            let failed = close(tx, &dependent, &outcome, None, now_ms)?;
            unsettled.push(failed.clone());
            dependents.push(failed);
        }
    }
    Ok(Finished { record, dependents })
}

/// Writes the terminal row of a live job.
fn close(
    tx: &Transaction<'_>,
    job: &JobRecord,
    outcome: &Outcome,
    patched: Option<&Patched>,
    now_ms: i64,
) -> Result<JobRecord> {
    let completion: i64 = tx
        .prepare_cached(
            "UPDATE counter SET value = value + 1 WHERE name = 'completion_seq' RETURNING value",
        )?
        .query_row([], |row| row.get(0))?;
    let (version, skipped) = match patched {
        Some(Patched::Version(version)) => (Some(*version), None),
        Some(Patched::Skipped(why)) => (None, Some(why.as_str())),
        None => (None, None),
    };
    let exit = job.state.is_running().then_some(outcome.exit);
    tx.prepare_cached(
        "UPDATE job SET state = ?2, ended_at = ?3, error = ?4, exit = ?5, warning = ?6, leaked = ?7, usage = ?8,
         result_bytes = ?9, completion_seq = ?10, patch_version = ?11, patch_skipped = ?12,
         input = CASE WHEN state = 'queued' OR length(input) <= ?13 THEN input END,
         revision = revision + 1 WHERE seq = ?1",
    )?
    .execute(params![
        job.seq,
        outcome.state.as_str(),
        now_ms,
        json(outcome.error.as_ref()),
        json(exit.as_ref()),
        outcome.warning,
        outcome.leaked,
        json(outcome.usage.as_ref()),
        outcome.result_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
        completion,
        version,
        skipped,
        KEPT_INPUT_BYTES,
    ])?;
    // Its own waits are of no more use; they remain only if it is ended while waiting.
    tx.prepare_cached("DELETE FROM wait WHERE job = ?1")?
        .execute([job.seq])?;
    by_seq(tx, job.seq)?.ok_or_else(|| not_found(job.id.as_str()))
}

/// Frees the jobs that waited for `job`; returns those that cannot start any more, and why.
fn settle_dependents(tx: &Transaction<'_>, job: &JobRecord) -> Result<Vec<(JobRecord, Error)>> {
    if let Some(version) = job.patch_version {
        tx.prepare_cached("UPDATE pin SET version = ?2 WHERE writer = ?1 AND version IS NULL")?
            .execute([job.seq, version])?;
    }
    let waiting: Vec<(i64, bool)> = tx
        .prepare_cached(
            "SELECT w.job, EXISTS (SELECT 1 FROM pin p WHERE p.job = w.job AND p.writer = w.on_job AND p.version IS NULL)
             FROM wait w WHERE w.on_job = ?1 ORDER BY w.job",
        )?
        .query_map([job.seq], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    tx.prepare_cached("DELETE FROM wait WHERE on_job = ?1")?
        .execute([job.seq])?;
    let mut doomed = Vec::new();
    for (seq, unserved) in waiting {
        let Some(why) = why_doomed(job, unserved) else {
            continue;
        };
        let dependent = by_seq(tx, seq)?.filter(|dependent| dependent.state == JobState::Queued);
        if let Some(dependent) = dependent {
            let remedy = format!("Mend and retry {}, then submit this call again.", job.id);
            doomed.push((
                dependent,
                Error::new(Code::DependencyFailed, why).remedy(remedy),
            ));
        }
    }
    Ok(doomed)
}

/// Why a job that waited for `job` cannot start, or `None` if it can.
fn why_doomed(job: &JobRecord, unserved: bool) -> Option<String> {
    let id = &job.id;
    match job.state {
        JobState::Completed if unserved => Some(format!(
            "{id} completed without writing the state that this job reads"
        )),
        JobState::Completed => None,
        JobState::Failed => Some(format!("{id}, which this job waited for, failed")),
        _ => Some(format!("{id}, which this job waited for, was cancelled")),
    }
}

pub(super) fn json<T: serde::Serialize>(value: Option<&T>) -> Option<String> {
    value.and_then(|value| serde_json::to_string(value).ok())
}
