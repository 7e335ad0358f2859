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
/// Columns that a bar takes beside the id, with some words behind it.
const BAR_COLUMNS: usize = 44;
/// The same without the bar itself.
const SHARE_COLUMNS: usize = 14;
/// Columns where the terminal does not tell.
const USUAL_COLUMNS: u16 = 80;
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
        .with_style(style(view, Room::beside(id)))
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
    // The terminal may have another width by now.
    let room = view.job_id.as_ref().map_or(Room::Bar, Room::beside);
    bar.set_style(style(view, room));
    bar.set_message(match room {
        Room::Words => format!("{} {}", job::id(view), message(view)),
        Room::Bar | Room::Share => message(view),
    });
    if job::is_over(view) {
        bar.finish();
    }
}

/// What has its place beside an id. A line that breaks cannot be drawn over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// A bar.
    Bar,
    /// The share as a number.
    Share,
    /// Not even the whole id.
    Words,
}

impl Room {
    fn beside(id: &JobId) -> Self {
        let columns = console::err_size().map_or(USUAL_COLUMNS, |size| size.0);
        Room::of(usize::from(columns).saturating_sub(id.as_str().len()))
    }

    fn of(columns: usize) -> Self {
        match columns {
            BAR_COLUMNS.. => Room::Bar,
            SHARE_COLUMNS.. => Room::Share,
            _ => Room::Words,
        }
    }
}

fn style(view: &JobView, room: Room) -> ProgressStyle {
    let style = ProgressStyle::with_template(template(view, room))
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ").tick_chars("|/-\\ ")
}

fn template(view: &JobView, room: Room) -> &'static str {
    let runs = matches!(view.state, ViewState::Running | ViewState::InputRequired);
    match (room, runs, view.progress.is_some()) {
        (Room::Bar, true, true) => "{prefix} [{bar:24}] {percent:>3}% {elapsed:>4} {wide_msg}",
        (Room::Share, true, true) => "{prefix} {percent:>3}% {wide_msg}",
        (Room::Words, true, true) => "{percent:>3}% {wide_msg}",
        (Room::Bar | Room::Share, true, false) => "{prefix} {spinner} {elapsed:>4} {wide_msg}",
        (Room::Bar | Room::Share, false, _) => "{prefix} {wide_msg}",
        (Room::Words, ..) => "{wide_msg}",
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
                for room in [Room::Bar, Room::Share, Room::Words] {
                    let template = template(&view, room);
                    assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_beside_the_id_is_left_out() {
        let rooms = [54, 44, 43, 14, 13, 0].map(Room::of);
        use Room::{Bar, Share, Words};
        assert_eq!(rooms, [Bar, Bar, Share, Share, Words, Words]);
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
