//! Progress as plain lines: not more than are worth reading in a log.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::cli::render::job;
use crate::job::view::{JobView, ViewState};

/// A change of the state or the phase is told at once, a mere change of the share not more often.
const PAUSE: Duration = Duration::from_secs(2);
/// A job that is queued for a shorter time than this was not worth a line.
const PATIENCE: Duration = Duration::from_millis(900);

/// What was told of each job, and when.
pub struct Lines {
    told: Vec<Option<Told>>,
    since: Instant,
}

/// What was told of a job last, and when.
pub struct Told {
    at: Instant,
    state: ViewState,
    phase: Option<String>,
    line: String,
}

impl Lines {
    /// Nothing told yet.
    pub fn new(jobs: usize, now: Instant) -> Self {
        Lines {
            told: (0..jobs).map(|_| None).collect(),
            since: now,
        }
    }

    /// Whether there are several jobs: then each end is told.
    pub fn of_several(&self) -> bool {
        self.told.len() > 1
    }

    /// Tells what is new.
    pub fn show(&mut self, views: &[JobView], now: Instant) {
        for line in self.news(views, now) {
            // Nobody listens: nothing to do about it.
            let _ = writeln!(anstream::stderr(), "{line}");
        }
    }

    fn news(&mut self, views: &[JobView], now: Instant) -> Vec<String> {
        let (mut news, alone) = (Vec::new(), !self.of_several());
        for (told, view) in self.told.iter_mut().zip(views) {
            let line = format!("{} {}", job::id(view), words(view));
            // How a single job ended is told by whoever waited for it.
            let hidden = (alone && job::is_over(view))
                || (view.state == ViewState::Queued && now.duration_since(self.since) < PATIENCE);
            if !hidden && is_due(told.as_ref(), view, &line, now) {
                *told = Some(Told::of(view, line.clone(), now));
                let seconds = now.duration_since(self.since).as_secs();
                news.push(format!("[{}:{:02}] {line}", seconds / 60, seconds % 60));
            }
        }
        news
    }
}

impl Told {
    /// `line` was told of the job at `now`.
    pub fn of(view: &JobView, line: String, now: Instant) -> Self {
        Told {
            at: now,
            state: view.state,
            phase: view.phase.clone(),
            line,
        }
    }
}

/// What a job is doing, or how it ended.
pub fn words(view: &JobView) -> String {
    let doing = job::doing(view);
    match view.state {
        ViewState::Failed if !doing.is_empty() => format!("{}: {doing}", job::ending(view)),
        _ if job::is_over(view) => job::ending(view),
        _ => format!("{} {doing}", job::state(view))
            .trim_end()
            .to_owned(),
    }
}

/// Whether `line` is worth telling of a job of which `told` was the last word.
pub fn is_due(told: Option<&Told>, view: &JobView, line: &str, now: Instant) -> bool {
    let Some(told) = told else { return true };
    if told.state != view.state
        || (told.phase != view.phase
            && view.state == ViewState::Running
            && numbers_apart(told, view))
    {
        return true;
    }
    told.line != line && now.duration_since(told.at) >= PAUSE
}

/// `day 41/100` and `day 42/100` are the same phase: a counter that moves is no news by itself.
fn numbers_apart(told: &Told, view: &JobView) -> bool {
    let words = |phase: &Option<String>| {
        phase
            .iter()
            .flat_map(|text| text.chars())
            .filter(|c| !c.is_ascii_digit())
            .collect::<String>()
    };
    words(&told.phase) != words(&view.phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(phase: &str, share: f64) -> JobView {
        JobView {
            job_id: Some("t-9f3k2m7qw4x1a8bdc6tz".parse().unwrap()),
            phase: Some(phase.into()),
            progress: Some(share),
            ..JobView::bare(ViewState::Running)
        }
    }

    fn told(lines: Vec<String>) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn a_moving_counter_is_told_now_and_then_and_a_new_phase_at_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut lines = Lines::new(1, start);
        assert_eq!(
            lines.news(&[running("day 1/9", 0.1)], at(0)),
            ["[0:00] t-9f3k2m7qw4x1a8bdc6tz running 10% day 1/9"]
        );
        assert!(lines.news(&[running("day 2/9", 0.2)], at(100)).is_empty());
        assert!(lines.news(&[running("day 2/9", 0.2)], at(1900)).is_empty());
        assert_eq!(lines.news(&[running("day 9/9", 0.9)], at(2100)).len(), 1);
        assert_eq!(lines.news(&[running("plots", 0.9)], at(2200)).len(), 1);
        assert!(lines.news(&[running("plots", 0.9)], at(60_000)).is_empty());
    }

    #[test]
    fn of_several_jobs_each_end_is_told_at_once() {
        let start = Instant::now();
        let (going, done) = (
            running("a", 0.1),
            JobView {
                state: ViewState::Completed,
                elapsed_s: Some(0.7),
                ..running("a", 0.1)
            },
        );
        let mut lines = Lines::new(2, start);
        lines.news(&[going.clone(), going.clone()], start);
        assert_eq!(
            told(lines.news(&[done.clone(), going], start)),
            "[0:00] t-9f3k2m7qw4x1a8bdc6tz completed in 0.7 s"
        );
        assert!(Lines::new(1, start).news(&[done], start).is_empty());
    }

    #[test]
    fn a_short_wait_in_the_queue_is_not_told() {
        let start = Instant::now();
        let queued = JobView {
            queue_position: Some(2),
            ..JobView::bare(ViewState::Queued)
        };
        let mut lines = Lines::new(1, start);
        assert!(lines.news(std::slice::from_ref(&queued), start).is_empty());
        assert_eq!(
            lines.news(&[queued], start + Duration::from_secs(1)).len(),
            1
        );
    }
}
