//! Watching jobs until they end, with Ctrl-C as the way out.

mod bars;
mod display;
mod lines;
mod questions;
mod screen;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::console::Console;
use super::failure::Failure;
use super::render::job;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::JobView;
use crate::service::{JobService, Until};
use crate::sys::interrupt::Listener;
use display::Display;
use questions::Questions;

pub use display::Show;
pub use lines::{Told, is_due, words};

/// After the first Ctrl-C, a second one within this time cancels the job.
const SECOND_CHANCE: Duration = Duration::from_secs(2);

/// What to watch and until when.
pub struct Watched<'a> {
    /// The jobs.
    pub ids: &'a [JobId],
    /// Which of them must end.
    pub until: Until,
    /// How long to watch at most.
    pub timeout: Option<Duration>,
    /// How to show progress.
    pub show: Show,
    /// Whether a second Ctrl-C cancels the jobs.
    pub may_cancel: bool,
}

/// How watching ended.
#[derive(Debug)]
pub enum Followed {
    /// The jobs ended, or the time was over.
    ToTheEnd {
        /// Whether each end has been told as it came.
        told: bool,
    },
    /// Ctrl-C: the jobs go on.
    Detached,
}

enum Event {
    Seen(Vec<JobView>),
    Over(Result<Vec<JobView>>),
    Interrupt,
}

/// Where a watcher hears of its jobs and of Ctrl-C. Opened before the user sees a job's id, so that
/// a Ctrl-C from then on detaches.
pub struct Inbox {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
    _listener: Option<Listener>,
}

impl Inbox {
    /// Listens from now on.
    pub fn open() -> Self {
        let (sender, receiver) = mpsc::channel();
        let listener = listen(sender.clone());
        Inbox {
            sender,
            receiver,
            _listener: listener,
        }
    }
}

enum Mode {
    Watching,
    /// Detached; leaves at this time.
    Leaving(Instant),
    Cancelling,
}

/// Watches jobs.
///
/// # Errors
/// `job_not_found` when one is pruned meanwhile, or `storage_error`.
pub fn follow(
    service: &Arc<JobService>,
    watched: &Watched<'_>,
    inbox: &Inbox,
    console: &Console,
) -> Result<Followed, Failure> {
    spawn_waiter(service, watched, inbox.sender.clone())?;
    let mut display = Display::new(watched.show, watched.ids.len(), console);
    let mut mode = Mode::Watching;
    let mut live = watched.ids.to_vec();
    let mut questions = Questions::default();
    loop {
        match (next(&inbox.receiver, &mode), &mode) {
            (Some(Event::Seen(views)), _) => {
                live = still_live(&views);
                if !matches!(mode, Mode::Leaving(_)) {
                    display.show(&views);
                    for question in questions.news(&views, console) {
                        display.insist(&question, console);
                    }
                }
            }
            (Some(Event::Over(outcome)), _) => {
                let told = display.tells_ends();
                display.finish();
                let ended = outcome.map(|_| Followed::ToTheEnd { told });
                return ended.map_err(Failure::from);
            }
            // All have ended: the next event says so.
            (Some(Event::Interrupt), Mode::Watching) if live.is_empty() => {}
            (Some(Event::Interrupt), Mode::Watching) => {
                display.finish();
                console.insist(goodbye(&live, watched.may_cancel, console));
                if !watched.may_cancel {
                    return Ok(Followed::Detached);
                }
                mode = Mode::Leaving(Instant::now() + SECOND_CHANCE);
            }
            (Some(Event::Interrupt), Mode::Leaving(_)) => {
                console.insist("cancelling; Ctrl-C once more stops watching");
                cancel(service, &live)?;
                mode = Mode::Cancelling;
            }
            (Some(Event::Interrupt), Mode::Cancelling) | (None, _) => {
                display.finish();
                return Ok(Followed::Detached);
            }
        }
    }
}

/// The next event; `None` when there is none before it is time to leave.
fn next(inbox: &Receiver<Event>, mode: &Mode) -> Option<Event> {
    match mode {
        Mode::Leaving(at) => inbox
            .recv_timeout(at.saturating_duration_since(Instant::now()))
            .ok(),
        Mode::Watching | Mode::Cancelling => inbox.recv().ok(),
    }
}

