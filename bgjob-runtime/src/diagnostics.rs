//! Where events of `tracing` go: to standard error, which is the server's own, a supervisor's
//! `supervisor.log`, or a job's `stderr.log`. Never to standard output, which is data.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level};
use tracing_subscriber::filter::{Targets, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock;

/// The environment variable that says what is wanted: levels, and levels of targets, such as `info` or
/// `my_tools=debug,warn`. No spans or fields: understanding those would take every program two more crates for
/// regular expressions.
pub const FILTER_VAR: &str = "RUST_LOG";

/// Whether the subscriber that is there is that of [`begin_here`].
static HERE: AtomicBool = AtomicBool::new(false);

/// Begins to write events: those that `RUST_LOG` asks for, else those of `level` and above, each with
/// the name of `job` if there is one. Says whether it does: a subscriber that is there already stays,
/// but for that of the supervisor that a worker was forked from.
pub fn begin(level: Level, job: Option<&str>) -> bool {
    if is_taken() {
        return false;
    }
    lines(level, job).try_init().is_ok()
}

/// As [`begin`], for this thread alone and as long as what it returns lives: other threads, such as that
/// of a forked worker, can have another subscriber.
pub fn begin_here(level: Level) -> Option<DefaultGuard> {
    if is_taken() {
        return None;
    }
    HERE.store(true, Ordering::Relaxed);
    Some(lines(level, None).set_default())
}

fn is_taken() -> bool {
    tracing::dispatcher::has_been_set() && !HERE.load(Ordering::Relaxed)
}

fn lines(level: Level, job: Option<&str>) -> impl Into<Dispatch> {
    let asked = std::env::var(FILTER_VAR)
        .ok()
        .filter(|text| !text.is_empty());
    // What is not understood must not silence all.
    let filter = asked.and_then(|text| text.parse().ok());
    let filter = filter.unwrap_or_else(|| usual(level));
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(Stamp(job.map(str::to_owned)))
        .with_writer(anstream::stderr);
    tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(|event| {
            !tells_arguments(event.target(), *event.level())
        }))
        .with(lines)
}

/// The protocol library warns of every refusal, which is no trouble of the server's: whoever asks could
/// fill the log.
fn usual(level: Level) -> Targets {
    let all = Targets::new().with_default(level);
    match level {
        Level::WARN => all.with_target("rmcp::service", Level::ERROR),
        _ => all,
    }
}

/// The protocol library writes whole requests and replies at these levels, arguments that are secret
/// (`skip_log`) among them: whatever `RUST_LOG` says, they are not written.
fn tells_arguments(target: &str, level: Level) -> bool {
    (target == "rmcp" || target.starts_with("rmcp::")) && level > Level::INFO
}

/// The time, and the job: on every line, also on those of threads that know no span.
struct Stamp(Option<String>);

impl FormatTime for Stamp {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        line.write_str(&clock::rfc3339_millis(clock::now_ms()))?;
        match &self.0 {
            Some(job) => write!(line, " {job}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_secret_is_never_written() {
        for target in ["rmcp", "rmcp::service"] {
            assert!(tells_arguments(target, Level::DEBUG));
            assert!(tells_arguments(target, Level::TRACE));
            assert!(!tells_arguments(target, Level::INFO));
        }
        assert!(!tells_arguments("rmcp_of_mine", Level::TRACE));
    }
}
