//! Why a program that a job ran is of no use.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde::Serialize;

use crate::job::outcome::signal_name;
use crate::tool::check::words;

/// Why a program that a job ran is of no use: it did not start, it failed, the job was asked to end,
/// or what it left behind is not what was asked for.
///
/// `Display` names the program, its exit status or signal, and the last line that it wrote to standard
/// error, which for most languages is the reason; `{:#}` adds up to 4 KiB of what it wrote before. As the error of a
/// tool it becomes the error of the job: `Result<T, CommandError>`, or any error type that holds its text.
/// Its JSON, `{"program": …, "reason": …}` with `status` or `signal` where there is one, becomes the error's details.
#[derive(Clone, Debug, Serialize)]
pub struct CommandError {
    program: String,
    #[serde(flatten)]
    what: What,
    #[serde(skip)]
    stderr_tail: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub(super) enum What {
    NotStarted {
        #[serde(skip)]
        why: String,
    },
    Exited {
        status: i32,
    },
    Killed {
        signal: i32,
    },
    Cancelled {
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<i32>,
    },
    Unusable {
        #[serde(skip)]
        why: String,
    },
}

impl What {
    /// What a program's own end says against it.
    pub(super) fn of(status: ExitStatus) -> Option<What> {
        match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(status), _) => Some(What::Exited { status }),
            (None, signal) => Some(What::Killed {
                signal: signal.unwrap_or(0),
            }),
        }
    }
}

impl CommandError {
    pub(super) fn new(program: &str, what: What, stderr_tail: String) -> Self {
        CommandError {
            program: program.to_owned(),
            what,
            stderr_tail,
        }
    }

    /// The program, as it was named.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Its exit status, where it ended by itself.
    pub fn status(&self) -> Option<i32> {
        match self.what {
            What::Exited { status } => Some(status),
            What::Cancelled { status } => status,
            _ => None,
        }
    }

    /// The signal that ended it (signal(7)), unless the job was asked to end.
    pub fn signal(&self) -> Option<i32> {
        match self.what {
            What::Killed { signal } => Some(signal),
            _ => None,
        }
    }

    /// Whether it ended because the job was asked to: cancelled, or past its timeout.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.what, What::Cancelled { .. })
    }

    /// The end of what it wrote to standard error, up to 4 KiB: untrusted text. Where several programs of a
    /// job ran at once, the others' lines stand between.
    pub fn stderr_tail(&self) -> &str {
        &self.stderr_tail
    }

    fn last_line(&self) -> Option<String> {
        let mut lines = self.stderr_tail.lines().rev().map(str::trim);
        let line = lines.find(|line| !line.is_empty())?;
        Some(words::clip(
            &anstream::adapter::strip_str(line).to_string(),
            300,
        ))
    }

    fn with_last_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last_line() {
            Some(_) if f.alternate() => Ok(()),
            Some(line) => write!(f, ": {line}"),
            None => f.write_str(" and wrote nothing to standard error"),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = words::clip(&self.program, 200);
        match &self.what {
            What::NotStarted { why } => return write!(f, "cannot start `{program}`: {why}"),
            What::Unusable { why } => return write!(f, "`{program}` {why}"),
            What::Exited { status } => {
                write!(f, "`{program}` exited with status {status}")?;
                self.with_last_line(f)?;
            }
            What::Killed { signal } => {
                let name = signal_name(*signal);
                write!(f, "`{program}` was ended by signal {signal} ({name})")?;
                if *signal == libc::SIGKILL {
                    f.write_str(", perhaps because memory ran out")?;
                }
                self.with_last_line(f)?;
            }
            What::Cancelled { .. } => {
                write!(f, "`{program}` ended because the job was asked to end")?;
            }
        }
        if f.alternate() && !self.stderr_tail.is_empty() {
            write!(f, "\nthe end of its standard error:\n{}", self.stderr_tail)?;
        }
        Ok(())
    }
}

impl std::error::Error for CommandError {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRACE: &str = "Traceback (most recent call last):\n  File \"a.py\"\n\x1b[31mValueError: no feed\x1b[0m\n\n";

    fn exited(status: i32, tail: &str) -> CommandError {
        CommandError::new("python3", What::Exited { status }, tail.to_owned())
    }

    #[test]
    fn the_message_ends_with_the_reason_and_the_long_form_has_all_of_it() {
        let error = exited(1, TRACE);
        assert_eq!(
            error.to_string(),
            "`python3` exited with status 1: ValueError: no feed"
        );
        let long = format!("{error:#}");
        assert!(
            long.starts_with("`python3` exited with status 1\n"),
            "{long}"
        );
        assert!(long.contains("Traceback"), "{long}");
        assert_eq!(
            exited(3, " \n").to_string(),
            "`python3` exited with status 3 and wrote nothing to standard error"
        );
    }

    #[test]
    fn the_end_is_data() {
        let json = |error: &CommandError| serde_json::to_value(error).unwrap();
        assert_eq!(
            json(&exited(1, TRACE)),
            json!({"program": "python3", "reason": "exited", "status": 1})
        );
        let killed = CommandError::new("sh", What::Killed { signal: 9 }, String::new());
        assert_eq!(
            json(&killed),
            json!({"program": "sh", "reason": "killed", "signal": 9})
        );
        assert!(
            killed
                .to_string()
                .contains("(SIGKILL), perhaps because memory ran out")
        );
        let cancelled = CommandError::new("sh", What::Cancelled { status: None }, String::new());
        assert_eq!(
            json(&cancelled),
            json!({"program": "sh", "reason": "cancelled"})
        );
        assert!(cancelled.is_cancelled());
    }
}
