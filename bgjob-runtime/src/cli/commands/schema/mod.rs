//! `schema`: the JSON Schemas of the tools, for clients and for code generators.

mod check;
mod export;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Map, Value, json};

use self::export::Export;
use super::run::unknown_tool;
use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::session::Session;
use crate::error::{Code, Error};
use crate::tool::registry::Tool;
use crate::tool::schema::lints::Lint;
use crate::tool::schema::named::{self, Subject};
use crate::tool::schema::strict::strict;

const HELP: &str = "\
Profiles:
  wire    what MCP clients and models get: no references, no unknown formats
  named   for code generators: every type under its name, JSON Schema 2020-12
  strict  for strict function calling: all keys required, absence is null, no bounds

`--out` writes all of them, and their draft-07 twins. `--check` exits with 1 where a caller could break.";

/// `schema`
pub fn command() -> Command {
    Command::new("schema")
        .about("Print the JSON Schemas of the tools' arguments and results")
        .arg(Arg::new("TOOL").help("Only of this tool"))
        .arg(
            Arg::new("profile")
                .long("profile")
                .value_name("PROFILE")
                .value_parser(PossibleValuesParser::new(["wire", "named", "strict"]))
                .default_value("wire")
                .help("Which shape of schema"),
        )
        .arg(
            folder("out")
                .help("Write every schema of every tool below this folder")
                .conflicts_with_all(["TOOL", "check"]),
        )
        .arg(
            folder("check")
                .help("Compare with what --out wrote there: what changed for callers, and lints")
                .conflicts_with("TOOL"),
        )
        .arg(args::json("Print what --check finds as JSON").requires("check"))
        .after_help(HELP)
}

fn folder(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
}

/// Prints, writes or compares schemas; needs no data directory.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    if let Some(dir) = given.get_one::<PathBuf>("check") {
        return check::run(session, dir, given.get_flag(args::JSON));
    }
    if let Some(dir) = given.get_one::<PathBuf>("out") {
        let export = Export::of(session.app, session.registry)?;
        export
            .write(dir)
            .map_err(|error| Error::storage(format_args!("write to {}", dir.display()), error))?;
        let written = export.files.len();
        session
            .console
            .say(format_args!("{written} files in {}", dir.display()));
        return Ok(Ending::Ok);
    }
    print(session, given)
}

fn print(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let profile = given
        .get_one::<String>("profile")
        .map_or("wire", String::as_str);
    let server = &session.app.name;
    match given.get_one::<String>("TOOL") {
        Some(name) => {
            let tool = session
                .registry
                .get(name)
                .ok_or_else(|| unknown_tool(session.registry, name))?;
            let shown = as_json(tool, profile, server).map_err(|lint| no_strict(tool, &lint))?;
            session.console.json(&shown)?;
        }
        None => {
            let tools: Vec<Value> = session
                .registry
                .iter()
                .map(|tool| {
                    as_json(tool, profile, server).unwrap_or_else(
                        |lint| json!({"name": tool.name(), "input_schema": null, "lint": lint}),
                    )
                })
                .collect();
            session.console.json(&json!({"tools": tools}))?;
        }
    }
    Ok(Ending::Ok)
}

fn as_json(tool: &Tool, profile: &str, server: &str) -> Result<Value, Lint> {
    let described = tool.described();
    Ok(match profile {
        "named" => {
            let (input, output) = both_named(tool, server);
            json!({ "name": tool.name(), "input_schema": input, "output_schema": output })
        }
        "strict" => json!({
            "name": tool.name(),
            "input_schema": strict(&described.input_schema)?,
        }),
        _ => json!({
            "name": tool.name(),
            "input_schema": *described.input_schema,
            "output_schema": **tool.output_schema(),
        }),
    })
}

/// The arguments and the result of a tool in the profile `named`.
fn both_named(tool: &Tool, server: &str) -> (Map<String, Value>, Map<String, Value>) {
    let subject = |part| Subject {
        server,
        name: tool.name(),
        part,
    };
    (
        named::input(&tool.signature, subject("input")),
        named::output(tool.signature.output, subject("result")),
    )
}

fn no_strict(tool: &Tool, lint: &Lint) -> Failure {
    let (name, rule) = (tool.name(), lint.rule.as_str());
    Error::new(
        Code::InvalidArgument,
        format!("the arguments of `{name}` have no strict form"),
    )
    .at(&lint.at)
    .remedy(format!("{rule}: {}", lint.rule.about()))
    .into()
}
