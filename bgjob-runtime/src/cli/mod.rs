//! The command line: what is typed becomes calls of the service, and what comes back becomes text.
//!
//! Results go to standard output, everything else to standard error.

mod args;
mod commands;
mod console;
mod context;
mod exit_code;
mod failure;
mod flags;
mod follow;
mod prompt;
#[cfg(test)]
mod reference;
mod render;
mod reply;
mod session;
mod usage;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::ArgMatches;
use clap::error::ErrorKind;
use tracing::Level;

use crate::app::App;
use crate::diagnostics;
use crate::error::Error;
use crate::job::view::JobView;
use crate::tool::registry::Registry;
use console::Console;
use exit_code::Ending;
use failure::Failure;
use render::problem;
use render::style::{ERROR, paint};
use session::Session;

pub use context::Context;

/// Does what the command line asks for and says with what status to exit.
pub fn run(app: &App) -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let serving = commands::serve_is_asked(&argv);
    if serving && let Err(error) = crate::sys::stdio::claim() {
        speak(app).insist(format_args!("{} {error}", paint(ERROR, "error:")));
        return Ending::Usage.into();
    }
    console::set_color(args::early_color(&argv).as_deref().unwrap_or("auto"));
    let ending = match Registry::global() {
        Ok(registry) => with_tools(app, registry, argv, serving),
        Err(problem) => {
            speak(app).insist(format_args!("{} {problem}", paint(ERROR, "error:")));
            Ending::Usage
        }
    };
    ending.into()
}

fn with_tools(
    app: &App,
    registry: &'static Registry,
    argv: Vec<OsString>,
    serving: bool,
) -> Ending {
    if let Some(name) = clash(app) {
        speak(app).insist(format_args!(
            "{} the command `{name}` is built in; rename the one of this program",
            paint(ERROR, "error:")
        ));
        return Ending::Usage;
    }
    let mut command = match serving {
        true => args::serving(app),
        false => args::command(app, registry, &argv),
    };
    let json = args::mentions_json(&argv);
    match command.try_get_matches_from_mut(argv) {
        Ok(given) if given.subcommand().is_none() && !serving => {
            speak(app).insist(command.render_help().ansi());
            Ending::Usage
        }
        Ok(given) => obey(app, registry, &given),
        Err(error) => usage_error(app, &error, json),
    }
}

fn clash(app: &App) -> Option<&str> {
    const BUILT_IN: [&str; 11] = [
        "run",
        "jobs",
        "state",
        "config",
        "tools",
        "schema",
        "doctor",
        "serve",
        "install",
        "completions",
        "help",
    ];
    app.commands
        .iter()
        .map(|own| own.command.get_name())
        .find(|name| BUILT_IN.contains(name))
}

fn usage_error(app: &App, error: &clap::Error, json: bool) -> Ending {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has seen enough is no failure.
            let _ = error.print();
            Ending::Ok
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            speak(app).insist(error.render().ansi());
            Ending::Usage
        }
        _ => {
            let console = speak(app);
            console.insist(usage::refusal(error, &console.prefix));
            if json {
                let refused = JobView::rejected(usage::as_error(error, &console.prefix));
                // The refusal has been told; a closed pipe does not make it another.
                let _ = console.json(&refused);
            }
            Ending::Usage
        }
    }
}

/// A console for what is said before the command line is understood.
fn speak(app: &App) -> Console {
    Console {
        quiet: false,
        prefix: session::prefix(app, None),
    }
}

fn obey(app: &App, registry: &'static Registry, given: &ArgMatches) -> Ending {
    log(given);
    for warning in registry.warnings() {
        tracing::warn!("{warning}");
    }
    let session = Session::new(app, registry, given);
    match commands::dispatch(&session, given) {
        Ok(ending) => ending,
        Err(Failure::Refused(error)) => session
            .ending_of_told(&error)
            .unwrap_or_else(|| refused(&session, *error, given)),
        // `| head` has seen enough.
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ending::Ok,
        Err(Failure::Io(error)) => {
            session.console.insist(format_args!(
                "{} cannot write the output: {error}",
                paint(ERROR, "error:")
            ));
            Ending::Storage
        }
    }
}

fn refused(session: &Session<'_>, error: Error, given: &ArgMatches) -> Ending {
    let ending = Ending::of_refusal(&error);
    session
        .console
        .insist(problem::refused(&error, &session.console, None));
    if args::wants_json(given) {
        // The refusal has been told; a closed pipe does not make it another.
        let _ = session.console.json(&JobView::rejected(error));
    }
    ending
}

/// Diagnostics to standard error, as `RUST_LOG` says; else by `-v` and `-q`.
fn log(given: &ArgMatches) {
    let level = match (given.get_count(args::VERBOSE), given.get_flag(args::QUIET)) {
        (0, true) => Level::ERROR,
        (0, false) => Level::WARN,
        (1, _) => Level::INFO,
        (2, _) => Level::DEBUG,
        _ => Level::TRACE,
    };
    diagnostics::begin(level, None);
}
