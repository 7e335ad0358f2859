//! `jobs cancel`

use std::time::Duration;

use clap::{Arg, ArgMatches, Command};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::job;
use crate::cli::reply::Envelope;
use crate::cli::session::Session;
use crate::error::Result;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};

/// `jobs cancel`
pub fn command() -> Command {
    Command::new("cancel")
        .about("End jobs and all that they started")
        .arg(args::ids(true))
        .arg(
            Arg::new("grace")
                .long("grace")
                .value_name("TIME")
                .value_parser(args::duration)
                .help("How long a job may take to end by itself before it is killed [default: 10s]"),
        )
        .arg(args::json("Print {\"state\": \"ok\", \"jobs\": […]}"))
        .after_help("A running job is asked to end (SIGTERM) and this command returns; `jobs wait` waits for the end.")
}

/// Cancels. A job that has ended already is no failure.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let ids = session.resolve(given.get_many::<String>("ID").into_iter().flatten())?;
    let service = session.service()?;
    let grace = given.get_one::<Duration>("grace").copied();
    let views = ids
        .iter()
        .map(|id| service.cancel(&Owner::local(), id, grace))
        .collect::<Result<Vec<JobView>>>()?;
    // A job whose supervisor died would hear nothing of it.
    service.reconcile()?;
    if given.get_flag(args::JSON) {
        session.console.json(&Envelope::jobs(views))?;
        return Ok(Ending::Ok);
    }
    for view in &views {
        session
            .console
            .print(format_args!("{} {}", job::id(view), answer(view)))?;
    }
    Ok(Ending::Ok)
}

fn answer(view: &JobView) -> String {
    match view.state {
        ViewState::Cancelled => job::ending(view),
        ViewState::Completed | ViewState::Failed => {
            format!("had ended already: {}", job::ending(view))
        }
        _ => "is asked to end".into(),
    }
}
