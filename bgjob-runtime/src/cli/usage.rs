//! Refusals of the command line itself, in the same words as all others.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::render::style::{ERROR, HELP, paint};
use crate::error::{Code, Error};

/// What clap says, as `error:` and `help:` lines.
pub fn refusal(error: &clap::Error, program: &str) -> String {
    let mut lines = vec![format!("{} {}", paint(ERROR, "error:"), message(error))];
    let near = near(error).map(|name| format!("did you mean `{name}`?"));
    let helps = near.into_iter().chain(commands(error));
    for help in helps.chain([see(error, program)]) {
        lines.push(format!("{} {help}", paint(HELP, "help:")));
    }
    lines.join("\n")
}

/// The same as the error object of all other refusals.
pub fn as_error(error: &clap::Error, program: &str) -> Error {
    let code = match error.kind() {
        ErrorKind::UnknownArgument => Code::UnknownArgument,
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => Code::MissingArgument,
        _ => Code::InvalidArgument,
    };
    Error::new(code, message(error))
        .did_you_mean(near(error))
        .remedy(format!("See {}", see(error, program)))
}

fn see(error: &clap::Error, program: &str) -> String {
    format!("{program} {}--help", path(error))
}

/// The first line of clap's own text says best what is wrong.
fn message(error: &clap::Error) -> String {
    let text = anstream::adapter::strip_str(&error.render().to_string()).to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let flat = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let flat = flat.strip_prefix("error: ").unwrap_or(&flat).to_owned();
    match error.kind() {
        // clap lists the commands in the same line; they follow as help.
        ErrorKind::MissingSubcommand => flat.split(" but ").next().unwrap_or_default().to_owned(),
        _ => flat,
    }
}

/// The known name nearest to the one that was typed, as the help spells it.
fn near(error: &clap::Error) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let found = kinds.into_iter().find_map(|kind| {
        let name = error.get(kind).and_then(first)?;
        Some((kind, name))
    });
    found.map(|(kind, name)| match kind {
        // An argument's own name is a hidden second name of its flag.
        ContextKind::SuggestedArg if path(error).starts_with("run ") => name.replace('_', "-"),
        _ => name,
    })
}

fn commands(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::ValidSubcommand) {
        Some(ContextValue::Strings(values)) => {
            Some(format!("the commands are {}", values.join(", ")))
        }
        _ => None,
    }
}

fn first(value: &ContextValue) -> Option<String> {
    match value {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

/// The command that the usage line is about, so that the hint shows the right help.
fn path(error: &clap::Error) -> String {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else {
        return String::new();
    };
    let usage = anstream::adapter::strip_str(&usage.to_string()).to_string();
    let words = usage
        .strip_prefix("Usage: ")
        .unwrap_or(&usage)
        .split_whitespace();
    let names = words
        .skip(1)
        .take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    names.map(|name| format!("{name} ")).collect()
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn error(words: &[&str]) -> clap::Error {
        let jobs = Command::new("jobs")
            .subcommand_required(true)
            .subcommand(Command::new("wait").arg(Arg::new("any").long("any")));
        let flag = Arg::new("flow").long("flow-rate").alias("flow_rate");
        let run = Command::new("run").subcommand(Command::new("simulate").arg(flag));
        Command::new("tank")
            .subcommands([jobs, run])
            .try_get_matches_from(words)
            .unwrap_err()
    }

    fn refused(words: &[&str]) -> String {
        let error = error(words);
        anstream::adapter::strip_str(&refusal(&error, "./tank")).to_string()
    }

    #[test]
    fn a_misspelt_command_or_flag_gets_its_nearest_and_the_right_help() {
        let text = refused(&["tank", "job"]);
        assert!(
            text.starts_with("error: unrecognized subcommand 'job'\nhelp: did you mean `jobs`?"),
            "{text}"
        );
        let text = refused(&["tank", "jobs", "wait", "--ani", "x"]);
        assert!(
            text.contains("help: did you mean `--any`?")
                && text.ends_with("help: ./tank jobs wait --help"),
            "{text}"
        );
    }

    #[test]
    fn a_flag_is_suggested_as_the_help_spells_it() {
        let text = refused(&["tank", "run", "simulate", "--flow_rat", "1"]);
        assert!(text.contains("did you mean `--flow-rate`?"), "{text}");
    }

    #[test]
    fn programs_get_the_same_as_an_object() {
        let error = as_error(&error(&["tank", "jobs", "wait", "--ani", "x"]), "./tank");
        assert_eq!(
            (error.code, error.did_you_mean.as_deref()),
            (Code::UnknownArgument, Some("--any"))
        );
        assert_eq!(error.remedy.as_deref(), Some("See ./tank jobs wait --help"));
    }

    #[test]
    fn a_missing_command_names_those_there_are() {
        let text = refused(&["tank", "jobs"]);
        assert!(
            text.starts_with(
                "error: 'tank jobs' requires a subcommand\nhelp: the commands are wait"
            ),
            "{text}"
        );
    }
}
