//! How progress is shown: bars on a terminal, lines elsewhere, or not at all.

use std::time::Instant;

use super::bars::Bars;
use super::lines::Lines;
use crate::cli::console::{self, Console};
use crate::job::view::JobView;

/// What the user wants to see of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Bars on a terminal, lines elsewhere.
    Auto,
    /// Bars.
    Bar,
    /// A line now and then.
    Counter,
    /// Nothing.
    None,
}

impl Show {
    /// The values of `--show-progress`.
    pub const VALUES: [&str; 4] = ["auto", "bar", "counter", "none"];

    /// The value of `--show-progress`.
    pub fn parse(text: &str) -> Self {
        match text {
            "bar" => Show::Bar,
            "counter" => Show::Counter,
            "none" => Show::None,
            _ => Show::Auto,
        }
    }
}

/// Shows the progress of jobs on standard error.
pub enum Display {
    Bars(Bars),
    Lines(Lines),
    Nothing,
}

impl Display {
    /// The display for `jobs` jobs.
    pub fn new(show: Show, jobs: usize, console: &Console) -> Self {
        match show {
            _ if console.quiet => Display::Nothing,
            Show::None => Display::Nothing,
            Show::Auto if console::err_can_draw() => Display::Bars(Bars::new()),
            Show::Bar => Display::Bars(Bars::new()),
            Show::Auto | Show::Counter => Display::Lines(Lines::new(jobs, Instant::now())),
        }
    }

    /// Shows what the jobs are like now.
    pub fn show(&mut self, views: &[JobView]) {
        match self {
            Display::Bars(bars) => bars.show(views),
            Display::Lines(lines) => lines.show(views, Instant::now()),
            Display::Nothing => {}
        }
    }

    /// Says what cannot wait: somebody has to do something.
    pub fn insist(&self, words: &str, console: &Console) {
        match self {
            Display::Bars(bars) => bars.say(words),
            Display::Lines(_) | Display::Nothing => console.insist(words),
        }
    }

    /// Whether each of several ends stays on the screen as a line.
    pub fn tells_ends(&self) -> bool {
        matches!(self, Display::Lines(lines) if lines.of_several())
    }

    /// Takes the bars away; lines stay.
    pub fn finish(&mut self) {
        if let Display::Bars(bars) = self {
            bars.finish();
        }
    }
}
