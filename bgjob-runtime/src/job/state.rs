//! The states of a job and the moves between them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a job stands. Terminal states never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Accepted, waiting for a free slot, another job, memory or a retry's time.
    Queued,
    /// Claimed by a supervisor.
    Running,
    /// Running, and waiting for an answer.
    InputRequired,
    /// Ended with a result.
    Completed,
    /// Ended without a result.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [JobState; 6] = [
        JobState::Queued,
        JobState::Running,
        JobState::InputRequired,
        JobState::Completed,
        JobState::Failed,
        JobState::Cancelled,
    ];

    /// The state as it stands in replies and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::InputRequired => "input_required",
            JobState::Completed => "completed",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Whether the job has ended.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            JobState::Completed | JobState::Failed | JobState::Cancelled
        )
    }

    /// Whether a worker may exist.
    pub fn is_running(self) -> bool {
        matches!(self, JobState::Running | JobState::InputRequired)
    }

    /// Whether the move to `next` is legal.
    pub fn may_become(self, next: JobState) -> bool {
        use JobState::{Cancelled, Completed, Failed, InputRequired, Queued, Running};
        matches!(
            (self, next),
            (Queued, Running | Cancelled | Failed)
                | (
                    Running,
                    InputRequired | Queued | Completed | Failed | Cancelled
                )
                | (
                    InputRequired,
                    Running | Queued | Completed | Failed | Cancelled
                )
        )
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for JobState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        JobState::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a state; the states are {}", list_states()))
    }
}

fn list_states() -> String {
    JobState::ALL.map(JobState::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_states_never_change() {
        for from in JobState::ALL.into_iter().filter(|s| s.is_terminal()) {
            for to in JobState::ALL {
                assert!(!from.may_become(to), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn a_state_reads_back_from_its_text() {
        for state in JobState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
