//! Progress as bars, one a job.

use std::collections::HashMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::Screen;
use crate::cli::console;
use crate::cli::render::{job, plain};
use crate::job::id::JobId;
use crate::job::view::{JobView, ViewState};

/// Steps of a bar: progress is a share.
const STEPS: u64 = 1000;
/// Redraws a second.
const RATE: u8 = 10;
/// Bars are shown for so many jobs at once; the others are waited for unseen.
const MAX_BARS: usize = 20;

/// The bars on the terminal.
pub struct Bars {
    all: MultiProgress,
    of: HashMap<JobId, ProgressBar>,
}

impl Bars {
    /// No bars yet.
    pub fn new() -> Self {
        let target = if console::err_is_terminal() {
            ProgressDrawTarget::term_like_with_hz(Box::new(Screen::default()), RATE)
        } else {
            ProgressDrawTarget::hidden()
        };
        Bars {
            all: MultiProgress::with_draw_target(target),
            of: HashMap::new(),
        }
    }

    /// Moves the bars.
    pub fn show(&mut self, views: &[JobView]) {
        for view in views {
            let Some(id) = &view.job_id else { continue };
            if !self.of.contains_key(id) && self.of.len() >= MAX_BARS {
                continue;
            }
            let bar = self
                .of
                .entry(id.clone())
                .or_insert_with(|| new_bar(&self.all, id, view));
            if !bar.is_finished() {
                update(bar, view);
            }
        }
    }

    /// Says something above the bars.
    pub fn say(&self, words: &str) {
        self.all.suspend(|| {
            // Nobody listens: nothing to do about it.
            let _ = writeln!(anstream::stderr(), "{words}");
        });
    }

    /// Takes all bars away.
    pub fn finish(&mut self) {
        // No tick may draw a bar again once they are gone.
        self.of.values().for_each(ProgressBar::disable_steady_tick);
        // Nobody sees a bar that cannot be cleared.
        let _ = self.all.clear();
        self.all.set_draw_target(ProgressDrawTarget::hidden());
    }
}

fn new_bar(all: &MultiProgress, id: &JobId, view: &JobView) -> ProgressBar {
    let bar = ProgressBar::new(STEPS)
        .with_style(style(view))
        .with_prefix(id.as_str().to_owned());
    let bar = all.add(bar);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn update(bar: &ProgressBar, view: &JobView) {
    // The numbers first: a bar may be drawn at any change, and the words must not run ahead of it.
    if let Some(seconds) = view
        .elapsed_s
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    {
        bar.set_elapsed(Duration::from_secs_f64(seconds));
    }
    if let Some(share) = view.progress.filter(|share| share.is_finite()) {
        bar.set_position((share.clamp(0.0, 1.0) * STEPS as f64) as u64);
    }
    bar.set_style(style(view));
    bar.set_message(message(view));
    if job::is_over(view) {
        bar.finish();
    }
}

fn style(view: &JobView) -> ProgressStyle {
    let style = ProgressStyle::with_template(template(view))
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ").tick_chars("|/-\\ ")
}

fn template(view: &JobView) -> &'static str {
    match view.state {
        ViewState::Running | ViewState::InputRequired if view.progress.is_some() => {
            "{prefix} [{bar:24}] {percent:>3}% {elapsed:>4} {wide_msg}"
        }
        ViewState::Running | ViewState::InputRequired => {
            "{prefix} {spinner} {elapsed:>4} {wide_msg}"
        }
        _ => "{prefix} {wide_msg}",
    }
}

fn message(view: &JobView) -> String {
    match view.state {
        // The bar says the share itself.
        ViewState::Running | ViewState::InputRequired => {
            let words = [&view.phase, &view.message]
                .into_iter()
                .flatten()
                .map(|text| plain::line(text, 200));
            let cancelling = (view.cancel_requested == Some(true)).then(|| "cancelling".to_owned());
            [cancelling, job::alarm(view), job::left(view)]
                .into_iter()
                .flatten()
                .chain(words)
                .collect::<Vec<_>>()
                .join(" ")
        }
        _ => format!("{} {}", job::state(view), job::doing(view)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_valid() {
        for state in [ViewState::Queued, ViewState::Running, ViewState::Completed] {
            for progress in [None, Some(0.5)] {
                let view = JobView {
                    progress,
                    ..JobView::bare(state)
                };
                assert!(ProgressStyle::with_template(template(&view)).is_ok());
            }
        }
    }

    #[test]
    fn the_message_does_not_repeat_the_share() {
        let view = JobView {
            progress: Some(0.42),
            phase: Some("day 42".into()),
            ..JobView::bare(ViewState::Running)
        };
        assert_eq!(message(&view), "day 42");
        let view = JobView {
            eta_s: Some(9),
            slow: Some(true),
            ..view
        };
        assert_eq!(message(&view), "SLOW (9 s left) day 42");
    }
}
