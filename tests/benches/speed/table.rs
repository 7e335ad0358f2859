//! Figures beside their baselines of the same run: only the ratios mean something on a shared
//! machine.

use std::time::Duration;

/// Many times of one thing.
#[derive(Clone, Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// One more.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that `percent` of all stay below, in us.
    pub fn at(&self, percent: usize) -> f64 {
        let mut times = self.0.clone();
        times.sort();
        let index = (times.len().saturating_sub(1)) * percent / 100;
        times
            .get(index)
            .map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }

    /// The median, in us.
    pub fn p50(&self) -> f64 {
        self.at(50)
    }
}

/// What a figure may be.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// At most so many times the baseline.
    Times(f64),
    /// At least so many times the baseline.
    AtLeast(f64),
    /// At most so much, in the figure's unit.
    Most(f64),
    /// Shown, and not judged.
    None,
}

/// The table that a run prints.
#[derive(Debug, Default)]
pub struct Table {
    missed: usize,
    judged: usize,
}

impl Table {
    /// Begins a part of the table.
    pub fn part(&self, title: &str) {
        println!("\n{title}");
        println!(
            "{:<46} {:>10} {:>10}  {:<34} {:>7} {:>8}",
            "figure", "ours", "baseline", "which is", "ratio", "budget"
        );
    }

    /// One line.
    pub fn row(&mut self, figure: &str, ours: f64, base: f64, base_is: &str, budget: Budget) {
        let ratio = ours / base;
        let (limit, met) = match budget {
            Budget::Times(most) => (format!("<={most}x"), Some(ratio <= most)),
            Budget::AtLeast(least) => (format!(">={least}x"), Some(ratio >= least)),
            Budget::Most(most) => (format!("<={most}"), Some(ours <= most)),
            Budget::None => (String::new(), None),
        };
        self.judged += usize::from(met.is_some());
        self.missed += usize::from(met == Some(false));
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let (base, ratio) = if base.is_nan() {
            (String::new(), String::new())
        } else {
            (shown(base), format!("{ratio:.2}"))
        };
        println!(
            "{figure:<46} {:>10} {base:>10}  {base_is:<34} {ratio:>7} {limit:>8}  {verdict}",
            shown(ours)
        );
    }

    /// A line without a baseline.
    pub fn alone(&mut self, figure: &str, ours: f64, budget: Budget) {
        self.row(figure, ours, f64::NAN, "", budget);
    }

    /// The last word.
    pub fn end(&self) {
        println!(
            "\n{} of {} budgets met",
            self.judged - self.missed,
            self.judged
        );
    }
}

fn shown(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
