//! What a submitter hands in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};
use crate::job::id::JobId;

const LOCAL: &str = "local";
/// A name is shown in lists and kept in each row.
const MAX_OWNER_BYTES: usize = 256;

/// Whose jobs and state: the one local user on stdio and the command line, the authenticated
/// subject on HTTP.
///
/// ```
/// use bgjob_runtime::Owner;
///
/// assert_eq!(Owner::new("alice@example.org").unwrap().as_str(), "alice@example.org");
/// // Whoever may choose a name must not get the operator's jobs by it.
/// assert!(Owner::new("local").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(pub(crate) String);

impl Owner {
    /// The user of a command line or a stdio server.
    pub fn local() -> Self {
        Owner(LOCAL.into())
    }

    /// An authenticated subject: any text of 1 to 256 bytes without control characters, compared
    /// byte by byte.
    ///
    /// # Errors
    /// `invalid_argument` for any other text, and for `local`, which [`Owner::local`] alone names.
    pub fn new(subject: impl Into<String>) -> Result<Self> {
        let subject = subject.into();
        let sound = (1..=MAX_OWNER_BYTES).contains(&subject.len())
            && !subject.chars().any(char::is_control);
        if sound && subject != LOCAL {
            return Ok(Owner(subject));
        }
        Err(Error::new(
            Code::InvalidArgument,
            "this cannot be the name of an owner",
        )
        .remedy(format!(
            "A name has 1 to {MAX_OWNER_BYTES} bytes without control characters and is not `{LOCAL}`."
        )))
    }

    /// The owner's name in the ledger.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a submission comes from: what the job inherits of its submitter.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The submitter's environment; the allow-list and `pass_env` choose from it.
    pub env: BTreeMap<OsString, OsString>,
    /// The submitter's working directory.
    pub cwd: PathBuf,
}

impl Origin {
    /// The environment and working directory of this process.
    pub fn of_this_process() -> Self {
        Origin {
            env: std::env::vars_os().collect(),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
        }
    }
}

/// One call of a tool.
#[derive(Clone, Debug)]
pub struct Request {
    /// The tool's name.
    pub tool: String,
    /// The arguments as given; checked before a job exists.
    pub input: Map<String, Value>,
    /// Whose job it is.
    pub owner: Owner,
    /// What it inherits.
    pub origin: Origin,
    /// Jobs that must complete first.
    pub after: Vec<JobId>,
    /// Same owner, tool, key and input give the same job.
    pub idempotency_key: Option<String>,
    /// The job that this one repeats.
    pub retry_of: Option<JobId>,
    /// The command that is run once the job has ended, instead of the setting `on_finish`. Only whoever
    /// can run programs here may give one: never a caller of the MCP server.
    pub on_finish: Option<Vec<String>>,
}

impl Request {
    /// A call of `tool` with `input` by the local user from this process.
    pub fn local(tool: impl Into<String>, input: Map<String, Value>) -> Self {
        Request {
            tool: tool.into(),
            input,
            owner: Owner::local(),
            origin: Origin::of_this_process(),
            after: Vec::new(),
            idempotency_key: None,
            retry_of: None,
            on_finish: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_and_never_the_operator() {
        for bad in ["", "local", "two\nlines", "nul\0", &"x".repeat(257)] {
            assert!(Owner::new(bad).is_err(), "{bad:?}");
        }
        for good in ["Local", "alice", "auth0|5f7c", "名前", &"x".repeat(256)] {
            assert_eq!(Owner::new(good).unwrap().as_str(), good);
        }
    }
}
