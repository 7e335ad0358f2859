//! A row of `job` as a [`JobRecord`].

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rusqlite::types::{FromSql, Type};
use rusqlite::{Error, Result, Row};
use serde::de::DeserializeOwned;

use crate::job::record::{AttemptRecord, JobRecord};

/// The columns of [`record`], in no particular order.
pub const COLUMNS: &str = "seq, id, owner, tool, schema_hash, state, priority, tool_limit, submitted_at, not_before, \
    started_at, ended_at, timeout_ms, attempt, max_attempts, retry_policy, nonce, boot, cancel_requested_at, cancel_grace_ms, \
    retry_of, cwd, patch_field, patch_pointer, patch_version, patch_skipped, error, exit, warning, leaked, usage, \
    result_bytes, completion_seq, revision";

/// Reads the [`COLUMNS`] of a row.
pub fn record(row: &Row<'_>) -> Result<JobRecord> {
    let patch: Option<String> = row.get("patch_field")?;
    let pointer: Option<String> = row.get("patch_pointer")?;
    Ok(JobRecord {
        seq: row.get("seq")?,
        id: parsed(row, "id")?,
        owner: row.get("owner")?,
        tool: row.get("tool")?,
        schema_hash: row.get("schema_hash")?,
        state: parsed(row, "state")?,
        priority: row.get("priority")?,
        tool_limit: row.get("tool_limit")?,
        submitted_at: row.get("submitted_at")?,
        not_before: row.get("not_before")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        timeout_ms: unsigned(row, "timeout_ms")?,
        attempt: row.get("attempt")?,
        max_attempts: row.get("max_attempts")?,
        retry: json(row, "retry_policy")?,
        nonce: row.get("nonce")?,
        boot: row.get("boot")?,
        cancel_requested_at: row.get("cancel_requested_at")?,
        cancel_grace_ms: unsigned(row, "cancel_grace_ms")?,
        retry_of: row
            .get::<_, Option<String>>("retry_of")?
            .and_then(|id| id.parse().ok()),
        cwd: PathBuf::from(OsString::from_vec(row.get("cwd")?)),
        patch: patch.map(|field| (field, pointer.unwrap_or_default())),
        patch_version: row.get("patch_version")?,
        patch_skipped: row.get("patch_skipped")?,
        error: json(row, "error")?,
        exit: json(row, "exit")?,
        warning: row.get("warning")?,
        leaked: row.get("leaked")?,
        usage: json(row, "usage")?,
        result_bytes: unsigned(row, "result_bytes")?,
        completion_seq: row.get("completion_seq")?,
        revision: row.get("revision")?,
    })
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

fn unsigned(row: &Row<'_>, column: &str) -> Result<Option<u64>> {
    Ok(row
        .get::<_, Option<i64>>(column)?
        .and_then(|value| u64::try_from(value).ok()))
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row<'_>, column: &str) -> Result<T> {
    text::<String>(row, column)?
        .parse()
        .map_err(|error: T::Err| unreadable(&error.to_string()))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    let text: Option<String> = text(row, column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| unreadable(&error.to_string())))
        .transpose()
}

fn text<T: FromSql>(row: &Row<'_>, column: &str) -> Result<T> {
    row.get(column)
}

fn unreadable(why: &str) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, why.into())
}
