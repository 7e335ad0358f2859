//! Exit codes: one total match from a refusal and from a job's end.

use std::process::ExitCode;

use crate::error::{Code, Error};
use crate::job::view::{JobView, ViewState};

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ending {
    /// Done; a job that was waited for completed.
    Ok = 0,
    /// The job failed.
    Failed = 1,
    /// The command line or the arguments were refused; no job exists.
    Usage = 2,
    /// There is no such job, state field, result or part of it.
    NotFound = 3,
    /// The job has not ended yet.
    Running = 4,
    /// The job was cancelled.
    Cancelled = 5,
    /// The job ran into its timeout.
    TimedOut = 6,
    /// Ctrl-C: this program stopped watching, the job goes on.
    Interrupted = 7,
    /// The data directory, or where the output goes, cannot be used.
    Storage = 8,
}

/// The codes as the top-level help lists them.
pub const HELP: &str = "\
Exit codes:
  0  done; a job that was waited for completed
  1  the job failed
  2  the command line or the arguments were refused; no job exists
  3  no such job, state field, result, or part of it
  4  the job has not ended yet
  5  the job was cancelled
  6  the job ran into its timeout
  7  interrupted: the job goes on
  8  the data directory, or the output, cannot be used";

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> ExitCode {
        ExitCode::from(ending as u8)
    }
}

impl Ending {
    /// The exit code of a call that was refused with `error`.
    pub fn of_refusal(error: &Error) -> Self {
        match error.code {
            Code::TimedOut => Ending::TimedOut,
            Code::ToolError
            | Code::Panicked
            | Code::Crashed
            | Code::NoResult
            | Code::BadResult
            | Code::SupervisorLost
            | Code::HostRestarted
            | Code::DependencyFailed
            | Code::OutOfMemory => Ending::Failed,
            Code::UnknownArgument
            | Code::MissingArgument
            | Code::InvalidArgument
            | Code::MissingState
            | Code::InvalidState
            | Code::QueueFull
            | Code::IdempotencyConflict
            | Code::TooLarge
            | Code::AlreadyFinished
            | Code::NoOpenQuestion
            | Code::Declined => Ending::Usage,
            Code::UnknownField
            | Code::JobNotFound
            | Code::ResultExpired
            | Code::PointerNotFound
            | Code::ArtifactNotFound => Ending::NotFound,
            Code::NotFinished => Ending::Running,
            Code::StorageError => Ending::Storage,
        }
    }

    /// The exit code of a command that is about one job.
    pub fn of_job(view: &JobView) -> Self {
        match view.state {
            ViewState::Ok | ViewState::Completed => Ending::Ok,
            ViewState::Queued | ViewState::Running | ViewState::InputRequired => Ending::Running,
            ViewState::Cancelled => Ending::Cancelled,
            ViewState::Rejected => view
                .error
                .as_ref()
                .map_or(Ending::Usage, Ending::of_refusal),
            ViewState::Failed => match view.error.as_ref().map(|error| error.code) {
                Some(Code::TimedOut) => Ending::TimedOut,
                _ => Ending::Failed,
            },
        }
    }

    /// The exit code of a command that waited for several jobs: of the first that did not complete.
    pub fn of_jobs<'a>(views: impl IntoIterator<Item = &'a JobView>) -> Self {
        views
            .into_iter()
            .map(Ending::of_job)
            .find(|ending| *ending != Ending::Ok)
            .unwrap_or(Ending::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: Code) -> JobView {
        JobView {
            error: Some(Error::new(code, "x")),
            ..JobView::bare(ViewState::Failed)
        }
    }

    #[test]
    fn no_refusal_looks_like_success() {
        for code in Code::ALL {
            assert_ne!(
                Ending::of_refusal(&Error::new(*code, "x")),
                Ending::Ok,
                "{code}"
            );
        }
    }

    #[test]
    fn a_job_that_failed_for_its_state_is_a_failed_job_and_not_a_refused_call() {
        assert_eq!(Ending::of_job(&failed(Code::InvalidState)), Ending::Failed);
        assert_eq!(
            Ending::of_refusal(&Error::new(Code::InvalidState, "x")),
            Ending::Usage
        );
        assert_eq!(Ending::of_job(&failed(Code::TimedOut)), Ending::TimedOut);
    }

    #[test]
    fn of_several_jobs_the_first_that_did_not_complete_decides() {
        let done = JobView::bare(ViewState::Completed);
        let jobs = [
            done.clone(),
            JobView::bare(ViewState::Cancelled),
            failed(Code::Panicked),
        ];
        assert_eq!(Ending::of_jobs(&jobs), Ending::Cancelled);
        assert_eq!(Ending::of_jobs(&[done]), Ending::Ok);
    }

    #[test]
    fn the_help_lists_every_code() {
        for code in Ending::Ok as u8..=Ending::Storage as u8 {
            assert!(HELP.contains(&format!("\n  {code}  ")), "{code}");
        }
    }
}
