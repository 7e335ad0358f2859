//! The book's page of commands, made from the command tree; `BLESS=1 cargo test -p bgjob-runtime
//! --lib` writes it anew. A flag without its line on the page fails the test.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, Command};

use super::{args, exit_code};
use crate::app::App;
use crate::service::config::OWN;
use crate::store::ledger::{KINDS, Settings};
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

const SETTINGS: &str = "# Settings\n
Settings that bind every process on a data directory are kept in its ledger. `config show` and `doctor` list each value
and where it comes from; `config set` changes one for all processes from their next look on, and is the last word until
`config unset`. What nobody has set so comes from the environment of whoever opens the directory, else from `config.toml`
in it, else from the builder of the program, else it is the default.\n
`config.toml` has the names below as its keys. A key that does not exist, or a value that does not fit, is an error with
its place: a typing mistake must not turn a limit off.\n
```toml
max_jobs = 4
retention = \"30d\"
on_finish = [\"notify-send\", \"a job has ended\"]
```\n
| setting | meaning | variable | builder | default |\n|---|---|---|---|---|\n";

const OF_ONE: &str = "\n## Of one process\n
The first that says something counts: the flag, the variable, the builder.\n
| setting | meaning | flag | variable | builder | default |\n|---|---|---|---|---|---|\n";

fn settings_page() -> String {
    let mut page = SETTINGS.to_owned();
    let builder = |call: Option<&str>| call.map_or(String::new(), |call| format!("`App::{call}`"));
    let defaults = Settings::default().texts();
    for (kind, (name, default)) in KINDS.iter().zip(defaults) {
        let default = match (name, &*default) {
            ("max_jobs", _) => "half the cores, at least 2".to_owned(),
            (_, "") => "none".to_owned(),
            (_, default) => format!("`{default}`"),
        };
        let _ = writeln!(
            page,
            "| `{name}` | {} | `{}` | {} | {default} |",
            kind.about,
            kind.variable,
            builder(kind.builder)
        );
    }
    page.push_str(OF_ONE);
    for own in OWN {
        let quoted = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        };
        let flag = own.flag.map_or(String::new(), |flag| format!("`{flag}`"));
        let (variables, builder) = (quoted(own.variables), builder(own.builder));
        let _ = writeln!(
            page,
            "| {} | {} | {flag} | {variables} | {builder} | {} |",
            own.name, own.about, own.default
        );
    }
    page
}

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

fn is_made_from_the_code(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/reference");
    let path = path.join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, page, "run this test with BLESS=1");
}

#[test]
fn the_page_of_commands_is_made_from_the_command_tree() {
    is_made_from_the_code("cli.md", &page());
}

#[test]
fn the_page_of_settings_is_made_from_their_table() {
    is_made_from_the_code("settings.md", &settings_page());
}
