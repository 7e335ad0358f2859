//! `jobs list --watch`: the list as it changes.
//!
//! Every change of a job is a commit, and every commit writes to the ledger's write-ahead log; so one
//! inotify watch on that file tells of all of them. Progress does not go through the ledger: the
//! folders of the jobs that run are watched, too.

use std::collections::HashMap;
use std::io::{self, PipeReader, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime};

use clap::ArgMatches;

use super::screen::Screen;
use super::{collect, empty};
use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::follow::{Told, is_due, words};
use crate::cli::render::list::List;
use crate::cli::render::quantity::count;
use crate::cli::render::style::{FAINT, paint};
use crate::cli::render::{job, plain};
use crate::cli::session::Session;
use crate::clock;
use crate::error::Error;
use crate::job::id::JobId;
use crate::job::view::{JobView, ViewState};
use crate::service::JobService;
use crate::store::ledger::ListFilter;
use crate::sys::interrupt::Listener;
use crate::sys::watch::{Watch, wait_readable};

/// How often the list is read when no event came; the times in it grow meanwhile.
const FALLBACK: Duration = Duration::from_secs(1);
/// The list is not drawn more often than this, however fast jobs come and go.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest description of a job in a line without a terminal, in characters.
const MAX_WORDS: usize = 200;

/// Shows the list until Ctrl-C, or until nobody reads it.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches, filter: &ListFilter, all: bool) -> Outcome {
    let mut events = Events::open(session.service()?)?;
    let mut view = match given.get_flag(args::JSON) {
        true => View::Objects(HashMap::new()),
        false if console::out_can_draw() => View::Screen(Screen::default()),
        false => View::Lines(HashMap::new()),
    };
    loop {
        let shown = Instant::now();
        let (views, more) = collect(session, filter.clone(), all)?;
        let news = events.watch_live(session.service()?, &views);
        view.show(session, given, &views, more)?;
        // What a job said between the reading and the watching would be missed.
        let until = match news {
            true => Duration::ZERO,
            false => FALLBACK,
        };
        match events.wait(until, PAUSE.saturating_sub(shown.elapsed())) {
            Woken::Leave => return Ok(Ending::Ok),
            Woken::Idle if views.iter().any(|view| !job::is_over(view)) => {
                session.service()?.reconcile()?;
            }
            Woken::Idle | Woken::Changed => {}
        }
    }
}

/// Where changes and Ctrl-C are heard of.
struct Events {
    watch: Watch,
    live: HashMap<JobId, i32>,
    interrupts: PipeReader,
    /// Whether a reader that leaves can be noticed without writing.
    piped: bool,
    _listener: Option<Listener>,
}

enum Woken {
    Changed,
    Idle,
    Leave,
}

impl Events {
    fn open(service: &JobService) -> Result<Self, Failure> {
        let failed = |error| Error::storage("watch the jobs", error);
        let watch = Watch::new().map_err(failed)?;
        // Where it cannot be watched, the list is read once a second.
        let _ = watch.add_log(&service.data().root().join("ledger.db-wal"));
        let (interrupts, interrupted) = io::pipe().map_err(failed)?;
        let listener = Listener::new(move || drop((&interrupted).write_all(b"!")));
        Ok(Events {
            watch,
            live: HashMap::new(),
            interrupts,
            piped: console::out_is_pipe(),
            _listener: listener.ok(),
        })
    }

    /// Watches the folders of jobs that have not ended, and no others; says whether one was added.
    fn watch_live(&mut self, service: &JobService, views: &[JobView]) -> bool {
        let live = views.iter().filter(|view| !job::is_over(view));
        let mut before = std::mem::take(&mut self.live);
        let mut news = false;
        for id in live.filter_map(|view| view.job_id.clone()) {
            let watched = before.remove(&id);
            news |= watched.is_none();
            let watched = watched.or_else(|| self.watch.add(service.data().job(&id).path()).ok());
            // Of a folder that cannot be watched the list hears once a second.
            self.live.insert(id, watched.unwrap_or(-1));
        }
        before
            .into_values()
            .for_each(|gone| self.watch.remove(gone));
        news
    }

    /// Waits for a change, `limit` at most, and at least for `pause`.
    fn wait(&self, limit: Duration, pause: Duration) -> Woken {
        let out = io::stdout();
        let mut fds = vec![self.interrupts.as_fd()];
        if self.piped {
            fds.push(out.as_fd());
        }
        let leaves = fds.len();
        if wait_readable(&fds, pause).contains(&true) {
            return Woken::Leave;
        }
        fds.push(self.watch.as_fd());
        let ready = wait_readable(&fds, limit);
        if ready[..leaves].contains(&true) {
            return Woken::Leave;
        }
        self.watch.drain();
        match ready[leaves] || limit.is_zero() {
            true => Woken::Changed,
            false => Woken::Idle,
        }
    }
}

/// How the list is shown, and what was told already.
enum View {
    Screen(Screen),
    Lines(HashMap<JobId, Told>),
    Objects(HashMap<JobId, Told>),
}

