//! `run`: one tool as a job.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use crate::cli::args::{self, GLOBAL_FLAGS, JSON};
use crate::cli::console::{self, Console};
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::flags::{Flags, Setting};
use crate::cli::follow::{Followed, Inbox, Show, Watched, follow};
use crate::cli::render::{job, problem, quantity};
use crate::cli::session::Session;
use crate::error::{Code, Error, Result, nearest};
use crate::job::id::JobId;
use crate::job::request::{Owner, Request};
use crate::job::view::{JobView, ViewState};
use crate::service::Until;
use crate::tool::registry::{Registry, Tool};

use super::result::copy_out;

/// The flags of `run` itself: arguments of these names are reached by `--set`.
const OWN_FLAGS: [&str; 7] = [
    "input",
    "set",
    "detach",
    "after",
    "key",
    "json",
    "show-progress",
];
const HEADING: &str = "Options of run";
/// No tool call is larger than this.
const MAX_INPUT_BYTES: u64 = 64 << 20;
/// A larger result is not poured into a terminal unasked.
const TERMINAL_RESULT_BYTES: u64 = 64 << 10;

/// `run TOOL`, a subcommand a tool.
pub fn command(registry: &'static Registry, argv: &[OsString]) -> Command {
    let tools = registry.iter().map(|tool| {
        let mentioned = argv.iter().any(|word| word == tool.spec.name);
        let command = Command::new(tool.spec.name).about(first_line(tool.spec.description));
        if mentioned {
            with_flags(command, tool)
        } else {
            command
        }
    });
    Command::new("run")
        .about("Run a tool as a job, and follow it")
        .subcommand_value_name("TOOL")
        .subcommand_help_heading("Tools")
        .disable_help_subcommand(true)
        .arg_required_else_help(true)
        .allow_external_subcommands(true)
        .subcommands(tools)
}

/// The flags for the arguments of `tool`.
pub fn flags_of(tool: &Tool) -> Flags {
    let taken: Vec<&str> = OWN_FLAGS.into_iter().chain(GLOBAL_FLAGS).collect();
    Flags::of(&tool.described().input_schema, &taken, |name| {
        tool.signature.is_secret(name)
    })
}

fn with_flags(command: Command, tool: &Tool) -> Command {
    let flags = flags_of(tool);
    let heading = format!("Arguments of {}", tool.spec.name);
    command
        .about(tool.spec.description.trim().to_owned())
        .args(flags.args().map(|arg| arg.help_heading(heading.clone())))
        .args(own_flags())
        .args(following())
        .after_help(flags.after_help(console::help_width()))
}

fn own_flags() -> [Arg; 4] {
    [
        Arg::new("input").long("input").value_name("FILE").help("Read the arguments from a JSON file, or from standard input with `-`; flags overrule it"),
        Arg::new("set")
            .long("set")
            .value_name("PLACE=VALUE")
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .help("Set an argument or a place in it: `tank.height=2.5`, `/feeds/0/name=raw`; the value is JSON, or a text"),
        Arg::new("after").long("after").value_name("ID").action(ArgAction::Append).help("Start when that job has completed"),
        Arg::new("key").long("key").value_name("KEY").help("The same tool, key and arguments give the same job, however often this is called"),
    ]
    .map(|arg| arg.help_heading(HEADING))
}

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

/// Runs the tool `name`.
///
/// # Errors
/// What stopped it; no job exists then.
pub fn run(session: &Session<'_>, name: &str, given: &ArgMatches) -> Outcome {
    let tool = session
        .registry
        .get(name)
        .ok_or_else(|| unknown_tool(session.registry, name))?;
    let flags = flags_of(tool);
    let refused = |error| refused_with_flags(session, error, &flags, given);
    let request = match request(session, name, &flags, given) {
        Ok(request) => request,
        Err(error) => return refused(error),
    };
    let service = session.service()?;
    match service.submit(request) {
        Ok(view) => finish(session, &view, given),
        Err(error) => refused(error),
    }
}

/// There is no tool `name`.
pub fn unknown_tool(registry: &Registry, name: &str) -> Error {
    let names: Vec<&str> = registry.iter().map(|tool| tool.spec.name).collect();
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    Error::new(Code::InvalidArgument, format!("there is no tool `{shown}`"))
        .did_you_mean(nearest(name, names.iter().copied()))
        .remedy(format!("the tools are {}", names.join(", ")))
}

