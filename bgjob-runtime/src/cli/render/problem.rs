//! Errors as `error:`, `at:`, `help:`.

use super::style::{ERROR, FAINT, HELP, LABEL, paint};
use super::{job, plain};
use crate::cli::console::Console;
use crate::cli::flags::Flags;
use crate::error::{Code, Error};
use crate::job::view::JobView;

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
    if let Some(at) = error.at.as_ref().filter(|at| !at.is_empty()) {
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
    own_words(error, console, flags).unwrap_or_else(|| {
        let near = error
            .did_you_mean
            .as_ref()
            .map(|near| format!("did you mean `{near}`?"));
        near.into_iter()
            .chain(error.remedy.as_deref().map(as_help))
            .collect()
    })
}

/// The next step as a command or a flag, where the command line knows it better than the remedy.
fn own_words(error: &Error, console: &Console, flags: Option<&Flags>) -> Option<Vec<String>> {
    let argument = error
        .at
        .as_deref()
        .and_then(|at| at.strip_prefix('/'))
        .unwrap_or_default();
    match error.code {
        Code::JobNotFound => Some(vec![format!(
            "list the jobs: {}",
            console.command("jobs list -a")
        )]),
        Code::MissingArgument => usage(flags, argument).map(|usage| vec![format!("add {usage}")]),
        Code::InvalidArgument => flags?.describe(argument).map(|about| vec![about]),
        Code::UnknownArgument if !argument.contains('/') => {
            let near = error
                .did_you_mean
                .as_deref()
                .and_then(|near| usage(flags, near));
            let near = near.map(|near| format!("did you mean {near}?"));
            Some(near.into_iter().chain(all_arguments(flags)).collect())
        }
        Code::MissingState => producer(error).map(|tool| {
            let run = console.command(format_args!("run {tool}"));
            vec![format!(
                "run `{tool}` first, its result becomes that field: {run}"
            )]
        }),
        _ => None,
    }
}

fn usage(flags: Option<&Flags>, argument: &str) -> Option<String> {
    flags.and_then(|flags| flags.usage(argument))
}

/// The tool that the remedy of a missing state field tells to call.
fn producer(error: &Error) -> Option<&str> {
    let (_, rest) = error.remedy.as_deref()?.split_once("Call `")?;
    rest.split_once('`').map(|(tool, _)| tool)
}

