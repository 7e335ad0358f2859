//! The command line as clap sees it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::console::MAX_HELP_WIDTH;
use super::{commands, exit_code};
use crate::app::App;
use crate::store::data_dir::DATA_DIR_VAR;
use crate::tool::registry::Registry;

/// Id of `--data-dir`.
pub const DATA_DIR: &str = "data-dir";
/// Id of `--color`.
pub const COLOR: &str = "color";
/// Id of `--quiet`.
pub const QUIET: &str = "quiet";
/// Id of `--verbose`.
pub const VERBOSE: &str = "verbose";
/// Id of `--json`.
pub const JSON: &str = "json";

/// Names of flags that mean something to every command.
pub const GLOBAL_FLAGS: [&str; 6] = [DATA_DIR, COLOR, QUIET, VERBOSE, "help", "version"];

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(super::render::style::ERROR);

/// The whole command line. The flags of a tool are built only when `argv` mentions it, since each
/// needs the tool's schema.
pub fn command(app: &App, registry: &'static Registry, argv: &[OsString]) -> Command {
    let all = root(app)
        .subcommands(commands::all(registry, argv))
        .subcommands(app.commands.iter().map(|own| own.command.clone()));
    with_help_among_globals(all)
}

/// As much of it as serving on standard input and output needs: building the rest took half of a server's start.
pub fn serving(app: &App) -> Command {
    with_help_among_globals(root(app).subcommand(commands::serve()))
}

fn root(app: &App) -> Command {
    Command::new(app.name.clone())
        .version(app.version.clone())
        .about(format!("Runs the tools of {} as background jobs", app.name))
        .styles(STYLES)
        .arg_required_else_help(false)
        .infer_long_args(false)
        .disable_help_subcommand(true)
        .subcommand_value_name("COMMAND")
        .args(global())
        .after_help(exit_code::HELP)
        .max_term_width(usize::from(MAX_HELP_WIDTH))
}

/// Help belongs to the options that mean the same everywhere, not before the arguments of a tool.
fn with_help_among_globals(command: Command) -> Command {
    let command = command
        .disable_help_flag(true)
        .disable_help_subcommand(true);
    let names: Vec<String> = command
        .get_subcommands()
        .map(|inner| inner.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_help_among_globals)
    })
}

fn global() -> [Arg; 5] {
    let heading = "Global options";
    [
        Arg::new(DATA_DIR)
            .long("data-dir")
            .value_name("DIR")
            .env(DATA_DIR_VAR)
            .hide_env_values(true)
            .value_parser(value_parser!(PathBuf))
            .help("Where jobs and state are"),
        Arg::new(COLOR)
            .long("color")
            .value_name("WHEN")
            .value_parser(["auto", "always", "never"])
            .default_value("auto")
            .hide_default_value(true)
            .help("When to use colours"),
        Arg::new(QUIET)
            .long("quiet")
            .short('q')
            .action(ArgAction::SetTrue)
            .help("Say nothing but errors on standard error"),
        Arg::new(VERBOSE)
            .long("verbose")
            .short('v')
            .action(ArgAction::Count)
            .help("Log more to standard error; twice for everything"),
        Arg::new("help")
            .long("help")
            .short('h')
            .action(ArgAction::Help)
            .help("Print help"),
    ]
    .map(|arg| arg.global(true).help_heading(heading))
}

/// The flag `--json` with what it does for this command.
pub fn json(about: &'static str) -> Arg {
    Arg::new(JSON)
        .long("json")
        .action(ArgAction::SetTrue)
        .help(about)
}

/// One job id or several.
pub fn ids(several: bool) -> Arg {
    let arg = Arg::new("ID")
        .required(true)
        .help("A job's id, or the beginning of it that no other has");
    if several { arg.num_args(1..) } else { arg }
}

/// The deepest subcommand's matches.
pub fn leaf(given: &ArgMatches) -> &ArgMatches {
    match given.subcommand() {
        Some((_, inner)) => leaf(inner),
        None => given,
    }
}

/// Whether the command was asked for JSON; for commands without the flag, no.
pub fn wants_json(given: &ArgMatches) -> bool {
    let given = leaf(given);
    // A tool that does not exist: its arguments are kept as they were typed.
    let mut typed = given.try_get_many::<OsString>("").ok().flatten();
    if typed
        .as_mut()
        .is_some_and(|words| words.any(|word| word == "--json"))
    {
        return true;
    }
    given
        .try_get_one::<bool>(JSON)
        .ok()
        .flatten()
        .copied()
        .unwrap_or(false)
}

/// The value of `--color` before anything is parsed: errors of parsing have colours, too.
pub fn early_color(argv: &[OsString]) -> Option<String> {
    let words: Vec<&str> = argv
        .iter()
        .filter_map(|word| word.to_str())
        .take_while(|word| *word != "--")
        .collect();
    let joined = words
        .iter()
        .rev()
        .find_map(|word| word.strip_prefix("--color="));
    let apart = words
        .windows(2)
        .rev()
        .find(|pair| pair[0] == "--color")
        .map(|pair| pair[1]);
    joined.or(apart).map(str::to_owned)
}

/// Whether `--json` was typed, for a command line that cannot be understood.
pub fn mentions_json(argv: &[OsString]) -> bool {
    argv.iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

/// A duration such as `90s`, `2h 30m` or `7d`.
pub fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| "a duration is written as 90s, 2h30m or 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_colour_is_known_before_parsing() {
        assert_eq!(
            early_color(&argv(&["x", "--color", "never", "run"])).as_deref(),
            Some("never")
        );
        assert_eq!(
            early_color(&argv(&["x", "--color=always"])).as_deref(),
            Some("always")
        );
        assert_eq!(early_color(&argv(&["x", "--", "--color=always"])), None);
    }

    #[test]
    fn durations_need_a_unit() {
        assert!(duration("30").is_err());
        assert_eq!(duration("1h 30m").unwrap().as_secs(), 5400);
    }
}
