//! `schema`: the JSON Schemas of the tools, as MCP clients get them.

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::run::unknown_tool;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::session::Session;
use crate::tool::registry::Tool;

/// `schema`
pub fn command() -> Command {
    Command::new("schema")
        .about("Print the JSON Schemas of the tools' arguments and results")
        .arg(Arg::new("TOOL").help("Only of this tool"))
}

/// Prints schemas; needs no data directory.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    match given.get_one::<String>("TOOL") {
        Some(name) => {
            let tool = session
                .registry
                .get(name)
                .ok_or_else(|| unknown_tool(session.registry, name))?;
            session.console.json(&as_json(tool))?;
        }
        None => {
            let tools: Vec<Value> = session.registry.iter().map(as_json).collect();
            session.console.json(&json!({"tools": tools}))?;
        }
    }
    Ok(Ending::Ok)
}

fn as_json(tool: &Tool) -> Value {
    let described = tool.described();
    json!({
        "name": tool.spec.name,
        "input_schema": *described.input_schema,
        "output_schema": *described.output_schema,
    })
}
