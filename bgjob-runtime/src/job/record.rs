//! One row of the ledger, as data.

use std::path::PathBuf;

use crate::error::Error;
use crate::job::id::JobId;
use crate::job::outcome::{Exit, Usage};
use crate::job::retry::RetryPolicy;
use crate::job::state::JobState;

/// What the ledger knows of a job; the input is fetched apart.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRecord {
    /// Position in the order of submission; the ledger's key.
    pub seq: i64,
    /// The job's name.
    pub id: JobId,
    /// Whose job it is.
    pub owner: String,
    /// The tool's name.
    pub tool: String,
    /// Hash of the tool's input schema at submission.
    pub schema_hash: String,
    /// Where it stands.
    pub state: JobState,
    /// Higher first.
    pub priority: i32,
    /// At most this many jobs of the tool at once.
    pub tool_limit: Option<u32>,
    /// When it was accepted, in ms since the epoch.
    pub submitted_at: i64,
    /// Not started before this time, in ms since the epoch; 0 for at once.
    pub not_before: i64,
    /// When its last attempt was claimed.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
    /// How long an attempt may run, in ms; `None` for no limit.
    pub timeout_ms: Option<u64>,
    /// Attempts begun.
    pub attempt: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// Which ends are tried again, and after what pause; `None` for never.
    pub retry: Option<RetryPolicy>,
    /// Names the attempt: files and evidence of other attempts are not mistaken for its own.
    pub nonce: Option<String>,
    /// The boot in which the attempt runs.
    pub boot: Option<String>,
    /// When somebody asked for it to be cancelled.
    pub cancel_requested_at: Option<i64>,
    /// How long a cancelled worker may take to end by itself, in ms.
    pub cancel_grace_ms: Option<u64>,
    /// The job that this one repeats.
    pub retry_of: Option<JobId>,
    /// The submitter's working directory.
    pub cwd: PathBuf,
    /// The state field that the result patches, and the pointer into the result.
    pub patch: Option<(String, String)>,
    /// The version that the patch made.
    pub patch_version: Option<i64>,
    /// Why the patch was not applied.
    pub patch_skipped: Option<String>,
    /// Why it failed.
    pub error: Option<Error>,
    /// How its worker ended.
    pub exit: Option<Exit>,
    /// Something worth knowing although it completed.
    pub warning: Option<String>,
    /// Processes that it left running.
    pub leaked: u32,
    /// What it used.
    pub usage: Option<Usage>,
    /// Size of the result, in bytes.
    pub result_bytes: Option<u64>,
    /// Position in the order of completion: gap-free.
    pub completion_seq: Option<i64>,
    /// Grows by one with each change of the row.
    pub revision: i64,
}

/// An attempt before the last one, as the ledger has it.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it was claimed, in ms since the epoch.
    pub started_at: Option<i64>,
    /// When its end was written, in ms since the epoch.
    pub ended_at: i64,
    /// Why it failed.
    pub error: Error,
    /// How its worker ended.
    pub exit: Exit,
    /// Processes that it left running.
    pub leaked: u32,
    /// What it used.
    pub usage: Option<Usage>,
}

/// One kept version of a state field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRecord {
    /// Its number.
    pub version: i64,
    /// The job that set it, or `None` for a person.
    pub job: Option<String>,
    /// When it was set, in ms since the epoch.
    pub set_at: i64,
    /// Size of the value, in bytes.
    pub bytes: u64,
    /// Whether it is the field's value now.
    pub present: bool,
}

/// A state field as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRecord {
    /// The field's name.
    pub field: String,
    /// The newest version; 0 when never set.
    pub version: i64,
    /// How often the field was reset.
    pub generation: i64,
    /// Whether it has a value now.
    pub present: bool,
    /// Who set the value: a job's id, or `None` for a person.
    pub job: Option<String>,
    /// When it was set, in ms since the epoch.
    pub set_at: Option<i64>,
    /// Size of the value, in bytes.
    pub bytes: Option<u64>,
}
