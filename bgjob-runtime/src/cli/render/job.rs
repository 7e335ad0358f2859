//! Jobs in words.

use serde_json::{Map, Value};

use super::plain;
use super::quantity::{largest, size, span};
use super::style::{ERROR, LABEL, of_state, paint};
use crate::job::hook::{HookState, HookView};
use crate::job::outcome::Exit;
use crate::job::view::{AttemptView, JobView, ViewState};

/// Longest phase, message or error in a line about a job, in characters.
const MAX_WORDS: usize = 200;

/// The state as replies spell it.
pub fn state(view: &JobView) -> &'static str {
    match view.state {
        ViewState::Queued => "queued",
        ViewState::Running => "running",
        ViewState::InputRequired => "input_required",
        ViewState::Completed => "completed",
        ViewState::Failed => "failed",
        ViewState::Cancelled => "cancelled",
        ViewState::Rejected => "rejected",
        ViewState::Ok => "ok",
    }
}

/// The id, or nothing for a view without a job.
pub fn id(view: &JobView) -> &str {
    view.job_id.as_ref().map_or("", |id| id.as_str())
}

/// Whether the job has ended.
pub fn is_over(view: &JobView) -> bool {
    matches!(
        view.state,
        ViewState::Completed | ViewState::Failed | ViewState::Cancelled
    )
}

/// What a job is doing, without its state: `42% day 42/100`, `place 3 in the queue`, or why it failed.
pub fn doing(view: &JobView) -> String {
    let mut words = Vec::new();
    if view.cancel_requested == Some(true) {
        words.push("cancelling".to_owned());
    }
    match view.state {
        ViewState::Queued => words.extend(waiting(view)),
        ViewState::InputRequired if !view.questions.is_empty() => words.push(asks(view)),
        ViewState::Running | ViewState::InputRequired => {
            words.extend(alarm(view));
            words.extend(view.progress.map(|share| format!("{:.0}%", share * 100.0)));
            words.extend(left(view));
            words.extend(
                [&view.phase, &view.message]
                    .into_iter()
                    .flatten()
                    .map(|text| plain::line(text, MAX_WORDS)),
            );
        }
        _ => words.extend(
            view.error
                .as_ref()
                .map(|error| plain::line(&error.message, MAX_WORDS)),
        ),
    }
    words.join(" ")
}

/// What is wrong with a running job, as far as its times tell: `SLOW, no progress for 3 min`.
pub fn alarm(view: &JobView) -> Option<String> {
    let slow = (view.slow == Some(true)).then(|| "SLOW".to_owned());
    let still = view
        .no_progress_s
        .map(|seconds| format!("no progress for {}", largest(seconds)));
    let words: Vec<String> = slow.into_iter().chain(still).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The expected rest of a running job: `(18 s left)`.
pub fn left(view: &JobView) -> Option<String> {
    view.eta_s
        .map(|seconds| format!("({} left)", span(seconds as f64)))
}

fn asks(view: &JobView) -> String {
    let questions = view.questions.iter().map(|question| {
        format!(
            "{}: {}",
            question.key,
            plain::line(&question.message, MAX_WORDS)
        )
    });
    format!("asks {}", questions.collect::<Vec<_>>().join("; "))
}

fn waiting(view: &JobView) -> Option<String> {
    if let [first, rest @ ..] = &view.waiting_for[..] {
        return Some(match rest.len() {
            0 => format!("waits for {first}"),
            more => format!("waits for {first} and {more} more"),
        });
    }
    let place = view.queue_position.map(|place| match place {
        1 => "next in the queue".to_owned(),
        place => format!("place {place} in the queue"),
    });
    let why = view.waiting_because.as_deref();
    let words = [place, why.map(|why| plain::line(why, MAX_WORDS))];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(": "))
}

