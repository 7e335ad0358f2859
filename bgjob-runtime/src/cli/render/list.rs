//! The list of jobs.

use std::time::SystemTime;

use anstyle::Style;

use super::job::{doing, id, is_over, state};
use super::plain;
use super::quantity::{age, span};
use super::style::{LABEL, of_state, paint};
use crate::job::view::JobView;

/// Widths of the last column of the list, in characters.
const MIN_DOING: usize = 8;
const MAX_DOING: usize = 80;
/// What stands between two columns.
const GAP: &str = "  ";
/// What stands before the words below a job.
const INDENT: &str = "    ";
const COLUMNS: [&str; 4] = ["STATE", "ID", "AGE", "TIME"];

/// The list of jobs: on a narrow terminal the last column is cut, and where there is no room for it,
/// what a job that has not ended does or waits for stands below it. Then age and time are left out;
/// ids are whole everywhere, since they are there to be copied.
#[derive(Debug)]
pub struct List {
    /// Names of the columns.
    pub heading: String,
    /// The jobs, each of one line or two.
    pub jobs: Vec<String>,
}

impl List {
    /// Lists `views` for a terminal of so many columns; `None` where nobody counts them.
    pub fn new(views: &[JobView], now: SystemTime, width: Option<u16>, colors: bool) -> Self {
        let rows: Vec<[String; 4]> = views.iter().map(|view| row(view, now)).collect();
        let shape = Shape::for_rows(&rows, width.map(usize::from), colors);
        let jobs = std::iter::zip(views, &rows).map(|(view, cells)| shape.job(view, cells));
        List {
            heading: shape.paint(LABEL, &shape.heading()),
            jobs: jobs.collect(),
        }
    }

    /// Its text, without a line end after the last job.
    pub fn render(self) -> String {
        let lines: Vec<String> = std::iter::once(self.heading).chain(self.jobs).collect();
        lines.join("\n")
    }
}

/// What each line has room for.
struct Shape {
    /// Of the columns that are shown, in characters.
    widths: Vec<usize>,
    /// Of the last column, if there is room for it.
    doing: Option<usize>,
    /// Of the whole line.
    line: usize,
    colors: bool,
}

