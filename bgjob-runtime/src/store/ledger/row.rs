//! A row of `job` as a [`JobRecord`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rusqlite::types::{FromSql, Type};
use rusqlite::{Error, Result, Row};
use serde::de::DeserializeOwned;

use crate::job::record::{AttemptRecord, JobRecord};

/// The columns of [`record`], in the order in which it reads them.
pub const COLUMNS: &str = "seq, id, owner, tool, schema_hash, state, priority, tool_limit, submitted_at, not_before, \
    started_at, ended_at, timeout_ms, attempt, max_attempts, retry_policy, nonce, boot, cancel_requested_at, cancel_grace_ms, \
    retry_of, cwd, patch_field, patch_pointer, patch_version, patch_skipped, error, exit, warning, leaked, usage, \
    result_bytes, completion_seq, revision";

/// The [`COLUMNS`] of a job in a list: without how its worker ended, what it used, what is tried again and
/// where, which take longer to read than the rest and are not shown there.
pub const COLUMNS_OF_A_LIST: &str = "seq, id, owner, tool, schema_hash, state, priority, tool_limit, submitted_at, not_before, \
    started_at, ended_at, timeout_ms, attempt, max_attempts, NULL, nonce, boot, cancel_requested_at, cancel_grace_ms, \
    retry_of, x'', patch_field, patch_pointer, patch_version, patch_skipped, error, NULL, warning, leaked, NULL, \
    result_bytes, completion_seq, revision";

/// The columns of a row from left to right: finding each of so many by its name took longer than
/// finding the row.
struct InOrder<'a, 'row> {
    row: &'a Row<'row>,
    next: usize,
}

impl InOrder<'_, '_> {
    fn take<T: FromSql>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.get(at)
    }

    fn unsigned(&mut self) -> Result<Option<u64>> {
        let value: Option<i64> = self.take()?;
        Ok(value.and_then(|value| u64::try_from(value).ok()))
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self) -> Result<T> {
        let text: String = self.take()?;
        text.parse()
            .map_err(|error: T::Err| unreadable(&error.to_string()))
    }

    fn json<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        from_json(self.take()?)
    }
}

/// Reads the [`COLUMNS`] of a row.
pub fn record(row: &Row<'_>) -> Result<JobRecord> {
    let mut columns = InOrder { row, next: 0 };
    // The fields of a struct expression are evaluated as they are written.
    Ok(JobRecord {
        seq: columns.take()?,
        id: columns.parsed()?,
        owner: columns.take()?,
        tool: columns.take()?,
        schema_hash: columns.take()?,
        state: columns.parsed()?,
        priority: columns.take()?,
        tool_limit: columns.take()?,
        submitted_at: columns.take()?,
        not_before: columns.take()?,
        started_at: columns.take()?,
        ended_at: columns.take()?,
        timeout_ms: columns.unsigned()?,
        attempt: columns.take()?,
        max_attempts: columns.take()?,
        retry: columns.json()?,
        nonce: columns.take()?,
        boot: columns.take()?,
        cancel_requested_at: columns.take()?,
        cancel_grace_ms: columns.unsigned()?,
        retry_of: columns
            .take::<Option<String>>()?
            .and_then(|id| id.parse().ok()),
        cwd: PathBuf::from(OsString::from_vec(columns.take()?)),
        patch: patch(&mut columns)?,
        patch_version: columns.take()?,
        patch_skipped: columns.take()?,
        error: columns.json()?,
        exit: columns.json()?,
        warning: columns.take()?,
        leaked: columns.take()?,
        usage: columns.json()?,
        result_bytes: columns.unsigned()?,
        completion_seq: columns.take()?,
        revision: columns.take()?,
    })
}

fn patch(columns: &mut InOrder<'_, '_>) -> Result<Option<(String, String)>> {
    let field: Option<String> = columns.take()?;
    let pointer: Option<String> = columns.take()?;
    Ok(field.map(|field| (field, pointer.unwrap_or_default())))
}

/// Reads a row of `attempt`.
pub fn attempt(row: &Row<'_>) -> Result<AttemptRecord> {
    Ok(AttemptRecord {
        attempt: row.get("attempt")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        error: required(row, "error")?,
        exit: required(row, "exit")?,
        leaked: row.get("leaked")?,
        usage: json(row, "usage")?,
    })
}

fn required<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T> {
    json(row, column)?.ok_or_else(|| unreadable(column))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    from_json(row.get(column)?)
}

fn from_json<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>> {
    text.map(|text| serde_json::from_str(&text).map_err(|error| unreadable(&error.to_string())))
        .transpose()
}

fn unreadable(why: &str) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, why.into())
}
