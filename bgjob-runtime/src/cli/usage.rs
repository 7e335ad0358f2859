//! Refusals of the command line itself, in the same words as all others.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};

use super::render::style::{ERROR, HELP, paint};
use crate::error::{Code, Error};

/// What clap says of a command line, and what it was about.
pub struct Slip<'a> {
    error: &'a clap::Error,
    /// The program, as it was typed.
    program: &'a str,
    /// The command that was meant, with a blank behind each of its words.
    path: String,
}

impl<'a> Slip<'a> {
    /// `error` about the words `argv` that `command` did not understand.
    pub fn new(
        error: &'a clap::Error,
        program: &'a str,
        command: &Command,
        argv: &[OsString],
    ) -> Self {
        Slip {
            error,
            program,
            path: path(command, argv),
        }
    }

    /// As `error:` and `help:` lines.
    pub fn words(&self) -> String {
        let mut lines = vec![format!(
            "{} {}",
            paint(ERROR, "error:"),
            message(self.error)
        )];
        let near = self.near().map(|name| format!("did you mean `{name}`?"));
        let helps = near.into_iter().chain(commands(self.error));
        for help in helps.chain([self.see()]) {
            lines.push(format!("{} {help}", paint(HELP, "help:")));
        }
        lines.join("\n")
    }

    /// As the error object of all other refusals.
    pub fn as_error(&self) -> Error {
        let code = match self.error.kind() {
            ErrorKind::UnknownArgument => Code::UnknownArgument,
            ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => {
                Code::MissingArgument
            }
            _ => Code::InvalidArgument,
        };
        Error::new(code, message(self.error))
            .did_you_mean(self.near())
            .remedy(format!("See {}", self.see()))
    }

    fn see(&self) -> String {
        format!("{} {}--help", self.program, self.path)
    }

    /// The known name nearest to the one that was typed, as the help spells it.
    fn near(&self) -> Option<String> {
        let kinds = [
            ContextKind::SuggestedSubcommand,
            ContextKind::SuggestedArg,
            ContextKind::SuggestedValue,
        ];
        let found = kinds.into_iter().find_map(|kind| {
            let name = self.error.get(kind).and_then(first)?;
            Some((kind, name))
        });
        found.map(|(kind, name)| match kind {
            // An argument's own name is a hidden second name of its flag.
            ContextKind::SuggestedArg if self.path.starts_with("run ") => name.replace('_', "-"),
            _ => name,
        })
    }
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

/// The command whose help tells more: the deepest that was typed. What clap says of a value that does
/// not fit does not tell.
fn path(command: &Command, argv: &[OsString]) -> String {
    let (mut command, mut path) = (command, String::new());
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word.starts_with('-') && word != "-" {
            if takes_next(command, &word) {
                words.next();
            }
            continue;
        }
        let Some(inner) = command.find_subcommand(&*word) else {
            break;
        };
        path.push_str(inner.get_name());
        path.push(' ');
        command = inner;
    }
    path
}

/// Whether the word behind this flag is its value.
fn takes_next(command: &Command, flag: &str) -> bool {
    let is_meant = |arg: &&Arg| match flag.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg
            .get_short()
            .is_some_and(|short| flag[1..] == short.to_string()),
    };
    let meant = command.get_arguments().find(is_meant);
    meant.is_some_and(|arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append))
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::*;

    fn tank() -> Command {
        let stream = Arg::new("stream")
            .long("stream")
            .short('s')
            .value_parser(["out", "err"]);
        let jobs = Command::new("jobs").subcommand_required(true).subcommand(
            Command::new("wait")
                .arg(Arg::new("any").long("any"))
                .arg(stream),
        );
        let flag = Arg::new("flow").long("flow-rate").alias("flow_rate");
        let run = Command::new("run").subcommand(Command::new("simulate").arg(flag));
        let dir = Arg::new("dir").long("dir").short('d').global(true);
        let mut tank = Command::new("tank").arg(dir).subcommands([jobs, run]);
        tank.build();
        tank
    }

    fn argv(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    fn refused(words: &[&str]) -> String {
        let (mut tank, argv) = (tank(), argv(words));
        let error = tank.try_get_matches_from_mut(&argv).unwrap_err();
        let text = Slip::new(&error, "./tank", &tank, &argv).words();
        anstream::adapter::strip_str(&text).to_string()
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
    fn a_misspelt_value_gets_its_nearest_and_the_help_of_its_command() {
        for before in [
            &["tank"][..],
            &["tank", "--dir", "run"],
            &["tank", "-d", "run"],
            &["tank", "--dir=run"],
        ] {
            let text = refused(&[before, &["jobs", "wait", "-s", "ou"]].concat());
            assert!(text.contains("help: did you mean `out`?"), "{text}");
            assert!(text.ends_with("help: ./tank jobs wait --help"), "{text}");
        }
    }

    #[test]
    fn a_flag_is_suggested_as_the_help_spells_it() {
        let text = refused(&["tank", "run", "simulate", "--flow_rat", "1"]);
        assert!(text.contains("did you mean `--flow-rate`?"), "{text}");
    }

    #[test]
    fn programs_get_the_same_as_an_object() {
        let (mut tank, argv) = (tank(), argv(&["tank", "jobs", "wait", "--ani", "x"]));
        let error = tank.try_get_matches_from_mut(&argv).unwrap_err();
        let error = Slip::new(&error, "./tank", &tank, &argv).as_error();
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