/// A remedy as it stands behind `help:`, like the others without a capital and a full stop.
fn as_help(remedy: &str) -> String {
    let text = plain::line(remedy, MAX_MESSAGE);
    let text = if text.matches(". ").count() == 0 {
        text.trim_end_matches('.')
    } else {
        &text
    };
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
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

/// Why the job `view` failed: the error with the job's id, the end of its standard error, where its
/// logs are and what to do.
pub fn failed(view: &JobView, error: &Error, console: &Console) -> String {
    let message = plain::line(&error.message, MAX_MESSAGE);
    let mut lines = vec![format!(
        "{} {}: {message} {}",
        paint(ERROR, "error:"),
        job::id(view),
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
    // A job that never started has written nothing.
    if let Some(dir) = view.dir.as_ref().filter(|_| view.started_at.is_some()) {
        lines.push(format!(
            "{} {dir}/stdout.log, {dir}/stderr.log",
            paint(LABEL, "logs:")
        ));
    }
    for help in after_failure(view, error, console) {
        lines.push(format!("{} {help}", paint(HELP, "help:")));
    }
    lines.join("\n")
}

/// The remedy, and the command that repeats the call where the same call may end otherwise: the
/// code says so, or something from outside may have ended the worker.
fn after_failure(view: &JobView, error: &Error, console: &Console) -> Vec<String> {
    let again = error.retryable || error.code == Code::Crashed;
    let printed = matches!(
        error.code,
        Code::ToolError | Code::Panicked | Code::Crashed | Code::NoResult
    );
    let log = printed.then(|| {
        let command = console.command(format_args!("jobs logs {}", job::id(view)));
        format!("read its log: {command}")
    });
    // The commands say the same, ready to be typed.
    let said = |remedy: &&str| {
        (again && *remedy == "Retry the job.")
            || (printed && remedy.starts_with("Read the job's log; its last"))
    };
    let remedy = error.remedy.as_deref().filter(|remedy| !said(remedy));
    let retry = again.then(|| {
        let command = console.command(format_args!("jobs retry {}", job::id(view)));
        format!("run it again: {command}")
    });
    let remedy = remedy.map(as_help).into_iter();
    remedy.chain(log).chain(retry).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::view::ViewState;

    fn console() -> Console {
        Console {
            quiet: false,
            prefix: "tank".into(),
        }
    }

    fn flags() -> Flags {
        let schema = json!({"properties": {"days": {"type": "integer", "description": "In d."}}, "required": ["days"]});
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
    fn a_value_that_does_not_fit_shows_what_does() {
        let error = Error::new(Code::InvalidArgument, "`days` must be an integer")
            .at("/days")
            .remedy("Call again.");
        assert_eq!(
            shown(&error),
            "error: `days` must be an integer\n  at: --days\nhelp: --days <INTEGER>: In d. [required]"
        );
    }

    #[test]
    fn a_missing_state_field_names_the_command_that_fills_it() {
        let error = Error::new(Code::MissingState, "no `basis`")
            .remedy("Call `set_basis` first: its result becomes that field.");
        assert!(
            shown(&error).ends_with("becomes that field: tank run set_basis"),
            "{}",
            shown(&error)
        );
    }

    #[test]
    fn remedies_read_like_the_other_helps() {
        assert_eq!(as_help("Restart this program."), "restart this program");
        assert_eq!(as_help("One. Two."), "one. Two.");
        assert_eq!(as_help("RFC 6901"), "RFC 6901");
    }

    #[test]
    fn further_problems_follow() {
        let mut error = Error::new(Code::InvalidArgument, "first");
        error.details = Some(json!({"problems": [{"message": "first"}, {"message": "second"}]}));
        assert_eq!(shown(&error), "error: first\n  and: second");
    }

    fn failure(code: Code, started: bool) -> String {
        let view = JobView {
            job_id: Some("t-9f3k2m7qw4x1a8bdc6tz".parse().unwrap()),
            dir: Some("/d".into()),
            started_at: started.then(|| "2026-01-01T00:00:00Z".to_owned()),
            ..JobView::bare(ViewState::Failed)
        };
        let mut error = Error::new(code, "it broke").remedy("Retry the job.");
        error.stderr_tail = started.then(|| "boom\u{1b}[2J\nend".to_owned());
        anstream::adapter::strip_str(&failed(&view, &error, &console())).to_string()
    }

    #[test]
    fn a_failed_job_shows_its_id_and_its_stderr_without_control_sequences() {
        let text = failure(Code::Panicked, true);
        assert!(
            text.starts_with("error: t-9f3k2m7qw4x1a8bdc6tz: it broke [panicked]\n"),
            "{text}"
        );
        assert!(
            text.contains("  | boom\n  | end\nlogs: /d/stdout.log"),
            "{text}"
        );
    }

    #[test]
    fn a_job_that_never_started_has_no_logs() {
        assert_eq!(
            failure(Code::DependencyFailed, false),
            "error: t-9f3k2m7qw4x1a8bdc6tz: it broke [dependency_failed]\nhelp: retry the job"
        );
    }

    #[test]
    fn running_it_again_is_offered_only_where_it_may_help() {
        let again = "\nhelp: run it again: tank jobs retry t-9f3k2m7qw4x1a8bdc6tz";
        for code in [Code::TimedOut, Code::SupervisorLost, Code::Crashed] {
            let text = failure(code, true);
            assert!(text.ends_with(again), "{text}");
            assert!(!text.contains("help: retry"), "{text}");
        }
        for code in [Code::ToolError, Code::Panicked, Code::DependencyFailed] {
            assert!(!failure(code, true).contains("jobs retry"), "{code}");
        }
    }
}