/// Without a handler, Ctrl-C ends this program at once, which does the jobs no harm either.
fn listen(events: Sender<Event>) -> Option<Listener> {
    let listener = Listener::new(move || drop(events.send(Event::Interrupt)));
    listener
        .inspect_err(|error| tracing::warn!(%error, "Ctrl-C will end this program without a word"))
        .ok()
}

/// Waits on a thread of its own, which ends by itself once nobody listens.
fn spawn_waiter(
    service: &Arc<JobService>,
    watched: &Watched<'_>,
    events: Sender<Event>,
) -> Result<(), Error> {
    let (service, ids) = (Arc::clone(service), watched.ids.to_vec());
    let (until, timeout) = (watched.until, watched.timeout);
    let wait = move || {
        let outcome = service.wait(
            &Owner::local(),
            &ids,
            until,
            timeout,
            &mut |views| match events.send(Event::Seen(views.to_vec())) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            },
        );
        let _ = events.send(Event::Over(outcome));
    };
    let thread = std::thread::Builder::new().name("wait".into()).spawn(wait);
    thread
        .map(drop)
        .map_err(|error| Error::storage("wait for the job", error))
}

fn cancel(service: &JobService, ids: &[JobId]) -> Result<()> {
    ids.iter()
        .try_for_each(|id| service.cancel(&Owner::local(), id, None).map(drop))
}

/// The jobs that have not ended.
fn still_live(views: &[JobView]) -> Vec<JobId> {
    let live = views.iter().filter(|view| !job::is_over(view));
    live.filter_map(|view| view.job_id.clone()).collect()
}

fn goodbye(live: &[JobId], may_cancel: bool, console: &Console) -> String {
    let goes = match live.len() {
        1 => "the job goes on".to_owned(),
        several => format!("{several} jobs go on"),
    };
    let ids: String = live
        .iter()
        .map(|id| format!("{}{id}", between(live)))
        .collect();
    let wait = console.command(format_args!("jobs wait{ids}"));
    let cancel = console.command(format_args!("jobs cancel{ids}"));
    let now = match may_cancel {
        true => "; Ctrl-C again now cancels",
        false => "",
    };
    format!("detached: {goes}{now}\n  watch again: {wait}\n  cancel:      {cancel}")
}

/// What stands before each id: several ids in one line would break anywhere on the screen, and a
/// shell takes these lines as they are.
fn between(ids: &[JobId]) -> &'static str {
    match ids.len() {
        1 => " ",
        _ => " \\\n    ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::view::ViewState;

    fn ids(count: usize) -> Vec<JobId> {
        let id = |n| format!("t-9f3k2m7qw4x1a8bdc6t{n}").parse().unwrap();
        (0..count).map(id).collect()
    }

    fn console() -> Console {
        Console {
            quiet: false,
            prefix: "tank".into(),
        }
    }

    #[test]
    fn the_goodbye_names_the_jobs_that_go_on() {
        let text = goodbye(&ids(1), true, &console());
        assert_eq!(
            text,
            "detached: the job goes on; Ctrl-C again now cancels\n  watch again: tank jobs wait t-9f3k2m7qw4x1a8bdc6t0\n  cancel:      tank jobs cancel t-9f3k2m7qw4x1a8bdc6t0"
        );
        let text = goodbye(&ids(3), false, &console());
        assert!(text.starts_with("detached: 3 jobs go on\n"), "{text}");
        assert!(text.lines().all(|line| line.len() < 60), "{text}");
        assert!(
            text.ends_with("jobs cancel \\\n    t-9f3k2m7qw4x1a8bdc6t0 \\\n    t-9f3k2m7qw4x1a8bdc6t1 \\\n    t-9f3k2m7qw4x1a8bdc6t2"),
            "{text}"
        );
    }

    #[test]
    fn ended_jobs_are_not_live() {
        let ids = ids(3);
        let states = [ViewState::Completed, ViewState::Running, ViewState::Queued];
        let views: Vec<JobView> = std::iter::zip(&ids, states)
            .map(|(id, state)| JobView {
                job_id: Some(id.clone()),
                ..JobView::bare(state)
            })
            .collect();
        assert_eq!(still_live(&views), ids[1..]);
    }
}
