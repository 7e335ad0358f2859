//! `tools`: what can be run.

use std::sync::Arc;

use clap::{Arg, ArgMatches, Command};
use serde_json::{Value, json};

use super::run::{flags_of, unknown_tool};
use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::prose;
use crate::cli::render::quantity::{count, span};
use crate::cli::render::style::{LABEL, paint};
use crate::cli::render::table::Table;
use crate::cli::reply::{Envelope, members};
use crate::cli::session::Session;
use crate::job::request::Owner;
use crate::job::timing::PastRuns;
use crate::tool::registry::Tool;
use crate::tool::spec::Timeout;

/// Columns of a terminal that has room for the state fields in the list.
const STATE_FIELDS_FROM: u16 = 100;

/// `tools`
pub fn command() -> Command {
    Command::new("tools")
        .about("List the tools, or describe one")
        .arg(Arg::new("TOOL").help("A tool"))
        .arg(args::json("Print {\"state\": \"ok\", \"tools\": […]}"))
}

/// Lists or describes tools; needs no data directory, and shows how long jobs took if there is one.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let console = &session.console;
    let Some(name) = given.get_one::<String>("TOOL") else {
        if given.get_flag(args::JSON) {
            console.json(&listing(session, session.registry.iter()))?;
        } else {
            console.print(table(session))?;
            console.say(format_args!(
                "more about one: {}",
                console.command("tools TOOL")
            ));
        }
        return Ok(Ending::Ok);
    };
    let tool = session
        .registry
        .get(name)
        .ok_or_else(|| unknown_tool(session.registry, name))?;
    if given.get_flag(args::JSON) {
        console.json(&listing(session, [tool]))?;
    } else {
        console.print(describe(session, tool))?;
        console.say(format_args!(
            "\nrun it: {}",
            console.command(format_args!("run {name} --help"))
        ));
    }
    Ok(Ending::Ok)
}

/// On a narrow terminal without the state fields, which the description of each tool has, too.
fn table(session: &Session<'_>) -> String {
    let width = console::width();
    let columns = match width {
        Some(width) if width < STATE_FIELDS_FROM => &["TOOL", "ABOUT"][..],
        _ => &["TOOL", "READS", "WRITES", "ABOUT"],
    };
    let mut table = Table::new(columns, width);
    table.keep_whole(1);
    for tool in session.registry.iter() {
        let cell = |column: &&str| match *column {
            "TOOL" => tool.spec.name.to_owned(),
            "READS" => reads(tool).join(", "),
            "WRITES" => writes(tool).unwrap_or_default().to_owned(),
            _ => prose::summary(tool.spec.description),
        };
        table.row(LABEL, columns.iter().map(cell));
    }
    table.render()
}

fn reads(tool: &Tool) -> Vec<&'static str> {
    tool.signature
        .states
        .iter()
        .map(|state| state.field)
        .collect()
}

fn writes(tool: &Tool) -> Option<&'static str> {
    tool.spec.state_patch.map(|patch| patch.field)
}

fn timeout(tool: &Tool) -> String {
    match tool.spec.timeout {
        Timeout::Default => "the setting `default_timeout`".into(),
        Timeout::Never => "none".into(),
        Timeout::After(limit) => humantime::format_duration(limit).to_string(),
    }
}

/// How long the local user's last completed jobs of the tool took.
fn past(session: &Session<'_>, tool: &Tool) -> Option<Arc<PastRuns>> {
    let service = session.existing_service()?;
    service
        .past_runs(&Owner::local(), tool.spec.name)
        .ok()
        .flatten()
}

fn past_words(past: Option<&PastRuns>) -> String {
    let Some(past) = past else {
        return "no runs yet".into();
    };
    let time = |ms: u64| span(ms as f64 / 1000.0);
    format!(
        "{} typically, 95 % within {} ({})",
        time(past.median_ms()),
        time(past.p95_ms()),
        count(past.runs(), "run"),
    )
}

fn past_json(past: Option<&PastRuns>) -> Value {
    match past {
        Some(past) => json!({
            "runs": past.runs(),
            "median_s": past.median_ms() as f64 / 1000.0,
            "p95_s": past.p95_ms() as f64 / 1000.0,
        }),
        None => json!({"runs": 0}),
    }
}

fn describe(session: &Session<'_>, tool: &Tool) -> String {
    let spec = tool.spec;
    let mut lines = vec![paint(LABEL, spec.title.unwrap_or(spec.name))];
    lines.extend(
        Some(prose::fit(spec.description, console::help_width()))
            .filter(|text| !text.is_empty())
            .map(|text| format!("{text}\n")),
    );
    let mut fact = |name: &str, value: String| {
        lines.push(format!(
            "{} {value}",
            paint(LABEL, format_args!("{name:<16}"))
        ))
    };
    fact("takes", past_words(past(session, tool).as_deref()));
    fact("timeout", timeout(tool));
    if let Some(limit) = spec.max_concurrent {
        fact("at most at once", limit.to_string());
    }
    if spec.priority != 0 {
        fact("priority", spec.priority.to_string());
    }
    if !reads(tool).is_empty() {
        fact("reads state", reads(tool).join(", "));
    }
    if let Some(patch) = spec.state_patch {
        let part = if patch.pointer.is_empty() {
            String::new()
        } else {
            format!(", the result's {}", patch.pointer)
        };
        fact("writes state", format!("{}{part}", patch.field));
    }
    if !spec.pass_env.is_empty() {
        fact("environment", spec.pass_env.join(", "));
    }
    let arguments = flags_of(tool).overview(console::help_width());
    lines.push(format!(
        "\n{}",
        if arguments.is_empty() {
            "It takes no arguments."
        } else {
            &arguments
        }
    ));
    lines.join("\n")
}

fn listing<'a>(session: &Session<'_>, tools: impl IntoIterator<Item = &'a Tool>) -> Envelope {
    let tools = tools
        .into_iter()
        .map(|tool| members(as_json(session, tool)));
    Envelope {
        tools: Some(tools.collect()),
        ..Envelope::ok()
    }
}

fn as_json(session: &Session<'_>, tool: &Tool) -> Value {
    let spec = tool.spec;
    let mut shown = json!({
        "name": spec.name,
        "title": spec.title,
        "description": spec.description.trim(),
        "timeout": match spec.timeout {
            Timeout::Default => Value::Null,
            Timeout::Never => "none".into(),
            Timeout::After(limit) => humantime::format_duration(limit).to_string().into(),
        },
        "takes": past_json(past(session, tool).as_deref()),
        "max_concurrent": spec.max_concurrent,
        "priority": spec.priority,
        "reads": reads(tool),
        "writes": writes(tool),
        "arguments": flags_of(tool).names().collect::<Vec<_>>(),
    });
    if let Value::Object(facts) = &mut shown {
        facts.retain(|_, fact| !fact.is_null());
    }
    shown
}
