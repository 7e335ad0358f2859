//! `state`: the fields that tools share.

use std::time::SystemTime;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use super::result::print_bytes;
use super::run::read_text;
use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::quantity::{age, count, size};
use crate::cli::render::style::{FAINT, of_state};
use crate::cli::render::table::Table;
use crate::cli::reply::{Envelope, VersionView};
use crate::cli::session::Session;
use crate::clock::rfc3339;
use crate::error::{Code, Error, Result};
use crate::job::record::{FieldRecord, VersionRecord};
use crate::job::request::Owner;
use crate::job::view::ViewState;
use crate::mcp::FieldView;

/// `state`
pub fn command() -> Command {
    let field = || Arg::new("FIELD").help("A state field");
    Command::new("state")
        .about("Look at the state that tools share, and change it")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("show")
                .about("List the fields, or print the value of one")
                .arg(field())
                .arg(args::json(
                    "Print {\"state\": \"ok\", \"fields\": […]}, or the field with its value",
                )),
        )
        .subcommand(
            Command::new("set")
                .about(
                    "Set a field by hand, after checking the value against the tools that read it",
                )
                .arg(field().required(true))
                .arg(
                    Arg::new("VALUE")
                        .required_unless_present("file")
                        .allow_hyphen_values(true)
                        .help("The value as JSON; a text needs its quotes: '\"text\"'; `@FILE` reads a JSON file"),
                )
                .arg(
                    Arg::new("file")
                        .long("file")
                        .value_name("FILE")
                        .conflicts_with("VALUE")
                        .help("Read the value from a JSON file, or from standard input with `-`"),
                )
                .arg(args::json("Print the field as a JSON object")),
        )
        .subcommand(
            Command::new("history")
                .about("List the versions of a field that are kept, newest first")
                .arg(field().required(true))
                .arg(
                    Arg::new("limit")
                        .long("limit")
                        .value_name("N")
                        .value_parser(clap::value_parser!(u32).range(1..))
                        .default_value("50")
                        .help("At most so many versions"),
                )
                .arg(args::json("Print {\"state\": \"ok\", \"versions\": […]}")),
        )
        .subcommand(
            Command::new("reset")
                .about("Empty a field; jobs submitted before do not write it any more")
                .arg(field().required_unless_present("all"))
                .arg(
                    Arg::new("all")
                        .long("all")
                        .action(ArgAction::SetTrue)
                        .conflicts_with("FIELD")
                        .help("Empty every field"),
                )
                .arg(args::json("Print {\"state\": \"ok\", \"fields\": […]}")),
        )
}

/// Looks at or changes the state.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, command: &str, given: &ArgMatches) -> Outcome {
    let field = given.get_one::<String>("FIELD").map(String::as_str);
    match (command, field) {
        ("show", None) => list(session, given),
        ("show", Some(field)) => show(session, field, given),
        ("set", Some(field)) => set(session, field, given),
        ("history", Some(field)) => history(session, field, given),
        ("reset", field) => reset(session, field, given),
        _ => Ok(Ending::Usage),
    }
}

fn list(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let fields = session.service()?.state(&Owner::local())?;
    if given.get_flag(args::JSON) {
        session.console.json(&listing(&fields))?;
    } else if fields.is_empty() {
        session
            .console
            .say("the tools of this program share no state");
    } else {
        session.console.print(table(&fields))?;
    }
    Ok(Ending::Ok)
}

fn table(fields: &[FieldRecord]) -> String {
    let mut table = Table::new(&["FIELD", "VERSION", "SET", "BY", "SIZE"], console::width());
    table.keep_whole(2);
    let now = SystemTime::now();
    for field in fields {
        let name = field.field.clone();
        if field.present {
            let set = field
                .set_at
                .map(|at| format!("{} ago", age(&rfc3339(at), now)))
                .unwrap_or_default();
            let by = field.job.clone().unwrap_or_else(|| "hand".into());
            let cells = [
                name,
                field.version.to_string(),
                set,
                by,
                field.bytes.map(size).unwrap_or_default(),
            ];
            table.row(of_state(ViewState::Ok), cells);
        } else {
            table.row(
                FAINT,
                [
                    name,
                    String::new(),
                    "empty".into(),
                    String::new(),
                    String::new(),
                ],
            );
        }
    }
    table.render()
}

