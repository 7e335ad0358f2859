//! The arguments of the tools that follow jobs. Their doc comments are what models read.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Which of several jobs must have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// One of them.
    Any,
    /// All of them.
    #[default]
    All,
}

/// Arguments of `get_job_status`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Status {
    /// The job.
    pub job_id: Option<String>,
    /// Several jobs, instead of `job_id`.
    pub job_ids: Option<Vec<String>>,
    /// Seconds to wait for the job to end or reach its next phase: 20 unless given, at most 50; 0
    /// answers at once.
    pub wait_s: Option<f64>,
    /// With `job_ids`: wait for `any` or for `all` (the default).
    pub until: Option<Until>,
}

/// Arguments of `get_job_results`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Results {
    /// The job.
    pub job_id: String,
    /// RFC 6901 JSON pointer of the part wanted, such as `/time_series`; the whole result unless
    /// given.
    pub pointer: Option<String>,
    /// First item, member or character wanted.
    pub offset: Option<u64>,
    /// How many of them at most.
    pub count: Option<u64>,
    /// Size of the part in bytes: 16384 unless given, at most 61440.
    pub max_bytes: Option<u64>,
    /// True: only the pointers inside, with types and sizes.
    pub outline: Option<bool>,
    /// Instead of the result: a file that the job made, by its name in `artifacts`. A picture is shown,
    /// text comes in parts by `offset`, in bytes.
    pub artifact: Option<String>,
}

/// A state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Accepted, not started.
    Queued,
    /// Running.
    Running,
    /// Waiting for an answer.
    InputRequired,
    /// Ended with a result.
    Completed,
    /// Ended without a result.
    Failed,
    /// Ended on request.
    Cancelled,
}

/// Arguments of `list_jobs`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct List {
    /// Only jobs in this state.
    pub state: Option<State>,
    /// Only jobs of this tool.
    pub tool: Option<String>,
    /// Only jobs started since: a duration such as `2h` or a time such as `2026-01-31T12:00:00Z`.
    pub since: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Jobs at most: 20 unless given, 100 at most.
    pub limit: Option<u32>,
}

/// Arguments of `cancel_job`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Cancel {
    /// The job.
    pub job_id: String,
}

/// Arguments of `answer_job`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Answer {
    /// The job.
    pub job_id: String,
    /// The question; may be left out when the job asks only one.
    pub key: Option<String>,
    /// The answer, as the question's schema wants it.
    pub value: Option<Value>,
    /// True: the person does not want to answer.
    pub decline: Option<bool>,
}

/// One of a job's streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// What it printed.
    Stdout,
    /// What it complained about.
    #[default]
    Stderr,
    /// Its phases, notes and progress, as JSON lines.
    Events,
}

impl Stream {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
            Stream::Events => "events",
        }
    }
}

/// Arguments of `get_job_logs`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Logs {
    /// The job.
    pub job_id: String,
    /// `stderr` (the default), `stdout`, or `events`: phases, notes and progress as JSON lines.
    pub stream: Option<Stream>,
    /// How many of the last lines: 50 unless given, at most 200.
    pub tail: Option<u64>,
    /// Read on from this byte instead; each reply gives the next.
    pub offset: Option<u64>,
}

/// Arguments of `retry_job`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Retry {
    /// The ended job.
    pub job_id: String,
    /// Arguments to change, by name.
    pub set: Option<Map<String, Value>>,
}

/// Arguments of `get_state`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct GetState {
    /// The field; all fields, without their values, unless given.
    pub field: Option<String>,
    /// RFC 6901 JSON pointer into its value.
    pub pointer: Option<String>,
    /// First item, member or character wanted.
    pub offset: Option<u64>,
    /// How many of them at most.
    pub count: Option<u64>,
    /// Size of the part in bytes: 16384 unless given, at most 61440.
    pub max_bytes: Option<u64>,
}

/// Arguments of `reset_state`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ResetState {
    /// The field to empty.
    pub field: Option<String>,
    /// True: empty every field.
    pub all: Option<bool>,
}

/// Arguments of `get_system_status`: none.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct System {}
