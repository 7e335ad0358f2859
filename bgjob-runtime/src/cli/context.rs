//! What a command of one's own is given.

use std::fmt;
use std::io;
use std::sync::Arc;

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::commands::follow_jobs;
use super::exit_code::Ending;
use super::failure::Failure;
use super::follow::Show;
use super::session::Session;
use crate::error::{Code, Error, Result};
use crate::job::request::{Owner, Request};
use crate::job::view::{JobView, ViewState};
use crate::service::JobService;

/// The parsed command line and the service, for a command added with
/// [`App::command`](crate::App::command).
pub struct Context<'a> {
    session: &'a Session<'a>,
    matches: &'a ArgMatches,
}

impl<'a> Context<'a> {
    pub(super) fn new(session: &'a Session<'a>, matches: &'a ArgMatches) -> Self {
        Context { session, matches }
    }

    /// The arguments of the command.
    pub fn matches(&self) -> &ArgMatches {
        self.matches
    }

    /// Jobs and state on the data directory.
    ///
    /// # Errors
    /// `storage_error` when the data directory cannot be used.
    pub fn service(&self) -> Result<Arc<JobService>> {
        self.session.service().cloned()
    }

    /// Runs a tool as a job with `input`, an object, shows its progress, and returns its result.
    ///
    /// # Errors
    /// The refusal when the arguments do not fit, the job's own error when it fails.
    pub fn run(&self, tool: &str, input: Value) -> Result<Value> {
        self.result(&self.follow(tool, input)?)
    }

    /// Runs a tool as a job as [`Context::run`] does, and returns the view of the completed job, with
    /// its folder and its times.
    ///
    /// # Errors
    /// As for [`Context::run`].
    pub fn follow(&self, tool: &str, input: Value) -> Result<JobView> {
        self.follow_chain([(tool, input)]).map(|[view]| view)
    }

    /// Submits several calls, tool and input each, and only then starts them; shows their progress
    /// together and returns their views. A tool that reads a state field waits for the call before
    /// it that writes that field, so a whole chain goes in at once.
    ///
    /// # Errors
    /// As for [`Context::run`]. When a call is refused, those before it are cancelled: a chain runs
    /// whole or not at all. When several jobs fail, the error of the first is returned.
    pub fn follow_chain<const N: usize>(&self, calls: [(&str, Value); N]) -> Result<[JobView; N]> {
        let mut submitted = Vec::new();
        for (tool, input) in calls {
            match self.submit(tool, input) {
                Ok(view) => submitted.push(view),
                Err(error) => {
                    self.take_back(&submitted)?;
                    return Err(error);
                }
            }
        }
        let followed = follow_jobs(self.session, &submitted, Show::Auto);
        let views = followed.map_err(|failure| match failure {
            Failure::Refused(error) => *error,
            Failure::Io(error) => Error::storage("follow the job", error),
        })?;
        let Some(views) = views else {
            let error = Error::new(Code::NotFinished, "interrupted: the job goes on");
            return Err(self.session.has_told(error, Ending::Interrupted));
        };
        if let Some(view) = views.iter().find(|view| view.state != ViewState::Completed) {
            let error = failure_of(view.clone());
            return Err(self.session.has_told(error, Ending::of_job(view)));
        }
        let lost = |_| Error::new(Code::JobNotFound, "a job of the chain is gone");
        views.try_into().map_err(lost)
    }

    fn submit(&self, tool: &str, input: Value) -> Result<JobView> {
        let service = self.session.service()?;
        service.submit(Request::local(tool, object(input)?))
    }

    fn take_back(&self, submitted: &[JobView]) -> Result<()> {
        let service = self.session.service()?;
        submitted
            .iter()
            .filter_map(|view| view.job_id.as_ref())
            .try_for_each(|id| service.cancel(&Owner::local(), id, None).map(drop))
    }

    /// The result of a completed job, however large.
    ///
    /// # Errors
    /// `result_expired` when it was deleted meanwhile, the job's own error when it failed.
    pub fn result(&self, view: &JobView) -> Result<Value> {
        if let Some(result) = &view.result {
            return Ok(result.clone());
        }
        let id = view
            .job_id
            .as_ref()
            .ok_or_else(|| Error::new(Code::NoResult, "there is no job"))?;
        let path = self.session.service()?.results_path(&Owner::local(), id)?;
        let bytes = crate::store::files::read_regular(&path)
            .map_err(|error| Error::storage("read the result", error))?;
        serde_json::from_slice(&bytes).map_err(|error| Error::storage("read the result", error))
    }

    /// The command `rest` of this program, as it has to be typed here.
    pub fn command_line(&self, rest: &str) -> String {
        self.session.console.command(rest)
    }

    /// Writes a line to standard output.
    ///
    /// # Errors
    /// When standard output is closed or full.
    pub fn print(&self, text: impl fmt::Display) -> io::Result<()> {
        self.session.console.print(text)
    }

    /// Writes a line to standard error, unless `--quiet` was given.
    pub fn say(&self, text: impl fmt::Display) {
        self.session.console.say(text);
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("matches", self.matches)
            .finish_non_exhaustive()
    }
}

fn object(input: Value) -> Result<Map<String, Value>> {
    match input {
        Value::Object(input) => Ok(input),
        other => Err(Error::new(
            Code::InvalidArgument,
            format!("the arguments of a tool are an object, got {other}"),
        )),
    }
}

fn failure_of(view: JobView) -> Error {
    view.error
        .unwrap_or_else(|| Error::new(Code::AlreadyFinished, "the job was cancelled"))
}