fn show(session: &Session<'_>, field: &str, given: &ArgMatches) -> Outcome {
    let (record, value) = session.service()?.state_value(&Owner::local(), field)?;
    if given.get_flag(args::JSON) {
        let mut shown = listing(&[record]);
        shown.reply.value = Some(value);
        session.console.json(&shown)?;
    } else {
        print_bytes(value.to_string().as_bytes(), console::out_is_terminal())?;
    }
    Ok(Ending::Ok)
}

fn history(session: &Session<'_>, field: &str, given: &ArgMatches) -> Outcome {
    let limit = given.get_one::<u32>("limit").copied().unwrap_or(50);
    let versions = session
        .service()?
        .state_history(&Owner::local(), field, limit)?;
    if given.get_flag(args::JSON) {
        session.console.json(&Envelope {
            versions: Some(versions.iter().map(version_view).collect()),
            ..Envelope::ok()
        })?;
    } else if versions.is_empty() {
        session.console.say(format_args!(
            "no version of the state field `{field}` is kept"
        ));
    } else {
        session.console.print(history_table(&versions))?;
    }
    Ok(Ending::Ok)
}

fn history_table(versions: &[VersionRecord]) -> String {
    let mut table = Table::new(&["VERSION", "SET", "BY", "SIZE"], console::width());
    table.keep_whole(1);
    let now = SystemTime::now();
    for version in versions {
        let style = if version.present {
            of_state(ViewState::Ok)
        } else {
            FAINT
        };
        table.row(
            style,
            [
                version.version.to_string(),
                format!("{} ago", age(&rfc3339(version.set_at), now)),
                version.job.clone().unwrap_or_else(|| "hand".into()),
                size(version.bytes),
            ],
        );
    }
    table.render()
}

fn version_view(version: &VersionRecord) -> VersionView {
    VersionView {
        version: version.version,
        present: version.present,
        set_by: version.job.clone(),
        set_at: rfc3339(version.set_at),
        bytes: version.bytes,
    }
}

fn set(session: &Session<'_>, field: &str, given: &ArgMatches) -> Outcome {
    let value = value(given)?;
    let record = session
        .service()?
        .state_set(&Owner::local(), field, &value)?;
    if given.get_flag(args::JSON) {
        session.console.json(&listing(&[record]))?;
    } else {
        session.console.say(format_args!(
            "state field `{field}` set: version {}",
            record.version
        ));
    }
    Ok(Ending::Ok)
}

fn value(given: &ArgMatches) -> Result<Value> {
    let (text, from) = match given.get_one::<String>("file") {
        Some(file) => (read_text(file)?, format!("`{file}`")),
        None => {
            let value = given.get_one::<String>("VALUE").cloned();
            let value = value.unwrap_or_default();
            // No JSON text begins so.
            match value.strip_prefix('@') {
                Some(file) => (read_text(file)?, format!("`{file}`")),
                None => (value.into_bytes(), "the value".to_owned()),
            }
        }
    };
    serde_json::from_slice(&text).map_err(|error| {
        Error::new(
            Code::InvalidArgument,
            format!("{from} is not JSON: {error}"),
        )
        .remedy("a text needs its double quotes, which the shell must leave in place: '\"text\"'")
    })
}

fn reset(session: &Session<'_>, field: Option<&str>, given: &ArgMatches) -> Outcome {
    let before = session.service()?.state(&Owner::local())?;
    let full = before
        .iter()
        .filter(|record| record.present && field.is_none_or(|field| field == record.field))
        .count();
    let fields = session.service()?.state_reset(&Owner::local(), field)?;
    if given.get_flag(args::JSON) {
        session.console.json(&listing(&fields))?;
    } else {
        session.console.say(match (full, field) {
            (0, Some(field)) => format!("state field `{field}` was empty already"),
            (_, Some(field)) => format!("state field `{field}` emptied"),
            (full, None) => format!("{} emptied", count(full as u64, "state field")),
        });
    }
    Ok(Ending::Ok)
}

fn listing(fields: &[FieldRecord]) -> Envelope {
    let mut envelope = Envelope::ok();
    envelope.reply.fields = Some(fields.iter().map(view).collect());
    envelope
}

fn view(field: &FieldRecord) -> FieldView {
    let known = field.present;
    FieldView {
        field: field.field.clone(),
        present: known,
        version: known.then_some(field.version),
        bytes: field.bytes.filter(|_| known),
        set_by: field.job.clone().filter(|_| known),
        set_at: field.set_at.filter(|_| known).map(rfc3339),
    }
}
