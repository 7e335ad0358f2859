//! `jobs wait`

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::follow::{Followed, Inbox, Show, Watched, follow};
use crate::cli::render::{job, problem};
use crate::cli::reply::Envelope;
use crate::cli::session::Session;
use crate::error::Result;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};
use crate::service::Until;

/// `jobs wait`
pub fn command() -> Command {
    Command::new("wait")
        .about("Wait until jobs have ended")
        .arg(args::ids(true))
        .arg(Arg::new("any").long("any").action(ArgAction::SetTrue).help("Until one of them has ended"))
        .arg(Arg::new("timeout").long("timeout").value_name("TIME").value_parser(args::duration).help("At most so long, such as 90s; then exit code 4"))
        .arg(
            Arg::new("show-progress")
                .long("show-progress")
                .value_name("HOW")
                .value_parser(Show::VALUES)
                .default_value("auto")
                .hide_default_value(true)
                .help("How to show progress; auto: a bar on a terminal, lines elsewhere"),
        )
        .arg(args::json("Print {\"state\": \"ok\", \"jobs\": […]}, each with its result where that is small"))
        .after_help("The exit code is that of the first job in the order given that did not complete; with --any, of the first that ended.")
}

/// Waits.
///
/// # Errors
/// What stopped it; the jobs go on.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let ids = session.resolve(given.get_many::<String>("ID").into_iter().flatten())?;
    let service = session.service()?;
    service.reconcile()?;
    let any = given.get_flag("any");
    let watched = Watched {
        ids: &ids,
        until: if any { Until::Any } else { Until::All },
        timeout: given.get_one::<Duration>("timeout").copied(),
        show: Show::parse(
            given
                .get_one::<String>("show-progress")
                .map_or("auto", String::as_str),
        ),
        may_cancel: false,
    };
    let Followed::ToTheEnd { .. } = follow(service, &watched, &Inbox::open(), &session.console)?
    else {
        return Ok(Ending::Interrupted);
    };
    let views = ids
        .iter()
        .map(|id| service.full_view(&Owner::local(), id))
        .collect::<Result<Vec<JobView>>>()?;
    let ending = ending(&views, any);
    if given.get_flag(args::JSON) {
        session.console.json(&Envelope::jobs(views))?;
    } else {
        tell(session, &views)?;
    }
    Ok(ending)
}

fn tell(session: &Session<'_>, views: &[JobView]) -> std::io::Result<()> {
    let console = &session.console;
    for view in views {
        let id = job::id(view);
        console.print(format_args!("{id} {}", summary(view)))?;
        match &view.error {
            Some(error) if view.state == ViewState::Failed => {
                console.insist(problem::failed(view, error, console));
            }
            _ if view.state == ViewState::Completed && views.len() == 1 => {
                console.say(format_args!(
                    "result: {}",
                    console.command(format_args!("jobs result {id}"))
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn summary(view: &JobView) -> String {
    match view.state {
        ViewState::Completed | ViewState::Failed | ViewState::Cancelled => job::ending(view),
        _ => format!("{} {}", job::state(view), job::doing(view))
            .trim_end()
            .to_owned(),
    }
}

fn ending(views: &[JobView], any: bool) -> Ending {
    if !any {
        return Ending::of_jobs(views);
    }
    let ended = views
        .iter()
        .map(Ending::of_job)
        .find(|ending| *ending != Ending::Running);
    ended.unwrap_or(Ending::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_any_a_job_that_still_runs_does_not_decide() {
        let views = [
            JobView::bare(ViewState::Running),
            JobView::bare(ViewState::Completed),
        ];
        assert_eq!(ending(&views, true), Ending::Ok);
        assert_eq!(ending(&views, false), Ending::Running);
        assert_eq!(ending(&views[..1], true), Ending::Running);
    }
}
