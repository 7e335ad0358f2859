//! Watching jobs until they end, with Ctrl-C as the way out.

mod bars;
mod display;
mod lines;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::console::Console;
use super::failure::Failure;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::JobView;
use crate::service::{JobService, Until};
use crate::sys::interrupt::Listener;
use display::Display;

pub use display::Show;

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
    ToTheEnd,
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
    loop {
        match (next(&inbox.receiver, &mode), &mode) {
            (Some(Event::Seen(views)), Mode::Watching | Mode::Cancelling) => display.show(&views),
            (Some(Event::Seen(_)), Mode::Leaving(_)) => {}
            (Some(Event::Over(outcome)), _) => {
                display.finish();
                return outcome.map(|_| Followed::ToTheEnd).map_err(Failure::from);
            }
            (Some(Event::Interrupt), Mode::Watching) => {
                display.finish();
                console.insist(goodbye(watched, console));
                if !watched.may_cancel {
                    return Ok(Followed::Detached);
                }
                mode = Mode::Leaving(Instant::now() + SECOND_CHANCE);
            }
            (Some(Event::Interrupt), Mode::Leaving(_)) => {
                console.insist("cancelling; Ctrl-C once more stops watching");
                cancel(service, watched.ids)?;
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

fn goodbye(watched: &Watched<'_>, console: &Console) -> String {
    let ids: Vec<&str> = watched.ids.iter().map(JobId::as_str).collect();
    let (ids, goes) = (
        ids.join(" "),
        if watched.ids.len() == 1 {
            "the job goes on"
        } else {
            "the jobs go on"
        },
    );
    let wait = console.command(format_args!("jobs wait {ids}"));
    let cancel = console.command(format_args!("jobs cancel {ids}"));
    let now = if watched.may_cancel {
        ", or press Ctrl-C again now"
    } else {
        ""
    };
    format!("detached: {goes}\n  watch again: {wait}\n  cancel:      {cancel}{now}")
}
