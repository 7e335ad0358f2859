//! From the evidence of an attempt to its outcome: a pure decision.
//!
//! The attempt's result file is the commit point of success; whatever happened after it is a
//! warning. Nothing is guessed: an end that nobody saw is `unknown`.

use crate::error::{Code, Error};
use crate::job::outcome::{Cause, Exit, Outcome, Usage, signal_name};
use crate::job::state::JobState;

/// What is known of an attempt after its whole tree is gone.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Size of the attempt's result, if it is there and is whole JSON.
    pub result_bytes: Option<u64>,
    /// Why the result that is there cannot be used.
    pub bad_result: Option<String>,
    /// What the worker wrote about its own failure; not looked for where there is a result.
    pub worker_error: Option<Error>,
    /// How the worker ended.
    pub exit: Exit,
    /// Why its supervisor ended it.
    pub cause: Option<Cause>,
    /// Whether the attempt began in another boot.
    pub other_boot: bool,
    /// Its timeout, in ms.
    pub timeout_ms: Option<u64>,
    /// Processes that it left.
    pub leaked: u32,
    /// What it used.
    pub usage: Option<Usage>,
    /// The end of its standard error; not looked for where there is a result.
    pub stderr_tail: Option<String>,
}

/// Draws the outcome from the evidence.
pub fn judge(evidence: &Evidence) -> Outcome {
    let outcome = |state, error| Outcome {
        state,
        error,
        exit: evidence.exit,
        warning: None,
        leaked: evidence.leaked,
        usage: evidence.usage,
        result_bytes: evidence.result_bytes,
    };
    if evidence.result_bytes.is_some() {
        return Outcome {
            warning: warning(evidence),
            ..outcome(JobState::Completed, None)
        };
    }
    match evidence.cause {
        Some(Cause::Cancel) => outcome(JobState::Cancelled, None),
        Some(Cause::Timeout) => outcome(
            JobState::Failed,
            Some(with_tail(timed_out(evidence), evidence)),
        ),
        Some(Cause::OutOfMemory) => outcome(
            JobState::Failed,
            Some(with_tail(out_of_memory(evidence), evidence)),
        ),
        None => outcome(
            JobState::Failed,
            Some(with_tail(failure(evidence), evidence)),
        ),
    }
}

fn failure(evidence: &Evidence) -> Error {
    if let Some(error) = &evidence.worker_error {
        return error.clone();
    }
    if let Some(why) = &evidence.bad_result {
        return Error::new(Code::BadResult, format!("the result is not usable: {why}"));
    }
    match evidence.exit {
        Exit::Code(0) => Error::new(
            Code::NoResult,
            "the worker exited with status 0 and left no result",
        )
        .remedy("Return from the tool's function; do not call process::exit in it."),
        Exit::Code(status) => Error::new(
            Code::Crashed,
            format!("the worker exited with status {status}"),
        )
        .remedy(READ_LOG),
        Exit::Signal(signal) => Error::new(
            Code::Crashed,
            format!(
                "the worker was ended by signal {signal} ({})",
                signal_name(signal)
            ),
        )
        .remedy(READ_LOG),
        Exit::Unknown if evidence.other_boot => Error::new(
            Code::HostRestarted,
            "the machine was restarted while the job ran",
        )
        .remedy("Retry the job."),
        Exit::Unknown => Error::new(
            Code::SupervisorLost,
            "the job's supervisor was killed; how the worker ended is unknown",
        )
        .remedy("Retry the job."),
    }
}

const READ_LOG: &str = "Read the job's log; its last lines come with this error.";

fn timed_out(evidence: &Evidence) -> Error {
    let limit = evidence.timeout_ms.map_or_else(String::new, |ms| {
        format!(
            " of {}",
            humantime::format_duration(std::time::Duration::from_millis(ms))
        )
    });
    Error::new(
        Code::TimedOut,
        format!("the job ran longer than its timeout{limit}"),
    )
    .remedy("Give the tool a longer timeout, or ask for less, and retry.")
}

