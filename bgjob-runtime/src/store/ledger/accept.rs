//! Accepting a job: one transaction, one fsync.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Ledger;
use super::dedupe::same_call;
use super::query::by_id;
use crate::error::{Code, Error, Result};
use crate::job::id::{JobId, not_found};
use crate::job::record::JobRecord;
use crate::job::retry::{Dedupe, Retries};

/// A job to accept; everything in it was checked.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Its name.
    pub id: &'a JobId,
    /// Whose job it is.
    pub owner: &'a str,
    /// Hash of the tool's input schema.
    pub schema_hash: &'a str,
    /// The binary that accepts it.
    pub build: &'a str,
    /// The boot in which it is accepted.
    pub boot: &'a str,
    /// Higher first.
    pub priority: i32,
    /// At most this many jobs of the tool at once.
    pub tool_limit: Option<u32>,
    /// When, in ms since the epoch.
    pub now_ms: i64,
    /// How long an attempt may run, in ms.
    pub timeout_ms: Option<u64>,
    /// The input, unless it is so large that only its file holds it.
    pub input: Option<&'a [u8]>,
    /// SHA-256 of the input, in hex.
    pub input_hash: &'a str,
    /// The submitter's working directory.
    pub cwd: &'a Path,
    /// The state field that the result patches, and the pointer into the result.
    pub patch: Option<(&'a str, &'a str)>,
    /// The state fields that the tool reads, each with the version whose value was checked.
    pub reads: &'a BTreeMap<String, Option<i64>>,
    /// Jobs that must complete first.
    pub after: &'a [JobId],
    /// Same owner, tool, key and input give the same job.
    pub idempotency_key: Option<&'a str>,
    /// Attempts after the first, and what they are made for.
    pub retries: Option<Retries>,
    /// Which earlier jobs stand for this one, unless it has a key or repeats a job.
    pub dedupe: Option<Dedupe>,
    /// The job that this one repeats.
    pub retry_of: Option<&'a JobId>,
    /// Queued jobs that the owner may have.
    pub max_queued: u64,
    /// What is run once it has ended.
    pub hook: Option<&'a [String]>,
}

/// What became of a submission.
#[derive(Debug)]
pub enum Accepted {
    /// A new job exists and is durable.
    New(Box<JobRecord>),
    /// An earlier job of the same idempotency key, or of the same input where the tool says so.
    Replayed(Box<JobRecord>),
    /// A state field changed since its value was checked: check again.
    StateMoved,
}

impl Ledger {
    /// Accepts a job, or finds that it was accepted before.
    ///
    /// # Errors
    /// `queue_full`, `idempotency_conflict`, `missing_state`, `job_not_found` (of an awaited job),
    /// `dependency_failed` (an awaited job failed already) or `storage_error`; then no job exists.
    pub fn accept(&mut self, job: &NewJob<'_>) -> Result<Accepted> {
        self.write(|tx| {
            if let Some(earlier) = same_key(tx, job)? {
                return Ok(Accepted::Replayed(Box::new(earlier)));
            }
            let Some(pins) = pin_all(tx, job)? else {
                return Ok(Accepted::StateMoved);
            };
            if let Some(earlier) = same_call(tx, job, &pins)? {
                return Ok(Accepted::Replayed(Box::new(earlier)));
            }
            check_queue(tx, job)?;
            let seq = insert(tx, job)?;
            for pin in &pins {
                pin.insert(tx, seq)?;
            }
            wait_for_all(tx, job, seq)?;
            if let Some(command) = job.hook {
                super::hook::add(tx, seq, command)?;
            }
            let record =
                by_id(tx, job.owner, job.id.as_str())?.ok_or_else(|| not_found(job.id.as_str()))?;
            Ok(Accepted::New(Box::new(record)))
        })
    }

    /// The job that `owner` has of `tool` and `key`.
    ///
    /// # Errors
    /// `idempotency_conflict` when it has another input; `storage_error`.
    pub fn job_of_key(
        &self,
        owner: &str,
        tool: &str,
        key: &str,
        input_hash: &str,
    ) -> Result<Option<JobRecord>> {
        of_key(&self.conn, owner, tool, key, input_hash)
    }
}

fn same_key(tx: &Transaction<'_>, job: &NewJob<'_>) -> Result<Option<JobRecord>> {
    match job.idempotency_key {
        Some(key) => of_key(tx, job.owner, job.id.tool(), key, job.input_hash),
        None => Ok(None),
    }
}