impl Shape {
    fn for_rows(rows: &[[String; 4]], width: Option<usize>, colors: bool) -> Self {
        let widths = [0, 1, 2, 3].map(|column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([COLUMNS[column].len()]).max().unwrap_or(0)
        });
        let taken = |columns: usize| {
            widths[..columns]
                .iter()
                .map(|width| width + GAP.len())
                .sum()
        };
        let line = width.unwrap_or_else(|| taken(4) + MAX_DOING);
        let doing = line.saturating_sub(taken(4)).min(MAX_DOING);
        if doing >= MIN_DOING {
            return Shape {
                widths: widths.to_vec(),
                doing: Some(doing),
                line,
                colors,
            };
        }
        let fits = |columns: &usize| taken(*columns) - GAP.len() <= line;
        let columns = (2..=4).rev().find(fits).unwrap_or(2);
        Shape {
            widths: widths[..columns].to_vec(),
            doing: None,
            line,
            colors,
        }
    }

    fn paint(&self, style: Style, text: &str) -> String {
        match self.colors {
            true => paint(style, text),
            false => text.to_owned(),
        }
    }

    fn heading(&self) -> String {
        let doing = self.doing.map(|_| "DOING");
        self.line(COLUMNS[0], COLUMNS[1..].iter().copied(), doing)
    }

    fn job(&self, view: &JobView, cells: &[String; 4]) -> String {
        let words = match self.doing {
            None if is_over(view) => String::new(),
            _ => doing(view),
        };
        // One less for the sign that something is cut off.
        let cut = |room: usize| plain::line(&words, room.saturating_sub(1));
        let doing = self.doing.map(cut).filter(|words| !words.is_empty());
        let first = format!("{:<1$}", cells[0], self.widths[0]);
        let state = first.replacen(&cells[0], &self.paint(of_state(view.state), &cells[0]), 1);
        let mut job = self.line(
            &state,
            cells[1..].iter().map(String::as_str),
            doing.as_deref(),
        );
        if self.doing.is_none() && !words.is_empty() {
            job.push('\n');
            job.push_str(INDENT);
            job.push_str(&cut(self.line.saturating_sub(INDENT.len())));
        }
        job
    }

    /// `first`, then as many of `rest` as are shown, then `last`, without blanks at the end.
    fn line<'a>(
        &self,
        first: &str,
        rest: impl Iterator<Item = &'a str>,
        last: Option<&str>,
    ) -> String {
        let mut line = format!("{first:<0$}", self.widths[0]);
        for (cell, width) in rest.zip(&self.widths[1..]) {
            line.push_str(&format!("{GAP}{cell:<width$}"));
        }
        if let Some(last) = last {
            line.push_str(GAP);
            line.push_str(last);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn row(view: &JobView, now: SystemTime) -> [String; 4] {
    let age = view
        .submitted_at
        .as_deref()
        .map(|at| age(at, now))
        .unwrap_or_default();
    [
        state(view).to_owned(),
        id(view).to_owned(),
        age,
        view.elapsed_s.map(span).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::view::ViewState;

    fn view(state: ViewState) -> JobView {
        JobView {
            job_id: Some("t-9f3k2m7qw4x1a8bdc6tz".parse().unwrap()),
            ..JobView::bare(state)
        }
    }

    fn jobs(views: &[JobView], width: Option<u16>) -> String {
        List::new(views, SystemTime::now(), width, true).render()
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn on_a_narrow_terminal_each_job_keeps_one_line() {
        let running = JobView {
            message: Some("many words ".repeat(9)),
            ..view(ViewState::Running)
        };
        let table = plain(&jobs(&[running], Some(60)));
        assert_eq!(table.lines().count(), 2);
        assert!(
            table.lines().all(|line| line.chars().count() <= 60),
            "{table}"
        );
    }

    #[test]
    fn a_terminal_too_narrow_for_all_keeps_the_ids_whole() {
        let running = JobView {
            elapsed_s: Some(3.0),
            message: Some("words".into()),
            ..view(ViewState::Running)
        };
        for (width, columns) in [
            (80, "TIME  DOING"),
            (44, "TIME"),
            (36, "AGE"),
            (35, "ID"),
            (20, "ID"),
        ] {
            let table = plain(&jobs(std::slice::from_ref(&running), Some(width)));
            let (header, row) = table.split_once('\n').unwrap();
            assert!(header.trim_end().ends_with(columns), "{width}: {table}");
            assert!(row.contains("t-9f3k2m7qw4x1a8bdc6tz"), "{width}: {table}");
        }
    }

    #[test]
    fn without_room_beside_it_a_live_job_says_below_why_it_waits() {
        let queued = JobView {
            queue_position: Some(2),
            waiting_because: Some("all 2 slots are taken".into()),
            ..view(ViewState::Queued)
        };
        let failed = JobView {
            error: Some(crate::error::Error::new(
                crate::error::Code::Panicked,
                "it panicked",
            )),
            ..view(ViewState::Failed)
        };
        let table = plain(&jobs(&[queued, failed], Some(40)));
        assert_eq!(
            table,
            "STATE   ID                      AGE\n\
             queued  t-9f3k2m7qw4x1a8bdc6tz\n    place 2 in the queue: all 2 slots a…\n\
             failed  t-9f3k2m7qw4x1a8bdc6tz"
        );
        assert!(table.lines().all(|line| line.chars().count() <= 40));
    }

    #[test]
    fn where_colours_do_not_belong_none_are_made() {
        let views = [view(ViewState::Failed), view(ViewState::Queued)];
        let list = |colors| List::new(&views, SystemTime::now(), None, colors).render();
        assert!(!list(false).contains('\u{1b}'));
        assert_eq!(plain(&list(true)), list(false));
    }

    #[test]
    fn a_hostile_message_cannot_reach_the_terminal() {
        let running = JobView {
            message: Some("\u{1b}]0;x\u{7}\u{1b}[2Jhi".into()),
            ..view(ViewState::Running)
        };
        let table = jobs(&[running], None);
        assert!(plain(&table).contains("hi") && !table.contains("[2J"));
    }
}