fn out_of_memory(evidence: &Evidence) -> Error {
    let held = evidence.usage.map_or_else(String::new, |usage| {
        format!("; it held {} MiB", usage.max_rss_kib >> 10)
    });
    Error::new(
        Code::OutOfMemory,
        format!("the kernel killed the worker because memory ran out{held}"),
    )
    .remedy(
        "Ask for less, let fewer jobs run at once (`config set max_jobs`), or give it more memory.",
    )
}

fn with_tail(error: Error, evidence: &Evidence) -> Error {
    Error {
        stderr_tail: evidence.stderr_tail.clone(),
        ..error
    }
}

fn warning(evidence: &Evidence) -> Option<String> {
    match (evidence.exit, evidence.cause) {
        (_, Some(Cause::Timeout)) => {
            Some("the worker did not end after its result and was killed at the timeout".into())
        }
        (_, Some(Cause::Cancel)) => {
            Some("the job was cancelled after its result was complete".into())
        }
        (Exit::Signal(signal), None | Some(Cause::OutOfMemory)) => Some(format!(
            "after its result the worker was ended by signal {signal} ({})",
            signal_name(signal)
        )),
        (Exit::Code(status), None) if status != 0 => Some(format!(
            "after its result the worker exited with status {status}"
        )),
        _ => None,
    }
    .or_else(|| {
        (evidence.leaked > 0).then(|| {
            format!(
                "{} processes that the job left running were killed",
                evidence.leaked
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(exit: Exit) -> Evidence {
        Evidence {
            result_bytes: None,
            bad_result: None,
            worker_error: None,
            exit,
            cause: None,
            other_boot: false,
            timeout_ms: Some(1000),
            leaked: 0,
            usage: None,
            stderr_tail: None,
        }
    }

    fn code(evidence: &Evidence) -> Option<Code> {
        judge(evidence).error.map(|error| error.code)
    }

    #[test]
    fn a_whole_result_wins_over_everything_after_it() {
        for exit in [
            Exit::Code(0),
            Exit::Code(3),
            Exit::Signal(11),
            Exit::Unknown,
        ] {
            for cause in [None, Some(Cause::Cancel), Some(Cause::Timeout)] {
                let outcome = judge(&Evidence {
                    result_bytes: Some(2),
                    cause,
                    ..evidence(exit)
                });
                assert_eq!(outcome.state, JobState::Completed);
                assert_eq!(
                    outcome.warning.is_some(),
                    cause.is_some() || matches!(exit, Exit::Code(3) | Exit::Signal(_))
                );
            }
        }
    }

    #[test]
    fn an_exit_that_nobody_saw_is_never_success() {
        assert_eq!(code(&evidence(Exit::Unknown)), Some(Code::SupervisorLost));
        assert_eq!(
            code(&Evidence {
                other_boot: true,
                ..evidence(Exit::Unknown)
            }),
            Some(Code::HostRestarted)
        );
    }

    #[test]
    fn each_end_has_its_own_code() {
        assert_eq!(code(&evidence(Exit::Code(0))), Some(Code::NoResult));
        assert_eq!(code(&evidence(Exit::Code(1))), Some(Code::Crashed));
        assert_eq!(code(&evidence(Exit::Signal(9))), Some(Code::Crashed));
        assert_eq!(
            code(&Evidence {
                cause: Some(Cause::Timeout),
                ..evidence(Exit::Signal(9))
            }),
            Some(Code::TimedOut)
        );
        assert_eq!(
            judge(&Evidence {
                cause: Some(Cause::Cancel),
                ..evidence(Exit::Signal(15))
            })
            .state,
            JobState::Cancelled
        );
        assert_eq!(
            code(&Evidence {
                cause: Some(Cause::OutOfMemory),
                ..evidence(Exit::Signal(9))
            }),
            Some(Code::OutOfMemory)
        );
        let told = Error::new(Code::Panicked, "boom");
        assert_eq!(
            code(&Evidence {
                worker_error: Some(told),
                ..evidence(Exit::Code(1))
            }),
            Some(Code::Panicked)
        );
    }
}