impl View {
    fn show(
        &mut self,
        session: &Session<'_>,
        given: &ArgMatches,
        views: &[JobView],
        more: bool,
    ) -> Result<(), Failure> {
        let console = &session.console;
        match self {
            View::Screen(screen) => {
                let size = console::out_size();
                let lines = match views.is_empty() {
                    true => vec![empty(session, given), footer(views, 0, more)],
                    false => frame(views, more, size),
                };
                screen.draw(&lines, size)?;
            }
            View::Lines(told) => {
                let at = clock::rfc3339(clock::now_ms());
                for view in news(told, views, Instant::now()) {
                    let words = plain::line(&words(view), MAX_WORDS);
                    console.print(format_args!("{at} {} {words}", job::id(view)))?;
                }
            }
            View::Objects(told) => {
                for view in news(told, views, Instant::now()) {
                    console.json_line(view)?;
                }
            }
        }
        Ok(())
    }
}

/// The list and a line about the whole; on a low terminal the oldest jobs are left out.
fn frame(views: &[JobView], more: bool, size: (u16, u16)) -> Vec<String> {
    // The heading, the line below, and the one that the cursor is in.
    let room = usize::from(size.1).saturating_sub(3).max(1);
    let list = List::new(
        &views[..views.len().min(room)],
        SystemTime::now(),
        Some(size.0),
        true,
    );
    let mut lines = vec![list.heading];
    let mut shown = 0;
    for job in &list.jobs {
        let of_job: Vec<String> = job.lines().map(str::to_owned).collect();
        // The newest is shown whatever it takes; what does not fit is cut when it is drawn.
        if shown > 0 && lines.len() + of_job.len() > room + 1 {
            break;
        }
        lines.extend(of_job);
        shown += 1;
    }
    lines.push(footer(views, shown, more));
    lines
}

fn footer(views: &[JobView], shown: usize, more: bool) -> String {
    let of = |state| views.iter().filter(|view| view.state == state).count();
    let (running, queued) = (of(ViewState::Running), of(ViewState::Queued));
    let mut words = vec![format!("{running} running"), format!("{queued} queued")];
    let jobs = count(views.len() as u64, "job");
    words.push(match more || shown < views.len() {
        true if more => format!("the newest {shown} of more than {jobs}"),
        true => format!("the newest {shown} of {jobs}"),
        false => jobs,
    });
    paint(
        FAINT,
        format_args!("{}; Ctrl-C ends the list, not the jobs", words.join(", ")),
    )
}

/// The jobs of which there is something new to tell, the oldest first.
fn news<'v>(
    told: &mut HashMap<JobId, Told>,
    views: &'v [JobView],
    now: Instant,
) -> Vec<&'v JobView> {
    let mut due = Vec::new();
    let mut before = std::mem::take(told);
    for view in views.iter().rev() {
        let Some(id) = &view.job_id else { continue };
        let line = words(view);
        let last = before.remove(id);
        let is_news = is_due(last.as_ref(), view, &line, now);
        if is_news {
            due.push(view);
        }
        let keep = last.filter(|_| !is_news);
        told.insert(
            id.clone(),
            keep.unwrap_or_else(|| Told::of(view, line, now)),
        );
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(n: usize, state: ViewState) -> JobView {
        JobView {
            job_id: Some(format!("t-9f3k2m7qw4x1a8bdc6t{n}").parse().unwrap()),
            ..JobView::bare(state)
        }
    }

    #[test]
    fn without_a_terminal_a_job_is_told_when_it_changes_and_the_oldest_first() {
        let (mut told, now) = (HashMap::new(), Instant::now());
        let first = [view(2, ViewState::Queued), view(1, ViewState::Running)];
        let ids = |due: Vec<&JobView>| due.into_iter().map(job::id).collect::<Vec<_>>().join(" ");
        assert_eq!(
            ids(news(&mut told, &first, now)),
            "t-9f3k2m7qw4x1a8bdc6t1 t-9f3k2m7qw4x1a8bdc6t2"
        );
        assert_eq!(ids(news(&mut told, &first, now)), "");
        let then = [view(2, ViewState::Queued), view(1, ViewState::Completed)];
        assert_eq!(ids(news(&mut told, &then, now)), "t-9f3k2m7qw4x1a8bdc6t1");
        assert_eq!(ids(news(&mut told, &then[..1], now)), "");
        assert_eq!(told.len(), 1, "what is pruned is forgotten");
    }

    #[test]
    fn a_low_terminal_shows_the_newest_and_says_so() {
        let views: Vec<JobView> = (0..9).map(|n| view(n, ViewState::Queued)).collect();
        let lines = frame(&views, false, (80, 6));
        assert_eq!(lines.len(), 5, "heading, three jobs, the line below");
        assert!(
            lines[4].contains("9 queued, the newest 3 of 9 jobs"),
            "{lines:?}"
        );
        let waiting: Vec<JobView> = std::iter::zip(views, 1..)
            .map(|(view, place)| JobView {
                queue_position: Some(place),
                ..view
            })
            .collect();
        let lines = frame(&waiting, false, (40, 8));
        assert_eq!(lines.len(), 6, "heading, two jobs of two lines: {lines:?}");
        assert!(lines[5].contains("the newest 2 of 9 jobs"), "{lines:?}");
    }
}