fn request(
    session: &Session<'_>,
    tool: &str,
    flags: &Flags,
    given: &ArgMatches,
) -> Result<Request> {
    let base = given
        .get_one::<String>("input")
        .map(|file| read_input(file))
        .transpose()?
        .unwrap_or_default();
    let invalid = |why| Error::new(Code::InvalidArgument, why);
    let settings = given
        .get_many::<String>("set")
        .into_iter()
        .flatten()
        .map(|text| Setting::parse(text));
    let settings: Vec<Setting> = settings.collect::<Result<_, _>>().map_err(|why| {
        invalid(why).remedy("write --set place=value, such as --set tank.height=2.5")
    })?;
    let input = flags.collect(base, given, &settings).map_err(invalid)?;
    let after: Vec<&String> = given.get_many("after").into_iter().flatten().collect();
    Ok(Request {
        after: if after.is_empty() {
            Vec::new()
        } else {
            session.resolve(after.into_iter())?
        },
        idempotency_key: given.get_one::<String>("key").cloned(),
        ..Request::local(tool, input)
    })
}

/// The arguments in a file, or on standard input for `-`.
pub fn read_input(file: &str) -> Result<Map<String, Value>> {
    let text = read_text(file)?;
    let invalid = |why: String| {
        Error::new(
            Code::InvalidArgument,
            format!("`{file}` holds no arguments: {why}"),
        )
    };
    match serde_json::from_slice(&text) {
        Ok(Value::Object(input)) => Ok(input),
        Ok(_) => Err(invalid("it is not a JSON object".into())
            .remedy("write the arguments as {\"name\": value, …}")),
        Err(error) => Err(invalid(format!("it is not JSON: {error}"))),
    }
}

/// What a file that the user named holds, or standard input for `-`.
pub fn read_text(file: &str) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = if file == "-" {
        io::stdin()
            .lock()
            .take(MAX_INPUT_BYTES + 1)
            .read_to_end(&mut text)
    } else {
        File::open(file).and_then(|opened| opened.take(MAX_INPUT_BYTES + 1).read_to_end(&mut text))
    };
    match read {
        Ok(bytes) if bytes as u64 > MAX_INPUT_BYTES => Err(Error::new(
            Code::TooLarge,
            format!("`{file}` has more than {}", quantity::size(MAX_INPUT_BYTES)),
        )),
        Ok(_) => Ok(text),
        Err(error) => Err(Error::new(
            Code::InvalidArgument,
            format!("cannot read `{file}`: {error}"),
        )),
    }
}

/// The refusal of a call with the tool's flags in its help.
fn refused_with_flags(
    session: &Session<'_>,
    error: Error,
    flags: &Flags,
    given: &ArgMatches,
) -> Result<Ending, Failure> {
    let ending = Ending::of_refusal(&error);
    session
        .console
        .insist(problem::refused(&error, &session.console, Some(flags)));
    if given.get_flag(JSON) {
        session.console.json(&JobView::rejected(error))?;
    }
    Ok(ending)
}

/// What follows a submission: start it, then leave or watch.
///
/// # Errors
/// What stopped it; the job exists and goes on.
pub fn finish(session: &Session<'_>, submitted: &JobView, given: &ArgMatches) -> Outcome {
    let json = given.get_flag(JSON);
    if given.get_flag("detach") {
        launch(session)?;
        let id = job::id(submitted);
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
    let Some(views) = follow_jobs(session, std::slice::from_ref(submitted), show)? else {
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

/// Starts what can start. A job that cannot be started now stays queued: that is worth a word, not
/// a failure.
fn launch(session: &Session<'_>) -> Result<()> {
    if let Err(error) = session.service()?.launch() {
        session.console.insist(format_args!("warning: {error}"));
    }
    Ok(())
}

/// Starts jobs, tells their ids, watches them, tells how they ended. `None` when Ctrl-C detached.
///
/// # Errors
/// What stopped it; the jobs go on.
pub fn follow_jobs(
    session: &Session<'_>,
    submitted: &[JobView],
    show: Show,
) -> Result<Option<Vec<JobView>>, Failure> {
    let (service, console) = (session.service()?, &session.console);
    launch(session)?;
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
    let Followed::ToTheEnd = follow(service, &watched, &inbox, console)? else {
        return Ok(None);
    };
    let views = ids
        .iter()
        .map(|id| service.full_view(&Owner::local(), id))
        .collect::<Result<Vec<_>>>()?;
    views
        .iter()
        .for_each(|view| tell_end(view, &views, console));
    Ok(Some(views))
}

fn hello(view: &JobView) -> String {
    let again = if view.replayed == Some(true) {
        " (an earlier job of the same key)"
    } else {
        ""
    };
    format!("job {}{again}", job::id(view))
}

/// How `view`, one of `all`, ended.
fn tell_end(view: &JobView, all: &[JobView], console: &Console) {
    let id = job::id(view);
    match &view.error {
        // The failure of the job that it waited for is told at length.
        Some(error) if error.code == Code::DependencyFailed && all.len() > 1 => {
            console.say(format_args!("{id} {}: {error}", job::ending(view)));
        }
        Some(error) if view.state == ViewState::Failed => {
            console.insist(problem::failed(id, error, view.dir.as_deref(), console));
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

/// The first line of a documentation.
pub fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().to_owned()
}
