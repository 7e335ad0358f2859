//! The commands: each file has a command's flags and what it does.

mod answer;
mod artifacts;
mod cancel;
mod completions;
mod config;
mod doctor;
mod finish;
mod install;
mod list;
mod logs;
mod prune;
mod result;
mod retry;
mod run;
mod schema;
mod serve;
mod show;
mod state;
mod status;
mod tools;
mod wait;

use std::ffi::OsString;

use clap::{ArgMatches, Command};

use super::context::Context;
use super::exit_code::Ending;
use super::failure::{Failure, Outcome};
use super::session::Session;
use crate::app::OwnCommand;
use crate::error::{Code, Error};
use crate::tool::registry::Registry;

pub use finish::follow_jobs;
pub use serve::is_asked as serve_is_asked;

/// The built-in commands.
pub fn all(registry: &'static Registry, argv: &[OsString]) -> Vec<Command> {
    let jobs = Command::new("jobs")
        .about("Look at jobs and steer them")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands([
            list::command(),
            show::command(),
            wait::command(),
            logs::command(),
            result::command(),
            answer::command(),
            artifacts::command(),
            cancel::command(),
            retry::command(),
            prune::command(),
        ]);
    vec![
        run::command(registry, argv),
        jobs,
        state::command(),
        config::command(),
        status::command(),
        doctor::command(),
        tools::command(),
        schema::command(),
        serve::command(),
        install::command(),
        completions::command(),
    ]
}

/// `serve` alone.
pub fn serve() -> Command {
    serve::command()
}

/// Does what was asked for.
///
/// # Errors
/// What stopped it.
pub fn dispatch(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let Some((name, inner)) = given.subcommand() else {
        return serve::run(session, None);
    };
    match (name, inner.subcommand()) {
        ("run", Some((tool, given))) => run::run(session, tool, given),
        ("jobs", Some((command, given))) => jobs(session, command, given),
        ("state", Some((command, given))) => state::run(session, command, given),
        ("config", Some((command, given))) => config::run(session, command, given),
        ("status", _) => status::run(session, inner),
        ("doctor", _) => doctor::run(session, inner),
        ("tools", _) => tools::run(session, inner),
        ("schema", _) => schema::run(session, inner),
        ("serve", _) => serve::run(session, Some(inner)),
        ("install", _) => install::run(session, inner),
        ("completions", _) => completions::run(session, inner),
        _ => own(session, name, inner),
    }
}

fn jobs(session: &Session<'_>, command: &str, given: &ArgMatches) -> Outcome {
    match command {
        "list" => list::run(session, given),
        "show" => show::run(session, given),
        "wait" => wait::run(session, given),
        "logs" => logs::run(session, given),
        "result" => result::run(session, given),
        "answer" => answer::run(session, given),
        "artifacts" => artifacts::run(session, given),
        "cancel" => cancel::run(session, given),
        "retry" => retry::run(session, given),
        "prune" => prune::run(session, given),
        _ => Ok(Ending::Usage),
    }
}

fn own(session: &Session<'_>, name: &str, given: &ArgMatches) -> Outcome {
    let command = session
        .app
        .commands
        .iter()
        .find(|own| own.command.get_name() == name);
    let Some(OwnCommand { handler, .. }) = command else {
        return Ok(Ending::Usage);
    };
    match handler(&Context::new(session, given)) {
        Ok(()) => Ok(Ending::Ok),
        Err(error) => Err(failure_of(error)),
    }
}

/// A failure of a command of one's own: our own errors keep their code, others are told with their sources.
fn failure_of(error: Box<dyn std::error::Error + Send + Sync>) -> Failure {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return Failure::Refused(ours),
        Err(error) => error,
    };
    match error.downcast::<std::io::Error>() {
        Ok(closed) if closed.kind() == std::io::ErrorKind::BrokenPipe => Failure::Io(*closed),
        Ok(other) => with_sources(&*other),
        Err(error) => with_sources(&*error),
    }
}

fn with_sources(error: &dyn std::error::Error) -> Failure {
    let sources = std::iter::successors(error.source(), |error| error.source());
    let message = sources.fold(error.to_string(), |text, source| {
        format!("{text}: {source}")
    });
    Error::new(Code::ToolError, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_own_commands_keep_what_they_are() {
        let ours = failure_of(Box::new(Error::new(Code::JobNotFound, "x")));
        assert!(matches!(ours, Failure::Refused(error) if error.code == Code::JobNotFound));
        let pipe = failure_of(Box::new(std::io::Error::from(
            std::io::ErrorKind::BrokenPipe,
        )));
        assert!(matches!(pipe, Failure::Io(_)));
        let missing = failure_of(Box::new(std::io::Error::other("no such file")));
        assert!(matches!(missing, Failure::Refused(error) if error.message == "no such file"));
        assert!(
            matches!(failure_of("text".into()), Failure::Refused(error) if error.message == "text")
        );
    }
}
