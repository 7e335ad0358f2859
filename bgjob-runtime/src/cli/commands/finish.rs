//! What follows a submission: start the job, leave or watch it, tell how it ended.

use std::io::{self, IsTerminal};

use clap::{Arg, ArgAction, ArgMatches};

use super::result::copy_out;
use super::run::HEADING;
use crate::cli::args::{self, JSON};
use crate::cli::console::{self, Console};
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::follow::{Followed, Inbox, Show, Watched, follow};
use crate::cli::render::style::{HELP, WARNING, paint};
use crate::cli::render::{job, problem, quantity};
use crate::cli::session::Session;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};
use crate::service::Until;

/// A larger result is not poured into a terminal unasked.
const TERMINAL_RESULT_BYTES: u64 = 64 << 10;

/// The flags of commands that start a job.
pub fn following() -> [Arg; 3] {
    [
        Arg::new("detach")
            .long("detach")
            .action(ArgAction::SetTrue)
            .help("Print the job's id and leave"),
        args::json("Print the job with its result as one JSON object"),
        Arg::new("show-progress")
            .long("show-progress")
            .value_name("HOW")
            .value_parser(Show::VALUES)
            .default_value("auto")
            .hide_default_value(true)
            .help("How to show progress; auto: a bar on a terminal, lines elsewhere"),
    ]
    .map(|arg| arg.help_heading(HEADING))
}

/// What follows a submission: start it, then leave or watch.
///
/// # Errors
/// What stopped it; the job exists and goes on.
pub fn finish(session: &Session<'_>, submitted: &JobView, given: &ArgMatches) -> Outcome {
    let json = given.get_flag(JSON);
    if given.get_flag("detach") {
        let id = job::id(submitted);
        if let Err(error) = session.service()?.launch() {
            stays_queued(session, std::slice::from_ref(submitted), &error);
        }
        if json {
            session.console.json(submitted)?;
        } else {
            session.console.print(id)?;
        }
        session.console.say(format_args!(
            "watch it: {}",
            session.console.command(format_args!("jobs wait {id}"))
        ));
        return Ok(Ending::Ok);
    }
    let show = Show::parse(
        given
            .get_one::<String>("show-progress")
            .map_or("auto", String::as_str),
    );
    let followed = follow_jobs(session, std::slice::from_ref(submitted), show);
    if json && !matches!(followed, Ok(Some(_))) {
        // The job exists, whatever became of watching it.
        session.console.json(&now(session, submitted))?;
    }
    let Some(views) = followed? else {
        return Ok(Ending::Interrupted);
    };
    let view = views.first().unwrap_or(submitted);
    if json {
        session.console.json(view)?;
    } else if view.state == ViewState::Completed {
        print_result(session, view)?;
    }
    Ok(Ending::of_job(view))
}

/// The job as it is now, or as it was when it was accepted.
fn now(session: &Session<'_>, submitted: &JobView) -> JobView {
    let view = submitted.job_id.as_ref().and_then(|id| {
        let service = session.service().ok()?;
        service.full_view(&Owner::local(), id).ok()
    });
    view.unwrap_or_else(|| submitted.clone())
}

/// Says that `jobs` are accepted although nothing can be started or watched now, and what to do.
fn stays_queued(session: &Session<'_>, jobs: &[JobView], why: &Error) {
    let console = &session.console;
    let ids: Vec<&str> = jobs.iter().map(job::id).collect();
    let ids = ids.join(" ");
    let (are, them) = match jobs.len() {
        1 => ("is", "it"),
        _ => ("are", "them"),
    };
    let wait = console.command(format_args!("jobs wait {ids}"));
    let cancel = console.command(format_args!("jobs cancel {ids}"));
    console.insist(format_args!(
        "{} {why}\n  {ids} {are} accepted and not lost\n{} mend that, then start and watch {them}: {wait}\n{} or give {them} up: {cancel}",
        paint(WARNING, "warning:"),
        paint(HELP, "help:"),
        paint(HELP, "help:"),
    ));
}

/// Starts jobs, tells their ids, watches them, tells how they ended. `None` when Ctrl-C detached.
///
/// # Errors
/// What stopped it, after telling that the jobs go on.
pub fn follow_jobs(
    session: &Session<'_>,
    submitted: &[JobView],
    show: Show,
) -> Result<Option<Vec<JobView>>, Failure> {
    let watched = watch(session, submitted, show);
    match watched {
        Err(Failure::Refused(error)) if error.code != Code::JobNotFound => {
            stays_queued(session, submitted, &error);
            Err(session.has_told(*error, Ending::Running).into())
        }
        other => other,
    }
}

fn watch(
    session: &Session<'_>,
    submitted: &[JobView],
    show: Show,
) -> Result<Option<Vec<JobView>>, Failure> {
    let (service, console) = (session.service()?, &session.console);
    service.launch()?;
    let inbox = Inbox::open();
    // Only now are the jobs safe from whatever happens to this process and its group.
    if submitted.len() == 1 || show == Show::None {
        submitted.iter().for_each(|view| console.say(hello(view)));
    }
    let ids: Vec<JobId> = submitted
        .iter()
        .filter_map(|view| view.job_id.clone())
        .collect();
    let watched = Watched {
        ids: &ids,
        until: Until::All,
        timeout: None,
        show,
        may_cancel: true,
    };
    let Followed::ToTheEnd { told } = follow(service, &watched, &inbox, console)? else {
        return Ok(None);
    };
    let views = ids
        .iter()
        .map(|id| service.full_view(&Owner::local(), id))
        .collect::<Result<Vec<_>>>()?;
    for view in &views {
        // Of what was told already, only the failures are worth more words.
        if !told || is_failure(view, &views) {
            tell_end(view, &views, console);
        }
    }
    Ok(Some(views))
}

fn hello(view: &JobView) -> String {
    let again = if view.replayed == Some(true) {
        " (an earlier job of the same call)"
    } else {
        ""
    };
    format!("job {}{again}", job::id(view))
}

/// Whether `view`, one of `all`, failed by itself: the failure of a job that another one waited for
/// is told once, at length.
fn is_failure(view: &JobView, all: &[JobView]) -> bool {
    let alone = all.len() == 1;
    let code = view.error.as_ref().map(|error| error.code);
    view.state == ViewState::Failed && (alone || code != Some(Code::DependencyFailed))
}

/// How `view`, one of `all`, ended.
fn tell_end(view: &JobView, all: &[JobView], console: &Console) {
    let id = job::id(view);
    match &view.error {
        Some(error) if is_failure(view, all) => {
            console.insist(problem::failed(view, error, console));
        }
        Some(error) if error.code == Code::DependencyFailed => {
            console.say(format_args!("{id} {}: {error}", job::ending(view)))
        }
        _ => console.say(format_args!("{id} {}", job::ending(view))),
    }
}

fn print_result(session: &Session<'_>, view: &JobView) -> Result<(), Failure> {
    let (Some(id), bytes) = (&view.job_id, view.bytes.unwrap_or(0)) else {
        return Ok(());
    };
    if io::stdout().is_terminal() && bytes > TERMINAL_RESULT_BYTES {
        let console = &session.console;
        console.insist(format_args!(
            "the result has {}, too much for a terminal\n  save it:   {}\n  show all:  {}",
            quantity::size(bytes),
            console.command(format_args!("jobs result {id} -o result.json")),
            console.command(format_args!("jobs result {id}")),
        ));
        return Ok(());
    }
    let path = session.service()?.results_path(&Owner::local(), id)?;
    copy_out(&path, console::out_is_terminal())
}
