//! Refusals of the command line itself, in the same words as all others.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::render::style::{ERROR, HELP, paint};

/// What clap says, as `error:` and `help:` lines.
pub fn refusal(error: &clap::Error, program: &str) -> String {
    let mut lines = vec![format!("{} {}", paint(ERROR, "error:"), message(error))];
    for help in suggestions(error) {
        lines.push(format!("{} {help}", paint(HELP, "help:")));
    }
    lines.push(format!(
        "{} {program} {}--help",
        paint(HELP, "help:"),
        path(error)
    ));
    lines.join("\n")
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

fn suggestions(error: &clap::Error) -> Vec<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let near = kinds
        .into_iter()
        .filter_map(|kind| error.get(kind))
        .filter_map(first)
        .map(|name| format!("did you mean `{name}`?"));
    let mut help: Vec<String> = near.collect();
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidSubcommand) {
        help.push(format!("the commands are {}", values.join(", ")));
    }
    help
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

    fn refused(words: &[&str]) -> String {
        let jobs = Command::new("jobs")
            .subcommand_required(true)
            .subcommand(Command::new("wait").arg(Arg::new("any").long("any")));
        let error = Command::new("tank")
            .subcommand(jobs)
            .try_get_matches_from(words)
            .unwrap_err();
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
