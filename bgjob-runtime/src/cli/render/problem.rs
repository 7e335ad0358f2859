//! Errors as `error:`, `at:`, `help:`.

use super::plain;
use super::style::{ERROR, FAINT, HELP, LABEL, paint};
use crate::cli::console::Console;
use crate::cli::flags::Flags;
use crate::error::{Code, Error};

/// Longest message on one line, in characters.
const MAX_MESSAGE: usize = 600;

/// A refused call, with the next step in the words of the command line. `flags` are those of the
/// tool that was called.
pub fn refused(error: &Error, console: &Console, flags: Option<&Flags>) -> String {
    let mut lines = vec![format!(
        "{} {}",
        paint(ERROR, "error:"),
        plain::line(&error.message, MAX_MESSAGE)
    )];
    if let Some(at) = &error.at {
        let place = flags
            .and_then(|flags| flags.place(at))
            .unwrap_or_else(|| at.clone());
        lines.push(format!(
            "  {} {}",
            paint(LABEL, "at:"),
            plain::line(&place, MAX_MESSAGE)
        ));
    }
    lines.extend(other_problems(error));
    for help in help(error, console, flags) {
        lines.push(format!("{} {help}", paint(HELP, "help:")));
    }
    lines.join("\n")
}

/// Further problems of the same call, found in the same pass.
fn other_problems(error: &Error) -> Vec<String> {
    let problems = error
        .details
        .as_ref()
        .and_then(|details| details["problems"].as_array());
    problems
        .into_iter()
        .flatten()
        .filter_map(|problem| {
            let message = problem["message"].as_str()?;
            (message != error.message).then(|| {
                format!(
                    "  {} {}",
                    paint(LABEL, "and:"),
                    plain::line(message, MAX_MESSAGE)
                )
            })
        })
        .collect()
}

fn help(error: &Error, console: &Console, flags: Option<&Flags>) -> Vec<String> {
    let argument = error
        .at
        .as_deref()
        .and_then(|at| at.strip_prefix('/'))
        .unwrap_or_default();
    let usage = flags.and_then(|flags| flags.usage(argument));
    match (error.code, usage, &error.did_you_mean) {
        (Code::JobNotFound, ..) => vec![format!(
            "list the jobs: {}",
            console.command("jobs list -a")
        )],
        (Code::MissingArgument, Some(usage), _) => vec![format!("add {usage}")],
        (Code::UnknownArgument, _, near) => {
            let near = near
                .as_deref()
                .and_then(|near| flags.and_then(|flags| flags.usage(near)));
            near.map(|near| format!("did you mean {near}?"))
                .into_iter()
                .chain(all_arguments(flags))
                .collect()
        }
        (_, _, near) => {
            let near = near.as_ref().map(|near| format!("did you mean `{near}`?"));
            near.into_iter()
                .chain(
                    error
                        .remedy
                        .as_deref()
                        .map(|remedy| plain::line(remedy, MAX_MESSAGE)),
                )
                .collect()
        }
    }
}

fn all_arguments(flags: Option<&Flags>) -> Option<String> {
    let flags = flags?;
    let usages: Vec<String> = flags.names().filter_map(|name| flags.usage(name)).collect();
    Some(if usages.is_empty() {
        "it takes no arguments".into()
    } else {
        format!("the arguments are {}", usages.join(", "))
    })
}

/// Why a job failed: the error, the remedy, the end of its standard error and where its logs are.
pub fn failed(id: &str, error: &Error, dir: Option<&str>, console: &Console) -> String {
    let message = plain::line(&error.message, MAX_MESSAGE);
    let mut lines = vec![format!(
        "{} {message} {}",
        paint(ERROR, "error:"),
        paint(FAINT, format_args!("[{}]", error.code))
    )];
    lines.extend(
        error
            .at
            .as_ref()
            .map(|at| format!("  {} {}", paint(LABEL, "at:"), plain::line(at, MAX_MESSAGE))),
    );
    if let Some(tail) = &error.stderr_tail {
        lines.push(format!(
            "{} the end of what it wrote to stderr:",
            paint(LABEL, "stderr:")
        ));
        lines.extend(
            plain::text(tail)
                .lines()
                .map(|line| format!("  {} {line}", paint(FAINT, "|"))),
        );
    }
    if let Some(dir) = dir {
        lines.push(format!(
            "{} {dir}/stdout.log, {dir}/stderr.log",
            paint(LABEL, "logs:")
        ));
    }
    if let Some(remedy) = &error.remedy {
        lines.push(format!(
            "{} {}",
            paint(HELP, "help:"),
            plain::line(remedy, MAX_MESSAGE)
        ));
    }
    lines.push(format!(
        "{} run it again: {}",
        paint(HELP, "help:"),
        console.command(format_args!("jobs retry {id}"))
    ));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn console() -> Console {
        Console {
            quiet: false,
            prefix: "tank".into(),
        }
    }

    fn flags() -> Flags {
        let schema = json!({"properties": {"days": {"type": "integer"}}, "required": ["days"]});
        Flags::of(schema.as_object().unwrap(), &[], |_| false)
    }

    fn shown(error: &Error) -> String {
        anstream::adapter::strip_str(&refused(error, &console(), Some(&flags()))).to_string()
    }

    #[test]
    fn a_refusal_names_the_flag_and_the_next_step() {
        let error = Error::new(Code::UnknownArgument, "simulate has no argument `dayz`")
            .at("/dayz")
            .did_you_mean(Some("days"));
        assert_eq!(
            shown(&error),
            "error: simulate has no argument `dayz`\n  at: /dayz\nhelp: did you mean --days <INTEGER>?\nhelp: the arguments are --days <INTEGER>"
        );
        let error = Error::new(Code::MissingArgument, "simulate needs `days`")
            .at("/days")
            .remedy("Give it.");
        assert_eq!(
            shown(&error),
            "error: simulate needs `days`\n  at: --days\nhelp: add --days <INTEGER>"
        );
    }

    #[test]
    fn further_problems_follow() {
        let mut error = Error::new(Code::InvalidArgument, "first");
        error.details = Some(json!({"problems": [{"message": "first"}, {"message": "second"}]}));
        assert_eq!(shown(&error), "error: first\n  and: second");
    }

    #[test]
    fn a_failed_job_shows_its_stderr_without_control_sequences() {
        let mut error = Error::new(Code::Panicked, "the tool panicked");
        error.stderr_tail = Some("boom\u{1b}[2J\nend".into());
        let text = anstream::adapter::strip_str(&failed("t-1", &error, Some("/d"), &console()))
            .to_string();
        assert!(
            text.contains("  | boom\n  | end\nlogs: /d/stdout.log"),
            "{text}"
        );
        assert!(
            text.ends_with("help: run it again: tank jobs retry t-1"),
            "{text}"
        );
    }
}