/// One line about a job that ended: `completed in 31 s`.
pub fn ending(view: &JobView) -> String {
    let mut line = paint(of_state(view.state), state(view));
    if let Some(seconds) = view.elapsed_s {
        line.push_str(&format!(" in {}", span(seconds)));
    }
    if let Some(bytes) = view.bytes {
        line.push_str(&format!(", result {}", size(bytes)));
    }
    if let Some(patch) = &view.state_patch {
        line.push_str(&patch_words(patch));
    }
    if let Some(warning) = &view.warning {
        line.push_str(&format!("; warning: {}", plain::line(warning, MAX_WORDS)));
    }
    line
}

fn patch_words(patch: &crate::job::view::PatchView) -> String {
    match (patch.applied, patch.version, &patch.reason) {
        (true, Some(version), _) => format!(", state field `{}` version {version}", patch.field),
        (true, None, _) => format!(", state field `{}` set", patch.field),
        (false, _, Some(why)) => format!(
            ", state field `{}` left alone: {}",
            patch.field,
            plain::line(why, MAX_WORDS)
        ),
        (false, ..) => format!(", state field `{}` left alone", patch.field),
    }
}

/// Everything about one job, a fact a line.
pub fn show(view: &JobView) -> String {
    let mut facts: Vec<(&str, String)> = vec![
        ("id", id(view).to_owned()),
        ("state", paint(of_state(view.state), state(view))),
    ];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("tool", view.tool.clone());
    add(
        "doing",
        Some(doing(view)).filter(|words| {
            view.error.is_none() && view.waiting_for.is_empty() && !words.is_empty()
        }),
    );
    for id in &view.waiting_for {
        add("waits for", Some(id.to_string()));
    }
    add("submitted", view.submitted_at.clone());
    add("started", view.started_at.clone());
    add("ended", view.ended_at.clone());
    add("time", view.elapsed_s.map(span));
    add(
        "sign of life",
        view.silent_s
            .map(|seconds| format!("{} ago", largest(seconds))),
    );
    add(
        "note",
        view.note
            .as_deref()
            .map(|text| plain::line(text, MAX_WORDS)),
    );
    add("attempt", view.attempt.map(|attempt| attempt.to_string()));
    for attempt in &view.attempts {
        add("failed attempt", Some(attempt_words(attempt)));
    }
    add("retry of", view.retry_of.as_ref().map(ToString::to_string));
    add("result", view.bytes.map(size));
    for artifact in &view.artifacts {
        let words = format!(
            "{}, {}",
            plain::line(&artifact.name, MAX_WORDS),
            size(artifact.bytes)
        );
        add("artifact", Some(words));
    }
    add(
        "state patch",
        view.state_patch
            .as_ref()
            .map(|patch| patch_words(patch).trim_start_matches(", ").to_owned()),
    );
    add(
        "warning",
        view.warning
            .as_deref()
            .map(|words| plain::line(words, MAX_WORDS)),
    );
    add("exit", view.exit.map(exit));
    add(
        "used",
        view.usage.map(|usage| {
            format!(
                "{} of processor time, {} of memory at most",
                span(usage.user_s + usage.system_s),
                size(usage.max_rss_kib * 1024)
            )
        }),
    );
    add("hook", view.hook.as_ref().map(hook_words));
    add("folder", view.dir.clone());
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = facts
        .iter()
        .map(|(name, value)| format!("{} {value}", paint(LABEL, format_args!("{name:<width$} "))))
        .collect();
    lines.join("\n")
}

/// The hook and what became of it, on one line.
fn hook_words(hook: &HookView) -> String {
    let command = shlex::try_join(hook.command.iter().map(String::as_str)).unwrap_or_default();
    let state = match hook.state {
        HookState::Waiting => "waits for the end".to_owned(),
        HookState::Due => "is about to be started".to_owned(),
        HookState::Running => "was started".to_owned(),
        HookState::Done => format!("done in {}", span(hook.elapsed_s.unwrap_or(0.0))),
        HookState::Failed => {
            let why = hook
                .error
                .clone()
                .or(hook.exit.map(exit))
                .unwrap_or_default();
            let said = hook.output_tail.as_ref();
            let said = said.map_or(String::new(), |tail| format!("; it said: {tail}"));
            paint(
                ERROR,
                plain::line(&format!("failed: {why}{said}"), MAX_WORDS),
            )
        }
    };
    let again = hook
        .starts
        .map(|starts| format!(", started {starts} times"));
    format!(
        "{}: {state}{}",
        plain::line(&command, MAX_WORDS),
        again.unwrap_or_default()
    )
}

