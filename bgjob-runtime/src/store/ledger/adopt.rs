//! Rows for jobs that have none: what can be rebuilt of a lost ledger from the job directories.

use std::path::Path;

use rusqlite::params;

use super::{Ledger, StoredValue};
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::outcome::{Exit, Usage};
use crate::job::record::JobRecord;
use crate::job::state::JobState;

/// An ended job as its directory tells it.
#[derive(Debug)]
pub struct Adopted<'a> {
    /// Its name.
    pub id: &'a JobId,
    /// Whose job it was.
    pub owner: &'a str,
    /// Hash of its tool's input schema, if this program has the tool.
    pub schema_hash: &'a str,
    /// The program that adopts it.
    pub build: &'a str,
    /// The boot in which it is adopted.
    pub boot: &'a str,
    /// SHA-256 of its input.
    pub input_hash: &'a str,
    /// Where it ran, as far as is known.
    pub cwd: &'a Path,
    /// How it ended.
    pub state: JobState,
    /// Its times, in ms since the epoch: accepted, claimed, ended.
    pub times: (i64, Option<i64>, i64),
    /// Attempts begun.
    pub attempt: u32,
    /// Why it failed.
    pub error: Option<&'a Error>,
    /// How its worker ended.
    pub exit: Option<Exit>,
    /// What it used.
    pub usage: Option<Usage>,
    /// Size of the result, in bytes.
    pub result_bytes: Option<u64>,
}

/// The present value of a field as its readable copy tells it.
#[derive(Debug)]
pub struct AdoptedField<'a> {
    /// Whose field it is.
    pub owner: &'a str,
    /// The field.
    pub field: &'a str,
    /// The version.
    pub version: i64,
    /// The value.
    pub value: &'a StoredValue,
    /// Its size, in bytes.
    pub bytes: u64,
    /// When it was set, in ms since the epoch.
    pub set_at: i64,
}

impl Ledger {
    /// Gives an ended job a row, by the moves that every job makes; `None` if it has one by now.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn adopt(&mut self, job: &Adopted<'_>) -> Result<Option<JobRecord>> {
        let json =
            |text: Option<serde_json::Result<String>>| text.and_then(std::result::Result::ok);
        let error = json(job.error.map(serde_json::to_string));
        let exit = json(job.exit.as_ref().map(serde_json::to_string));
        let usage = json(job.usage.as_ref().map(serde_json::to_string));
        let (submitted, started, ended) = job.times;
        self.write(|tx| {
            let seq: Option<i64> = tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO job (id, owner, tool, schema_hash, build, state, submitted_at, submit_boot, input_hash, cwd)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?8, ?9) RETURNING seq",
                )?
                .query_map(
                    params![job.id.as_str(), job.owner, job.id.tool(), job.schema_hash, job.build, submitted, job.boot,
                        job.input_hash, std::os::unix::ffi::OsStrExt::as_bytes(job.cwd.as_os_str())],
                    |row| row.get(0),
                )?
                .next()
                .transpose()?;
            let Some(seq) = seq else { return Ok(None) };
            if started.is_some() {
                tx.prepare_cached("UPDATE job SET state = 'running', attempt = ?2, started_at = ?3 WHERE seq = ?1")?
                    .execute(params![seq, job.attempt.max(1), started])?;
            }
            let completion: i64 = tx
                .prepare_cached("UPDATE counter SET value = value + 1 WHERE name = 'completion_seq' RETURNING value")?
                .query_row([], |row| row.get(0))?;
            tx.prepare_cached(
                "UPDATE job SET state = ?2, ended_at = ?3, error = ?4, exit = ?5, usage = ?6, result_bytes = ?7,
                 completion_seq = ?8, revision = ?9 WHERE seq = ?1",
            )?
            .execute(params![
                seq,
                job.state.as_str(),
                ended,
                error,
                exit,
                usage,
                job.result_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
                completion,
                // Above any that the readable copy may show, so that it is written anew.
                1_000_000,
            ])?;
            super::query::by_seq(tx, seq)
        })
    }

    /// Gives a field that the ledger does not know its present value; false if it knows it.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn adopt_field(&mut self, field: &AdoptedField<'_>) -> Result<bool> {
        let (inline, file) = match field.value {
            StoredValue::Inline(json) => (Some(json), None),
            StoredValue::File(name) => (None, Some(name)),
        };
        self.write(|tx| {
            let added = tx
                .prepare_cached("INSERT OR IGNORE INTO field (owner, name, version, present) VALUES (?1, ?2, ?3, 1)")?
                .execute(params![field.owner, field.field, field.version])?;
            if added == 0 {
                return Ok(false);
            }
            tx.prepare_cached("INSERT INTO value (owner, field, version, value, file, bytes, set_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![
                    field.owner,
                    field.field,
                    field.version,
                    inline,
                    file,
                    i64::try_from(field.bytes).unwrap_or(i64::MAX),
                    field.set_at
                ])?;
            Ok(true)
        })
    }

    /// Tools that queued jobs ask for and no job of `build` can be: each with how many wait.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn unservable(&self, build: &str) -> Result<Vec<(String, u64)>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT j.tool, count(*) FROM job j INDEXED BY job_queue WHERE j.state = 'queued'
             AND NOT EXISTS (SELECT 1 FROM build_tool b WHERE b.build = ?1 AND b.tool = j.tool AND b.schema_hash = j.schema_hash)
             GROUP BY j.tool ORDER BY j.tool",
        )?;
        Ok(statement
            .query_map([build], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<std::result::Result<_, _>>()?)
    }
}
