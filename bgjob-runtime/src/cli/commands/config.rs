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
use crate::service::config::SettingInForce;
use crate::store::ledger::KINDS;

/// Columns of a terminal that has room for what the settings mean.
const MEANING_FROM: u16 = 80;

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
        .subcommand(
            Command::new("unset")
                .about("Take back what `config set` said of a setting")
                .arg(Arg::new("NAME").required(true).help("A setting")),
        )
}

fn settings_help() -> String {
    let width = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = KINDS
        .iter()
        .map(|kind| format!("  {:width$}  {}", kind.name, kind.about))
        .collect();
    format!(
        "Settings:\n{}\n\nA setting that nobody has set here comes from its variable ({}, …), else from\nconfig.toml in the data directory, else from the program.",
        lines.join("\n"),
        KINDS[0].variable
    )
}

/// Looks at or changes settings.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, command: &str, given: &ArgMatches) -> Outcome {
    let (service, console) = (session.service()?, &session.console);
    let text = |id| given.get_one::<String>(id).map_or("", String::as_str);
    match command {
        "set" => {
            service.configure(text("NAME"), text("VALUE"))?;
            console.say(format_args!("{} is {} now", text("NAME"), text("VALUE")));
        }
        "unset" => {
            service.unset(text("NAME"))?;
            let settings = service.settings_in_force()?;
            let now = settings.iter().find(|setting| setting.name == text("NAME"));
            console.say(now.map_or_else(String::new, |now| {
                format!("{} is {} now, by {}", now.name, now.value, now.source)
            }));
        }
        _ => return show(session, given),
    }
    Ok(Ending::Ok)
}

fn show(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let settings = session.service()?.settings_in_force()?;
    if given.get_flag(args::JSON) {
        let views = settings.into_iter().map(|setting| SettingView {
            name: setting.name.to_owned(),
            value: setting.value,
            source: setting.source.to_owned(),
        });
        session.console.json(&Envelope {
            settings: Some(views.collect()),
            ..Envelope::ok()
        })?;
        return Ok(Ending::Ok);
    }
    let width = console::width();
    let columns = match width {
        Some(width) if width < MEANING_FROM => &["SETTING", "VALUE", "FROM"][..],
        _ => &["SETTING", "VALUE", "FROM", "MEANING"],
    };
    let mut table = Table::new(columns, width);
    table.keep_whole(1);
    for (setting, kind) in settings.iter().zip(&KINDS) {
        let value = match &*setting.value {
            "" => "none".to_owned(),
            value => value.to_owned(),
        };
        let cells = [
            setting.name.to_owned(),
            value,
            setting.source.to_owned(),
            kind.about.to_owned(),
        ];
        table.row(LABEL, cells.into_iter().take(columns.len()));
    }
    session.console.print(table.render())?;
    if columns.len() < 4 {
        session.console.say(format_args!(
            "what they mean: {}",
            session.console.command("config set --help")
        ));
    }
    for words in settings.iter().filter_map(SettingInForce::overruled_words) {
        session.console.say(format_args!("note: {words}"));
    }
    Ok(Ending::Ok)
}
