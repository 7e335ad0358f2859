//! `run`: one tool as a job.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use crate::cli::args::{GLOBAL_FLAGS, JSON};
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::flags::{Flags, Setting};
use crate::cli::render::{problem, prose, quantity};
use crate::cli::session::Session;
use crate::error::{Code, Error, Result, nearest};
use crate::job::request::Request;
use crate::job::view::JobView;
use crate::tool::registry::{Registry, Tool};

use super::finish::{finish, following};

/// The flags of `run` itself: arguments of these names are reached by `--set`.
const OWN_FLAGS: [&str; 8] = [
    "input",
    "set",
    "detach",
    "after",
    "key",
    "on-finish",
    "json",
    "show-progress",
];
/// Heading of the flags of `run` itself.
pub const HEADING: &str = "Options of run";
/// No tool call is larger than this.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// `run TOOL`, a subcommand a tool.
pub fn command(registry: &'static Registry, argv: &[OsString]) -> Command {
    let tools = registry.iter().map(|tool| {
        let mentioned = argv.iter().any(|word| word == tool.spec.name);
        let command = Command::new(tool.spec.name).about(prose::summary(tool.spec.description));
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
        .about(prose::unfold(tool.spec.description))
        .args(flags.args().map(|arg| arg.help_heading(heading.clone())))
        .args(own_flags())
        .args(following())
        .after_help(flags.after_help(console::help_width()))
}

fn own_flags() -> [Arg; 5] {
    [
        Arg::new("input").long("input").value_name("FILE").help("Read the arguments from a JSON file, or from standard input with `-`; flags overrule it"),
        Arg::new("set")
            .long("set")
            .value_name("PLACE=VALUE")
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .help("Set an argument or a place in it: `tank.height=2.5`, `/feeds/0/name=raw`; the value is JSON, or a text"),
        Arg::new("after").long("after").value_name("ID").action(ArgAction::Append).help("Start when that job has completed"),
        Arg::new("on-finish").long("on-finish").value_name("COMMAND").value_parser(hook_words).help("Run this when the job has ended, whether anybody watches or not; it gets the job as JSON on its standard input. No shell takes part unless the command names one"),
        Arg::new("key").long("key").value_name("KEY").help("The same tool, key and arguments give the same job, however often this is called"),
    ]
    .map(|arg| arg.help_heading(HEADING))
}

fn hook_words(text: &str) -> Result<Vec<String>, String> {
    crate::job::hook::words(text)
        .ok_or_else(|| "a command is a program and its arguments, quoted as for a shell".to_owned())
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
        on_finish: given.get_one::<Vec<String>>("on-finish").cloned(),
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