fn of_key(
    conn: &Connection,
    owner: &str,
    tool: &str,
    key: &str,
    input_hash: &str,
) -> Result<Option<JobRecord>> {
    let earlier: Option<(String, String)> = conn
        .prepare_cached("SELECT id, input_hash FROM job WHERE owner = ?1 AND tool = ?2 AND idempotency_key = ?3")?
        .query_row(params![owner, tool, key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match earlier {
        None => Ok(None),
        Some((id, hash)) if hash == input_hash => by_id(conn, owner, &id),
        Some((id, _)) => Err(Error::new(
            Code::IdempotencyConflict,
            format!("the idempotency key was used for {id} with another input"),
        )
        .remedy("Use a new key for a new input.")),
    }
}

fn check_queue(tx: &Transaction<'_>, job: &NewJob<'_>) -> Result<()> {
    let queued = super::query::queued(tx, job.owner)?;
    if queued < job.max_queued {
        return Ok(());
    }
    let mut error = Error::new(
        Code::QueueFull,
        format!("{queued} jobs are queued, which is the limit"),
    )
    .remedy("Wait until some have started, or cancel some, and call again.");
    error.retry_after_s = Some(30);
    Err(error)
}

pub(super) struct Pin<'a> {
    pub field: &'a str,
    pub version: Option<i64>,
    pub writer: Option<i64>,
}

impl Pin<'_> {
    fn insert(&self, tx: &Transaction<'_>, job: i64) -> Result<()> {
        tx.prepare_cached("INSERT INTO pin (job, field, version, writer) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![job, self.field, self.version, self.writer])?;
        if let Some(writer) = self.writer {
            add_wait(tx, job, writer)?;
        }
        Ok(())
    }
}

/// Pins each field that is read, to its version or to the newest live job that will write it.
/// `None` when a version is not the one that was checked.
fn pin_all<'a>(tx: &Transaction<'_>, job: &'a NewJob<'_>) -> Result<Option<Vec<Pin<'a>>>> {
    let mut pins = Vec::new();
    for (field, checked) in job.reads {
        let (version, generation) = head(tx, job.owner, field)?;
        if let Some(writer) = live_writer(tx, job.owner, field, generation)? {
            pins.push(Pin {
                field,
                version: None,
                writer: Some(writer),
            });
        } else if version.is_some() && version == *checked {
            pins.push(Pin {
                field,
                version,
                writer: None,
            });
        } else if version.is_some() {
            return Ok(None);
        } else {
            return Err(Error::new(
                Code::MissingState,
                format!("the state field `{field}` has no value yet"),
            ));
        }
    }
    Ok(Some(pins))
}

fn head(tx: &Transaction<'_>, owner: &str, field: &str) -> Result<(Option<i64>, i64)> {
    let row: Option<(i64, i64, bool)> = tx
        .prepare_cached(
            "SELECT version, generation, present FROM field WHERE owner = ?1 AND name = ?2",
        )?
        .query_row(params![owner, field], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(row.map_or((None, 0), |(version, generation, present)| {
        (present.then_some(version), generation)
    }))
}

fn live_writer(
    tx: &Transaction<'_>,
    owner: &str,
    field: &str,
    generation: i64,
) -> Result<Option<i64>> {
    Ok(tx
        .prepare_cached(
            "SELECT seq FROM job WHERE owner = ?1 AND patch_field = ?2 AND patch_generation = ?3
             AND state IN ('queued', 'running', 'input_required') ORDER BY seq DESC LIMIT 1",
        )?
        .query_row(params![owner, field, generation], |row| row.get(0))
        .optional()?)
}

fn insert(tx: &Transaction<'_>, job: &NewJob<'_>) -> Result<i64> {
    let generation = job
        .patch
        .map(|(field, _)| head(tx, job.owner, field))
        .transpose()?
        .map(|(_, generation)| generation);
    let policy = job
        .retries
        .and_then(|retries| serde_json::to_string(&retries.policy()).ok());
    let timeout = job
        .timeout_ms
        .map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    tx.prepare_cached(
        "INSERT INTO job (id, owner, tool, schema_hash, build, state, priority, tool_limit, submitted_at, submit_boot,
            timeout_ms, input, input_hash, cwd, patch_field, patch_pointer, patch_generation, idempotency_key, retry_of,
            max_attempts, retry_policy, dedupe)
         VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
    )?
    .execute(params![
        job.id.as_str(),
        job.owner,
        job.id.tool(),
        job.schema_hash,
        job.build,
        job.priority,
        job.tool_limit,
        job.now_ms,
        job.boot,
        timeout,
        job.input,
        job.input_hash,
        job.cwd.as_os_str().as_bytes(),
        job.patch.map(|(field, _)| field),
        job.patch.map(|(_, pointer)| pointer),
        generation,
        job.idempotency_key,
        job.retry_of.map(JobId::as_str),
        job.retries.map_or(1, |retries| retries.max.saturating_add(1)),
        policy,
        job.dedupe.is_some(),
    ])?;
    Ok(tx.last_insert_rowid())
}

fn wait_for_all(tx: &Transaction<'_>, job: &NewJob<'_>, seq: i64) -> Result<()> {
    use crate::job::state::JobState::{Cancelled, Completed, Failed};
    for id in job.after {
        let awaited = by_id(tx, job.owner, id.as_str())?.ok_or_else(|| not_found(id.as_str()))?;
        match awaited.state {
            Completed => {}
            Failed | Cancelled => {
                return Err(Error::new(
                    Code::DependencyFailed,
                    format!("the awaited job {id} is {} already", awaited.state),
                )
                .remedy("Retry that job, and name the new one."));
            }
            _ => add_wait(tx, seq, awaited.seq)?,
        }
    }
    Ok(())
}

fn add_wait(tx: &Transaction<'_>, job: i64, on_job: i64) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO wait (job, on_job) VALUES (?1, ?2)")?
        .execute(params![job, on_job])?;
    Ok(())
}
