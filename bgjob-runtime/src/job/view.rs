//! The one reply: what every front-end shows of a job, a refusal, a list or a state field.
//!
//! Absent facts are absent keys, which keeps replies short; nothing is ever `null` except inside a
//! tool's own result.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock;
use crate::error::Error;
use crate::job::artifact::ArtifactView;
use crate::job::hook::HookView;
use crate::job::id::JobId;
use crate::job::outcome::{Exit, Usage};
use crate::job::question::QuestionView;
use crate::job::record::{AttemptRecord, JobRecord};
use crate::job::state::JobState;

/// A job's state, or `rejected` for what never became a job, or `ok` for replies without a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewState {
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
    /// Refused; no job exists.
    Rejected,
    /// Not about one job.
    Ok,
}

impl ViewState {
    /// Whether it is a job's that has not ended.
    pub fn is_live(self) -> bool {
        matches!(
            self,
            ViewState::Queued | ViewState::Running | ViewState::InputRequired
        )
    }
}

impl From<JobState> for ViewState {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => ViewState::Queued,
            JobState::Running => ViewState::Running,
            JobState::InputRequired => ViewState::InputRequired,
            JobState::Completed => ViewState::Completed,
            JobState::Failed => ViewState::Failed,
            JobState::Cancelled => ViewState::Cancelled,
        }
    }
}

/// The next call worth making: works as given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Next {
    /// The tool to call.
    pub tool: String,
    /// Its arguments.
    pub args: Map<String, Value>,
}

/// What became of a job's state patch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PatchView {
    /// The state field.
    pub field: String,
    /// The version that the patch made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Whether the field was changed.
    pub applied: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An attempt that failed and was followed by another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptView {
    /// Its number, from 1.
    pub attempt: u32,
    /// When it began (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended (RFC 3339).
    pub ended_at: String,
    /// Why it failed.
    pub error: Error,
    /// How its worker ended.
    pub exit: Exit,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

impl From<AttemptRecord> for AttemptView {
    fn from(record: AttemptRecord) -> Self {
        AttemptView {
            attempt: record.attempt,
            started_at: record.started_at.map(clock::rfc3339),
            ended_at: clock::rfc3339(record.ended_at),
            error: record.error,
            exit: record.exit,
            usage: record.usage,
        }
    }
}

/// A part of a long array, object or text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PageView {
    /// Index of the first item shown.
    pub offset: u64,
    /// Items shown.
    pub count: u64,
    /// Items in all.
    pub total: u64,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
}

/// One job as every front-end shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// The job, unless none was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// Where it stands.
    pub state: ViewState,
    /// The tool; left out of the short replies, since the id names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Share of the work done, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// What it is doing, in the tool's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The tool's last word on its progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// A remark of the tool's that stays until the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Expected time to the end, in s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_s: Option<u64>,
    /// True when it has been running for longer than 95 % of the tool's earlier jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<bool>,
    /// For how long its progress has not changed, in s, from a minute on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_progress_s: Option<u64>,
    /// How long ago it last told its progress or printed something, in s; of running jobs in full views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_s: Option<u64>,
    /// How long the reply was held back, in s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_s: Option<u64>,
    /// How long the job ran, or has been running, in s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_s: Option<f64>,
    /// Place in the queue; 1 is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// Jobs that must complete first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<JobId>,
    /// Why a queued job does not start, where it is not simply its turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_because: Option<String>,
    /// What it asks and waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<QuestionView>,
    /// When it was accepted (RFC 3339); in full views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted_at: Option<String>,
    /// When its last attempt began (RFC 3339); in full views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended (RFC 3339); in full views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The attempt, from the second on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The attempts before the last one; in full views.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptView>,
    /// The job that this one repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<JobId>,
    /// True when an earlier job of the same idempotency key, or of the same input, is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<bool>,
    /// Whether it was asked to stop and has not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested: Option<bool>,
    /// The whole result, when it is small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Size of the result, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What became of the state patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_patch: Option<PatchView>,
    /// Files that it made beside its result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactView>,
    /// Why it failed, or why the call was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// Something worth knowing although it completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// How the worker ended; in full views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// What it used; in full views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What is run once it has ended; in full views of the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookView>,
    /// Its folder on this machine; in full views of the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// The next call worth making.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
}

impl JobView {
    /// A view of nothing but a state.
    pub fn bare(state: ViewState) -> Self {
        JobView {
            job_id: None,
            state,
            tool: None,
            progress: None,
            phase: None,
            message: None,
            note: None,
            eta_s: None,
            slow: None,
            no_progress_s: None,
            silent_s: None,
            waited_s: None,
            elapsed_s: None,
            queue_position: None,
            waiting_for: Vec::new(),
            waiting_because: None,
            questions: Vec::new(),
            submitted_at: None,
            started_at: None,
            ended_at: None,
            attempt: None,
            attempts: Vec::new(),
            retry_of: None,
            replayed: None,
            cancel_requested: None,
            result: None,
            bytes: None,
            state_patch: None,
            artifacts: Vec::new(),
            error: None,
            warning: None,
            exit: None,
            usage: None,
            hook: None,
            dir: None,
            next: None,
        }
    }

    /// A refused call: no job exists.
    pub fn rejected(error: Error) -> Self {
        JobView {
            error: Some(error),
            ..JobView::bare(ViewState::Rejected)
        }
    }
}

impl JobView {
    /// Everything that the ledger knows of a job, for people: `job.json` and `jobs show`.
    pub fn full(job: &JobRecord) -> Self {
        JobView {
            tool: Some(job.tool.clone()),
            submitted_at: Some(clock::rfc3339(job.submitted_at)),
            started_at: job.started_at.map(clock::rfc3339),
            ended_at: job.ended_at.map(clock::rfc3339),
            attempt: (job.attempt > 0).then_some(job.attempt),
            exit: job.exit,
            usage: job.usage,
            ..JobView::lean(job)
        }
    }

    /// What a caller needs to know next, and no more.
    pub fn lean(job: &JobRecord) -> Self {
        let cancelling = job.cancel_requested_at.is_some() && !job.state.is_terminal();
        JobView {
            job_id: Some(job.id.clone()),
            elapsed_s: elapsed_s(job),
            attempt: (job.attempt > 1).then_some(job.attempt),
            retry_of: job.retry_of.clone(),
            cancel_requested: cancelling.then_some(true),
            bytes: job.result_bytes,
            state_patch: patch_view(job),
            error: job.error.clone(),
            warning: job.warning.clone(),
            ..JobView::bare(job.state.into())
        }
    }
}

/// Seconds from the start to the end, or to now; tenths below ten seconds.
fn elapsed_s(job: &JobRecord) -> Option<f64> {
    let until = job.ended_at.unwrap_or_else(clock::now_ms);
    let ms = until.saturating_sub(job.started_at?).max(0);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a duration in ms is far below 2^52"
    )]
    let seconds = ms as f64 / 1000.0;
    Some(if seconds < 10.0 {
        (seconds * 10.0).round() / 10.0
    } else {
        seconds.round()
    })
}

fn patch_view(job: &JobRecord) -> Option<PatchView> {
    let (field, _) = job
        .patch
        .as_ref()
        .filter(|_| job.state == JobState::Completed)?;
    Some(PatchView {
        field: field.clone(),
        version: job.patch_version,
        applied: job.patch_version.is_some(),
        reason: job.patch_skipped.clone(),
    })
}
