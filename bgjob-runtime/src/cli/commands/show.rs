//! `jobs show`

use clap::{ArgMatches, Command};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::{job, problem};
use crate::cli::session::Session;
use crate::job::request::Owner;
use crate::job::view::ViewState;

/// `jobs show`
pub fn command() -> Command {
    Command::new("show")
        .about("Show everything about a job")
        .arg(args::ids(false))
        .arg(args::json("Print the job as a JSON object"))
}

/// Shows a job. The exit code says that showing worked, not how the job is.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let id = session
        .resolve(given.get_many::<String>("ID").into_iter().flatten())?
        .remove(0);
    let service = session.service()?;
    // Jobs whose server died before it could start them need somebody to come by.
    let _ = service.launch();
    let view = service.full_view(&Owner::local(), &id)?;
    let console = &session.console;
    if given.get_flag(args::JSON) {
        console.json(&view)?;
        return Ok(Ending::Ok);
    }
    console.print(job::show(&view))?;
    if let Ok(input) = service.input(&Owner::local(), &id) {
        console.print(job::input(&input))?;
    }
    match (&view.error, view.state) {
        (Some(error), _) => console.print(problem::failed(&view, error, console))?,
        (None, ViewState::Completed) => console.say(format_args!(
            "result: {}",
            console.command(format_args!("jobs result {id}"))
        )),
        (None, ViewState::InputRequired) => console.say(format_args!(
            "answer it: {}",
            console.command(format_args!("jobs answer {id}"))
        )),
        (None, ViewState::Queued | ViewState::Running) => {
            console.say(format_args!(
                "watch it: {}",
                console.command(format_args!("jobs wait {id}"))
            ));
        }
        (None, _) => {}
    }
    Ok(Ending::Ok)
}
