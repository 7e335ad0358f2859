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

use clap::error::ErrorKind;
use clap::{ArgMatches, Command};
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
use usage::Slip;

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
    if let Some(name) = clash(app, registry, &argv) {
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
    match command.try_get_matches_from_mut(&argv) {
        Ok(given) if given.subcommand().is_none() && !serving => {
            speak(app).insist(command.render_help().ansi());
            Ending::Usage
        }
        Ok(given) => obey(app, registry, &given),
        Err(error) => usage_error(app, &error, json, &command, &argv),
    }
}

/// A command of the program's own that is called like one of ours.
fn clash<'a>(app: &'a App, registry: &'static Registry, argv: &[OsString]) -> Option<&'a str> {
    if app.commands.is_empty() {
        return None;
    }
    let built_in = commands::all(registry, argv);
    let taken = |name: &str| name == "help" || built_in.iter().any(|ours| ours.get_name() == name);
    let own = app.commands.iter().map(|own| own.command.get_name());
    own.into_iter().find(|name| taken(name))
}

fn usage_error(
    app: &App,
    error: &clap::Error,
    json: bool,
    command: &Command,
    argv: &[OsString],
) -> Ending {
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
            let slip = Slip::new(error, &console.prefix, command, argv);
            console.insist(slip.words());
            if json {
                let refused = JobView::rejected(slip.as_error());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::output::output;
    use crate::tool::signature::Signature;
    use crate::tool::spec::{Body, ToolSpec};

    static TOOL: ToolSpec = ToolSpec::new(
        "tool",
        "mod.rs:1",
        || Signature::new(output::<()>()),
        Body::Sync(|call| call.output(&())),
    );

    #[test]
    fn a_command_of_ones_own_is_not_called_like_one_of_ours() {
        let registry = Box::leak(Box::new(Registry::from_specs([&TOOL]).unwrap()));
        let own =
            |name: &'static str| App::new("tank", "1").command(Command::new(name), |_| Ok(()));
        let mut names: Vec<String> = commands::all(registry, &[])
            .iter()
            .map(|ours| ours.get_name().to_owned())
            .collect();
        names.push("help".into());
        assert!(names.iter().any(|name| name == "status"), "{names:?}");
        for name in names {
            let app = own(Box::leak(name.clone().into_boxed_str()));
            assert_eq!(clash(&app, registry, &[]), Some(&*name));
        }
        assert_eq!(clash(&own("demo"), registry, &[]), None);
    }
}
