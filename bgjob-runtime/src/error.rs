//! The one error of the crate: a code from a closed list, a message, and what to do about it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal, retryable: $retryable:literal;)*) => {
        /// Why a call was refused or a job failed. The list is closed: clients may match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Code { $(#[doc = $doc] $variant,)* }

        impl Code {
            /// Every code, in the order of the reference.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as it stands in replies and files, such as `timed_out`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// What the code means, in one sentence.
            pub fn about(self) -> &'static str {
                match self { $(Code::$variant => $doc.trim_ascii(),)* }
            }

            /// Whether the same call may succeed later without being changed.
            pub fn retryable(self) -> bool {
                match self { $(Code::$variant => $retryable,)* }
            }
        }
    };
}

codes! {
    /// The tool's function returned `Err`.
    ToolError = "tool_error", retryable: false;
    /// The tool's function panicked.
    Panicked = "panicked", retryable: false;
    /// The worker process was ended by a signal or exited with a status other than 0.
    Crashed = "crashed", retryable: false;
    /// The worker process exited with status 0 and left no result.
    NoResult = "no_result", retryable: false;
    /// The result cannot be written as JSON, for instance because it holds a NaN.
    BadResult = "bad_result", retryable: false;
    /// The job ran longer than its timeout.
    TimedOut = "timed_out", retryable: true;
    /// The supervisor of the job was killed; how the worker ended is unknown.
    SupervisorLost = "supervisor_lost", retryable: true;
    /// The machine was restarted while the job ran.
    HostRestarted = "host_restarted", retryable: true;
    /// A job that this one waited for failed or was cancelled.
    DependencyFailed = "dependency_failed", retryable: false;
    /// A state value does not fit the type that the tool reads.
    InvalidState = "invalid_state", retryable: false;
    /// The kernel killed the worker because memory ran out.
    OutOfMemory = "out_of_memory", retryable: true;
    /// The tool has no argument of that name.
    UnknownArgument = "unknown_argument", retryable: false;
    /// A required argument was not given.
    MissingArgument = "missing_argument", retryable: false;
    /// An argument has the wrong type or is out of range.
    InvalidArgument = "invalid_argument", retryable: false;
    /// A state field that the tool reads has no value yet.
    MissingState = "missing_state", retryable: false;
    /// No tool reads or writes a state field of that name.
    UnknownField = "unknown_field", retryable: false;
    /// Too many jobs of this owner are queued.
    QueueFull = "queue_full", retryable: true;
    /// The idempotency key was used before with another input.
    IdempotencyConflict = "idempotency_conflict", retryable: false;
    /// The input, value or reply is larger than the limit.
    TooLarge = "too_large", retryable: false;
    /// The data directory cannot be used, or reading or writing it failed.
    StorageError = "storage_error", retryable: true;
    /// There is no job of that id that the caller may see.
    JobNotFound = "job_not_found", retryable: false;
    /// The job has not ended yet.
    NotFinished = "not_finished", retryable: true;
    /// The job has ended already.
    AlreadyFinished = "already_finished", retryable: false;
    /// The result was deleted, by retention or by hand.
    ResultExpired = "result_expired", retryable: false;
    /// The JSON pointer names nothing in the value (RFC 6901).
    PointerNotFound = "pointer_not_found", retryable: false;
    /// The job has no artifact of that name.
    ArtifactNotFound = "artifact_not_found", retryable: false;
    /// The job asks no question of that key.
    NoOpenQuestion = "no_open_question", retryable: false;
    /// The person does not want to answer the question that the job asked.
    Declined = "declined", retryable: false;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What every failing call of this crate returns, and what a failed job carries.
///
/// `Display` gives the message alone; front-ends print the remedy on a line of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Error {
    /// The reason, from a closed list.
    pub code: Code,
    /// What went wrong, naming the thing: one sentence without a secret.
    pub message: String,
    /// What to do about it; calls and commands in it work as typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Whether the same call may succeed later without being changed.
    pub retryable: bool,
    /// RFC 6901 pointer of the offending part of the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The known name nearest to the one that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
    /// After how many seconds a retry makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// The tool's own error as data, where its type implements `Serialize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// The last lines that the job wrote to its standard error: untrusted text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_tail: Option<String>,
}

impl Error {
    /// An error of `code` with a message that names the thing.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error {
            code,
            message: message.into(),
            remedy: None,
            retryable: code.retryable(),
            at: None,
            did_you_mean: None,
            retry_after_s: None,
            details: None,
            stderr_tail: None,
        }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds the RFC 6901 pointer of the offending part of the input.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.at = Some(pointer.into());
        self
    }

    /// Adds the nearest known name, if any is near enough.
    #[must_use]
    pub fn did_you_mean(mut self, name: Option<impl Into<String>>) -> Self {
        self.did_you_mean = name.map(Into::into);
        self
    }

    /// "the data directory cannot be used", with what was tried and why it failed.
    pub fn storage(doing: impl fmt::Display, why: impl fmt::Display) -> Self {
        Error::new(Code::StorageError, format!("cannot {doing}: {why}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The known name nearest to `given`, if it is near enough to be a misspelling.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(given, name), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_the_same_in_json_and_in_text() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("dayz", ["days", "flow"]), Some("days"));
        assert_eq!(nearest("zzz", ["days", "flow"]), None);
    }
}
