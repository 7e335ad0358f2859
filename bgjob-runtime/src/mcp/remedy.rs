//! What a model can do about an error: always something that works as typed, over MCP.

use super::names::Names;
use crate::error::{Code, Error};

/// The error with a remedy in terms of tools. Remedies that name arguments, limits or fields came
/// with the error and hold here too; those that would send the reader to a terminal are replaced.
pub fn for_agents(error: Error, names: Names, tool: Option<&str>) -> Error {
    let status = names.status(tool);
    let remedy = match error.code {
        Code::Declined => "Ask the person what they want instead.".to_owned(),
        Code::ToolError | Code::Panicked | Code::BadResult | Code::NoResult => {
            "Read get_job_logs for this job_id, change the arguments and call the tool again.".to_owned()
        }
        Code::Crashed => "Read get_job_logs for this job_id; retry_job repeats the call.".to_owned(),
        Code::TimedOut => "Call the tool again with less work, or retry_job to repeat it as it was.".to_owned(),
        Code::SupervisorLost | Code::HostRestarted | Code::OutOfMemory => {
            "Call retry_job with this job_id.".to_owned()
        }
        Code::DependencyFailed => {
            "Look at the jobs it waited for with list_jobs, mend those, then call the tool again.".to_owned()
        }
        Code::InvalidState => "Run the tool that sets this state field again, or call reset_state with the field.".to_owned(),
        Code::JobNotFound => "Take job_id from the call that started the job, or call list_jobs.".to_owned(),
        Code::NotFinished => format!("Call {status} with this job_id and wait_s, or cancel_job to stop it."),
        Code::AlreadyFinished => "Call retry_job with this job_id to run it again.".to_owned(),
        Code::ResultExpired => "Call retry_job with this job_id to compute it again.".to_owned(),
        Code::QueueFull => "Wait for some jobs to end, see list_jobs, or stop some with cancel_job; then call again.".to_owned(),
        Code::StorageError => match error.remedy {
            Some(_) => return error,
            None => "Call get_system_status; if the disk is full, a person must make room.".to_owned(),
        },
        Code::MissingState if error.remedy.as_ref().is_some_and(|r| r.contains("`state set")) => {
            "No tool sets this field: a person must, with the program's command line.".to_owned()
        }
        Code::UnknownArgument
        | Code::MissingArgument
        | Code::InvalidArgument
        | Code::MissingState
        | Code::UnknownField
        | Code::IdempotencyConflict
        | Code::TooLarge
        | Code::PointerNotFound
        | Code::ArtifactNotFound
        | Code::NoOpenQuestion => return error,
    };
    error.remedy(remedy)
}