fn attempt_words(attempt: &AttemptView) -> String {
    plain::line(
        &format!(
            "{}, ended {}, {}: {}",
            attempt.attempt, attempt.ended_at, attempt.error.code, attempt.error.message
        ),
        MAX_WORDS,
    )
}

/// The arguments of a job.
pub fn input(input: &Map<String, Value>) -> String {
    let lines = input
        .iter()
        .map(|(name, value)| format!("  {name} = {}", plain::line(&value.to_string(), MAX_WORDS)));
    let lines: Vec<String> = std::iter::once(paint(LABEL, "arguments"))
        .chain(lines)
        .collect();
    if input.is_empty() {
        paint(LABEL, "no arguments")
    } else {
        lines.join("\n")
    }
}

fn exit(exit: Exit) -> String {
    match exit {
        Exit::Code(status) => format!("status {status}"),
        Exit::Signal(signal) => format!("signal {signal}"),
        Exit::Unknown => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};
    use crate::job::view::PatchView;

    fn view(state: ViewState) -> JobView {
        JobView {
            job_id: Some("t-9f3k2m7qw4x1a8bdc6tz".parse().unwrap()),
            ..JobView::bare(state)
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn what_a_job_does_depends_on_its_state() {
        let running = JobView {
            progress: Some(0.42),
            phase: Some("day 42/100".into()),
            ..view(ViewState::Running)
        };
        assert_eq!(doing(&running), "42% day 42/100");
        let stuck = JobView {
            eta_s: Some(125),
            slow: Some(true),
            no_progress_s: Some(200),
            ..running
        };
        assert_eq!(
            doing(&stuck),
            "SLOW, no progress for 3 min 42% (2 min 5 s left) day 42/100"
        );
        let queued = JobView {
            queue_position: Some(3),
            ..view(ViewState::Queued)
        };
        assert_eq!(doing(&queued), "place 3 in the queue");
        let full = JobView {
            waiting_because: Some("all 2 slots are taken".into()),
            ..queued
        };
        assert_eq!(doing(&full), "place 3 in the queue: all 2 slots are taken");
        let id = |n: u8| format!("t-9f3k2m7qw4x1a8bdc6t{n}").parse().unwrap();
        let after = JobView {
            waiting_for: vec![id(1), id(2), id(3)],
            ..view(ViewState::Queued)
        };
        assert_eq!(doing(&after), "waits for t-9f3k2m7qw4x1a8bdc6t1 and 2 more");
        let failed = JobView {
            error: Some(Error::new(Code::Panicked, "it\npanicked")),
            ..view(ViewState::Failed)
        };
        assert_eq!(doing(&failed), "it panicked");
    }

    #[test]
    fn an_ended_job_tells_its_time_size_and_patch() {
        let patch = PatchView {
            field: "basis".into(),
            version: Some(7),
            applied: true,
            reason: None,
        };
        let done = JobView {
            elapsed_s: Some(31.0),
            bytes: Some(4100),
            state_patch: Some(patch),
            ..view(ViewState::Completed)
        };
        assert_eq!(
            plain(&ending(&done)),
            "completed in 31 s, result 4.1 KB, state field `basis` version 7"
        );
    }

    #[test]
    fn facts_that_are_not_there_have_no_line() {
        let text = plain(&show(&JobView {
            tool: Some("t".into()),
            exit: Some(Exit::Signal(9)),
            ..view(ViewState::Failed)
        }));
        assert_eq!(
            text,
            "id     t-9f3k2m7qw4x1a8bdc6tz\nstate  failed\ntool   t\nexit   signal 9"
        );
    }
}
