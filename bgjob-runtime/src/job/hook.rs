//! The command that is run once a job has ended: what became of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::outcome::Exit;

/// How a hook ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HookOutcome {
    /// How its program ended; `None` when it never began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// How long it ran, in s.
    pub elapsed_s: f64,
    /// Why it failed, where the exit does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The end of what it wrote to its standard output and standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tail: Option<String>,
}

impl HookOutcome {
    /// Whether it did not end with status 0 within its time.
    pub fn is_failure(&self) -> bool {
        self.error.is_some() || self.exit != Some(Exit::Code(0))
    }
}

/// A row of the ledger about a hook.
#[derive(Clone, Debug, PartialEq)]
pub struct HookRecord {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whether the job has ended and the hook has not.
    pub due: bool,
    /// How often it was started.
    pub starts: u32,
    /// How it ended.
    pub outcome: Option<HookOutcome>,
}

/// Where a hook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    /// The job has not ended.
    Waiting,
    /// The job has ended; the hook is about to be started.
    Due,
    /// It was started.
    Running,
    /// It ended with status 0.
    Done,
    /// It could not be started, ended with another status or a signal, or ran out of time.
    Failed,
}

/// The hook of a job; in full views of the command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HookView {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it stands.
    pub state: HookState,
    /// How often it was started, from the second time on: its starter died the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<u32>,
    /// How its program ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// How long it ran, in s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_s: Option<f64>,
    /// Why it failed, where the exit does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The end of its output: untrusted text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tail: Option<String>,
}

impl From<HookRecord> for HookView {
    fn from(record: HookRecord) -> Self {
        let state = match &record.outcome {
            Some(outcome) if outcome.is_failure() => HookState::Failed,
            Some(_) => HookState::Done,
            None if !record.due => HookState::Waiting,
            None if record.starts == 0 => HookState::Due,
            None => HookState::Running,
        };
        let outcome = record.outcome.as_ref();
        HookView {
            command: record.command,
            state,
            starts: (record.starts > 1).then_some(record.starts),
            exit: outcome.and_then(|outcome| outcome.exit),
            elapsed_s: outcome.map(|outcome| outcome.elapsed_s),
            error: outcome.and_then(|outcome| outcome.error.clone()),
            output_tail: outcome.and_then(|outcome| outcome.output_tail.clone()),
        }
    }
}

/// The words of a command as they are typed: POSIX quoting, no shell. `None` when a quote is not
/// closed or there is no word.
pub fn words(text: &str) -> Option<Vec<String>> {
    shlex::split(text).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(due: bool, starts: u32, outcome: Option<HookOutcome>) -> HookRecord {
        HookRecord {
            command: vec!["notify".into()],
            due,
            starts,
            outcome,
        }
    }

    #[test]
    fn where_a_hook_stands_follows_from_its_row() {
        let ended = |exit| HookOutcome {
            exit: Some(exit),
            ..HookOutcome::default()
        };
        let late = HookOutcome {
            error: Some("too long".into()),
            ..ended(Exit::Code(0))
        };
        for (record, state) in [
            (record(false, 0, None), HookState::Waiting),
            (record(true, 0, None), HookState::Due),
            (record(true, 1, None), HookState::Running),
            (
                record(false, 1, Some(ended(Exit::Code(0)))),
                HookState::Done,
            ),
            (
                record(false, 1, Some(ended(Exit::Code(3)))),
                HookState::Failed,
            ),
            (
                record(false, 1, Some(ended(Exit::Signal(9)))),
                HookState::Failed,
            ),
            (record(false, 1, Some(late)), HookState::Failed),
            (
                record(false, 0, Some(HookOutcome::default())),
                HookState::Failed,
            ),
        ] {
            assert_eq!(HookView::from(record.clone()).state, state, "{record:?}");
        }
    }

    #[test]
    fn a_command_is_split_as_a_shell_would_and_nothing_is_expanded() {
        assert_eq!(
            words("notify-send 'a b' $HOME").unwrap(),
            ["notify-send", "a b", "$HOME"]
        );
        assert_eq!(words("'open"), None);
        assert_eq!(words("  "), None);
    }
}
