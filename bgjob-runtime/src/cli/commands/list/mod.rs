//! `jobs list`

mod screen;
mod watch;

use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::list::List;
use crate::cli::reply::Envelope;
use crate::cli::session::Session;
use crate::clock;
use crate::error::{Result, nearest};
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::store::ledger::ListFilter;

/// Jobs asked for at a time when all are wanted.
const PAGE: u32 = 1000;

/// `jobs list`
pub fn command() -> Command {
    Command::new("list")
        .about("List jobs, newest first")
        .arg(
            Arg::new("number")
                .short('n')
                .long("number")
                .value_name("N")
                .value_parser(value_parser!(u32).range(1..=1_000_000))
                .default_value("20")
                .help("At most so many"),
        )
        .arg(
            Arg::new("all")
                .short('a')
                .long("all")
                .action(ArgAction::SetTrue)
                .conflicts_with("number")
                .help("All of them"),
        )
        .arg(
            Arg::new("state")
                .long("state")
                .value_name("STATE")
                .action(ArgAction::Append)
                .value_parser(JobState::ALL.map(JobState::as_str))
                .help("Only jobs in this state"),
        )
        .arg(
            Arg::new("tool")
                .long("tool")
                .value_name("TOOL")
                .help("Only jobs of this tool"),
        )
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("AGE")
                .value_parser(args::duration)
                .help("Only jobs accepted within this time, such as 2h"),
        )
        .arg(
            Arg::new("watch")
                .long("watch")
                .short('w')
                .action(ArgAction::SetTrue)
                .help("Go on until Ctrl-C: redraw the list when something changes; without a terminal, a line for each change"),
        )
        .arg(args::json(
            "Print {\"state\": \"ok\", \"jobs\": […]}; with --watch, each job that changes on a line",
        ))
}

/// Lists jobs.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let mut filter = filter(given);
    if let Some(tool) = &filter.tool
        && session.registry.get(tool).is_none()
    {
        let known = session.registry.iter().map(|known| known.spec.name);
        let near = nearest(tool, known).map(|name| format!("; did you mean `{name}`?"));
        session.console.say(format_args!(
            "note: this program has no tool `{tool}`{}",
            near.unwrap_or_default()
        ));
    }
    let all = given.get_flag("all");
    if all {
        filter.limit = PAGE;
    }
    if given.get_flag("watch") {
        return watch::run(session, given, &filter, all);
    }
    let (views, more) = collect(session, filter, all)?;
    let console = &session.console;
    if given.get_flag(args::JSON) {
        console.json(&Envelope {
            more: more.then_some(true),
            ..Envelope::jobs(views)
        })?;
        return Ok(Ending::Ok);
    }
    if views.is_empty() {
        console.say(empty(session, given));
        return Ok(Ending::Ok);
    }
    let list = List::new(
        &views,
        SystemTime::now(),
        console::width(),
        console::out_has_colors(),
    );
    console.print(list.render())?;
    if more {
        console.say(format_args!(
            "there are more: {}",
            console.command("jobs list -a")
        ));
    }
    Ok(Ending::Ok)
}

fn filter(given: &ArgMatches) -> ListFilter {
    let states = given.get_many::<String>("state").into_iter().flatten();
    let since = given.get_one::<std::time::Duration>("since");
    ListFilter {
        states: states.filter_map(|state| state.parse().ok()).collect(),
        tool: given.get_one::<String>("tool").cloned(),
        since_ms: since.map(|age| {
            clock::now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
        }),
        before: None,
        limit: given.get_one::<u32>("number").copied().unwrap_or(20),
    }
}

fn collect(
    session: &Session<'_>,
    mut filter: ListFilter,
    all: bool,
) -> Result<(Vec<JobView>, bool)> {
    let service = session.service()?;
    // Jobs whose server died before it could start them need somebody to come by.
    let _ = service.launch();
    let mut views = Vec::new();
    loop {
        let (page, next) = service.list(&Owner::local(), &filter)?;
        views.extend(page);
        match next {
            Some(cursor) if all => filter.before = Some(cursor),
            Some(_) => return Ok((views, true)),
            None => return Ok((views, false)),
        }
    }
}

fn empty(session: &Session<'_>, given: &ArgMatches) -> String {
    let filtered = ["state", "tool", "since"]
        .into_iter()
        .any(|id| given.contains_id(id));
    let console = &session.console;
    if filtered {
        return format!(
            "no such jobs; all jobs: {}",
            console.command("jobs list -a")
        );
    }
    let tool = session
        .registry
        .iter()
        .next()
        .map_or("TOOL", |tool| tool.spec.name);
    format!(
        "no jobs yet; start one: {}",
        console.command(format_args!("run {tool}"))
    )
}
