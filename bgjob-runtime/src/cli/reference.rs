//! The book's page of commands, made from the command tree; `BLESS=1 cargo test -p bgjob-runtime
//! --lib` writes it anew. A flag without its line on the page fails the test.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, Command};

use super::{args, exit_code};
use crate::app::App;
use crate::tool::output::output;
use crate::tool::registry::Registry;
use crate::tool::signature::Signature;
use crate::tool::spec::{Body, ToolSpec};

const HEAD: &str = "# Commands\n
Every command of a program that is made with bgjob, here called `tank`. `--help` behind any of them says the same.
Results go to standard output, everything else to standard error; what `--json` prints fits `job.schema.json` of
`schema --out DIR`. A program may have further commands of its own.\n";

/// A tool without arguments, so that `run` shows its own flags.
static TOOL: ToolSpec = ToolSpec::new(
    "tool",
    "reference.rs:1",
    || Signature::new(output::<()>()),
    Body::Sync(|call| call.output(&())),
);

fn page() -> String {
    let registry: &'static Registry = Box::leak(Box::new(Registry::from_specs([&TOOL]).unwrap()));
    let app = App::new("tank", "1.0.0");
    let mut command = args::command(&app, registry, &["tool".into()]);
    command.build();
    let mut page = HEAD.to_owned();
    page.push_str("\n## Options of every command\n\n");
    rows(&mut page, command.get_arguments());
    for inner in command.get_subcommands() {
        section(&mut page, inner, inner.get_name());
    }
    let _ = write!(
        page,
        "\n## Exit codes\n\n```text\n{}\n```\n",
        exit_code::HELP
    );
    page
}

/// A command, or each of those below it.
fn section(page: &mut String, command: &Command, path: &str) {
    if command.has_subcommands() {
        for inner in command.get_subcommands() {
            section(page, inner, &format!("{path} {}", inner.get_name()));
        }
        return;
    }
    let path = match path {
        "run tool" => "run TOOL",
        path => path,
    };
    let about = match path {
        "run TOOL" => {
            "Run a tool as a job, and follow it; the tool's arguments are flags, too.".into()
        }
        _ => command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    let _ = writeln!(page, "\n## `{path}`\n\n{about}\n");
    rows(
        page,
        command.get_arguments().filter(|arg| !arg.is_global_set()),
    );
    if let Some(more) = command.get_after_help().filter(|_| path != "run TOOL") {
        let more = anstream::adapter::strip_str(&more.to_string()).to_string();
        let _ = match more.contains("\n  ") {
            true => writeln!(page, "\n```text\n{}\n```", more.trim_end()),
            false => writeln!(page, "\n{}", more.trim_end()),
        };
    }
}

fn rows<'a>(page: &mut String, args: impl Iterator<Item = &'a Arg>) {
    let shown: Vec<&Arg> = args.filter(|arg| !arg.is_hide_set()).collect();
    if shown.is_empty() {
        return;
    }
    page.push_str("| argument | what it does |\n|---|---|\n");
    for arg in shown {
        let _ = writeln!(
            page,
            "| {} | {} |",
            name(arg),
            about(arg).replace('|', "\\|")
        );
    }
}

fn name(arg: &Arg) -> String {
    let value = match (arg.get_action(), arg.get_value_names()) {
        (ArgAction::Set | ArgAction::Append, Some([value, ..])) => format!(" {value}"),
        _ => String::new(),
    };
    match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("`-{short}`, `--{long}{value}`"),
        (None, Some(long)) => format!("`--{long}{value}`"),
        _ => format!("`{}`", arg.get_id()),
    }
}

fn about(arg: &Arg) -> String {
    let mut words = vec![arg.get_help().map(ToString::to_string).unwrap_or_default()];
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    if takes_value && !values.is_empty() {
        words.push(format!("One of {}.", values.join(", ")));
    }
    let defaults = arg.get_default_values().iter().filter(|_| takes_value);
    let defaults: Vec<String> = defaults
        .map(|value| format!("`{}`", value.display()))
        .collect();
    if !defaults.is_empty() {
        words.push(format!("Default: {}.", defaults.join(", ")));
    }
    if let Some(variable) = arg.get_env() {
        words.push(format!("Also `{}`.", variable.display()));
    }
    let text = words.join(". ").replace(".. ", ". ").replace("\n", " ");
    text.trim_end_matches('.').to_owned()
}

#[test]
fn the_page_of_commands_is_made_from_the_command_tree() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/reference/cli.md");
    let page = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, page, "run this test with BLESS=1");
}
