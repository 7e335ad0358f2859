//! `completions`: what a shell offers after a tab.

use std::io::{self, Write};

use clap::{Arg, ArgMatches, Command};
use clap_complete::{Shell, generate};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::session::{Session, program};

/// `completions`
pub fn command() -> Command {
    Command::new("completions")
        .about("Print a script that teaches a shell the commands, the tools and their flags")
        .arg(
            Arg::new("SHELL")
                .required(true)
                .value_parser(clap::builder::PossibleValuesParser::new([
                    "bash", "zsh", "fish",
                ]))
                .help("The shell"),
        )
        .after_help(
            "\
Where the script belongs:
  bash  ~/.local/share/bash-completion/completions/<program>
  zsh   a file _<program> in a directory of $fpath
  fish  ~/.config/fish/completions/<program>.fish
Write it anew when tools are added or changed.",
        )
}

/// Prints the script; needs no data directory.
///
/// # Errors
/// When standard output is closed.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let shell = match given.get_one::<String>("SHELL").map(String::as_str) {
        Some("zsh") => Shell::Zsh,
        Some("fish") => Shell::Fish,
        _ => Shell::Bash,
    };
    // The flags of a tool are built only where its name is mentioned: here, all of them.
    let tools = session.registry.iter().map(|tool| tool.spec.name.into());
    let everything: Vec<_> = tools.collect();
    let mut command = args::command(session.app, session.registry, &everything);
    let mut script = Vec::new();
    generate(shell, &mut command, program(session.app), &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Ending::Ok)
}
