//! `config`: the settings that bind every process on the data directory.

use clap::{Arg, ArgMatches, Command};

use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::style::LABEL;
use crate::cli::render::table::Table;
use crate::cli::reply::{Envelope, SettingView};
use crate::cli::session::Session;
use crate::store::ledger::KINDS;

/// `config`
pub fn command() -> Command {
    Command::new("config")
        .about("Look at the settings of the data directory, and change them")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(
            Command::new("show")
                .about("List the settings")
                .arg(args::json("Print the settings as a JSON object")),
        )
        .subcommand(
            Command::new("set")
                .about("Change a setting, for every process from its next look on")
                .arg(Arg::new("NAME").required(true).help("A setting"))
                .arg(Arg::new("VALUE").required(true).help("Its value"))
                .after_help(settings_help()),
        )
}

fn settings_help() -> String {
    let width = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = KINDS
        .iter()
        .map(|kind| format!("  {:width$}  {}", kind.name, kind.about))
        .collect();
    format!("Settings:\n{}", lines.join("\n"))
}

/// Looks at or changes settings.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, command: &str, given: &ArgMatches) -> Outcome {
    let service = session.service()?;
    if command == "set" {
        let text = |id| {
            given
                .get_one::<String>(id)
                .map(String::as_str)
                .unwrap_or_default()
        };
        service.configure(text("NAME"), text("VALUE"))?;
        session
            .console
            .say(format_args!("{} is {} now", text("NAME"), text("VALUE")));
        return Ok(Ending::Ok);
    }
    let settings = service.settings()?.texts();
    if given.get_flag(args::JSON) {
        let views = settings.into_iter().map(|(name, value)| SettingView {
            name: name.to_owned(),
            value,
            source: "ledger".to_owned(),
        });
        session.console.json(&Envelope {
            settings: Some(views.collect()),
            ..Envelope::ok()
        })?;
        return Ok(Ending::Ok);
    }
    let mut table = Table::new(&["SETTING", "VALUE", "MEANING"], console::width());
    table.keep_whole(2);
    for (name, value) in settings {
        let about = KINDS
            .iter()
            .find(|kind| kind.name == name)
            .map_or("", |kind| kind.about);
        table.row(LABEL, [name.to_owned(), value, about.to_owned()]);
    }
    session.console.print(table.render())?;
    Ok(Ending::Ok)
}
