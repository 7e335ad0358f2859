//! The list of jobs.

use std::time::SystemTime;

use super::job::{doing, id, state};
use super::plain;
use super::quantity::{age, span};
use super::style::of_state;
use super::table::Table;
use crate::job::view::JobView;

/// Widths of the last column of the list, in characters.
const MIN_DOING: usize = 8;
const MAX_DOING: usize = 80;
/// Blanks between columns.
const GAP: usize = 2;

/// The list of jobs, a line each: on a narrow terminal the last column is cut and then left out, and
/// the age and the time with it; ids are whole everywhere, since they are there to be copied.
pub fn jobs(views: &[JobView], now: SystemTime, width: Option<u16>) -> String {
    const COLUMNS: [&str; 4] = ["STATE", "ID", "AGE", "TIME"];
    let rows: Vec<[String; 4]> = views.iter().map(|view| row(view, now)).collect();
    let widths = [0, 1, 2, 3].map(|column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([COLUMNS[column].len()]).max().unwrap_or(0) + GAP
    });
    let room = |columns: usize| match width {
        Some(width) => usize::from(width).checked_sub(widths[..columns].iter().sum()),
        None => Some(MAX_DOING),
    };
    let (columns, doing_room) = match room(4) {
        Some(room) if room >= MIN_DOING => (4, Some(room.min(MAX_DOING))),
        _ => (
            (2..=4)
                .rev()
                .find(|columns| room(*columns).is_some())
                .unwrap_or(2),
            None,
        ),
    };
    let last = doing_room.map(|_| "DOING");
    let header: Vec<&str> = COLUMNS[..columns].iter().copied().chain(last).collect();
    let mut table = Table::new(&header, None);
    for (view, cells) in views.iter().zip(rows) {
        let doing = doing_room.map(|room| plain::line(&doing(view), room.saturating_sub(1)));
        table.row(
            of_state(view.state),
            cells.into_iter().take(columns).chain(doing),
        );
    }
    table.render()
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

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn on_a_narrow_terminal_each_job_keeps_one_line() {
        let running = JobView {
            message: Some("many words ".repeat(9)),
            ..view(ViewState::Running)
        };
        let table = plain(&jobs(&[running], SystemTime::now(), Some(60)));
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
        for (width, columns) in [(80, "TIME  DOING"), (44, "TIME"), (36, "ID"), (20, "ID")] {
            let table = plain(&jobs(
                std::slice::from_ref(&running),
                SystemTime::now(),
                Some(width),
            ));
            let (header, row) = table.split_once('\n').unwrap();
            assert!(header.trim_end().ends_with(columns), "{width}: {table}");
            assert!(row.contains("t-9f3k2m7qw4x1a8bdc6tz"), "{width}: {table}");
        }
    }

    #[test]
    fn a_hostile_message_cannot_reach_the_terminal() {
        let running = JobView {
            message: Some("\u{1b}]0;x\u{7}\u{1b}[2Jhi".into()),
            ..view(ViewState::Running)
        };
        let table = jobs(&[running], SystemTime::now(), None);
        assert!(plain(&table).contains("hi") && !table.contains("[2J"));
    }
}
