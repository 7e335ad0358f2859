//! `Job`: what a tool's function can say and ask while it runs.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::clock::now_ms;
use crate::error::{Code, Error, Result};
use crate::job::event::Said;
use crate::job::id::JobId;
use crate::job::progress::Progress;
use crate::job::question::Answer;
use crate::store::job_dir::JobDir;
use crate::store::progress_file::ProgressFile;
use crate::sys;

use count::share;
use events::{Events, short};

mod ask;
mod checkpoint;
pub mod command;
mod count;
mod desk;
mod events;

pub use ask::Question;
pub use count::Count;

/// Between two writes of `progress.json` at least this long passes, unless something new begins or ends.
const INTERVAL: Duration = Duration::from_millis(100);

/// The job that a function runs as, injected into a parameter of type `&Job`.
///
/// | call | for |
/// |---|---|
/// | [`progress`](Job::progress), [`phase`](Job::phase), [`note`](Job::note) | telling how far the work is |
/// | [`is_cancelled`](Job::is_cancelled), [`cancelled`](Job::cancelled) | ending early and tidily |
/// | [`checkpoint`](Job::checkpoint), [`restore`](Job::restore) | going on where an earlier attempt ended |
/// | [`command`](Job::command) | running another program |
/// | [`ask`](Job::ask) | asking a person, or the agent that started the job |
/// | [`dir`](Job::dir), [`artifact`](Job::artifact) | files of the job's own |
/// | [`id`](Job::id), [`attempt`](Job::attempt) | naming it |
/// | [`Job::test`] | calling the function from a unit test |
///
/// A clone is the same job.
///
/// ```
/// use bgjob_runtime::Job;
///
/// fn count(job: &Job, days: u32) -> u32 {
///     for day in 1..=days {
///         if job.is_cancelled() { return day; }
///         job.progress(day, days, format_args!("day {day}"));
///     }
///     days
/// }
///
/// let job = Job::test();
/// assert_eq!(count(&job, 3), 3);
/// assert_eq!(job.progress_seen().len(), 3);
/// ```
#[derive(Clone)]
pub struct Job {
    inner: Arc<Inner>,
}

struct Inner {
    id: JobId,
    attempt: u32,
    dir: PathBuf,
    /// Hash of the tool's input schema.
    schema: String,
    /// What a checkpoint belongs to, made when one is first written or read.
    tags: OnceLock<checkpoint::Tags>,
    started: Instant,
    /// When the next ordinary write is due, in ns after `started`.
    due_ns: AtomicU64,
    /// Whether the end (`done >= total`) has been written since the last step before it.
    ended: AtomicBool,
    reported: AtomicBool,
    last: Mutex<Progress>,
    file: Mutex<ProgressFile>,
    /// Made by the first question.
    desk: OnceLock<Arc<desk::Desk>>,
    events: Mutex<Events>,
    test: Option<TestJob>,
}

/// What only a job made by [`Job::test`] has.
struct TestJob {
    cancelled: watch::Sender<bool>,
    seen: Mutex<Vec<Progress>>,
    answers: Mutex<BTreeMap<String, Answer>>,
    asked: Mutex<Vec<(String, String)>>,
    _dir: Option<tempfile::TempDir>,
}

impl Job {
    pub(crate) fn new(
        id: JobId,
        attempt: u32,
        nonce: String,
        dir: PathBuf,
        schema: String,
    ) -> Self {
        Job::build(id, attempt, nonce, dir, schema, None)
    }

    fn build(
        id: JobId,
        attempt: u32,
        nonce: String,
        dir: PathBuf,
        schema: String,
        test: Option<TestJob>,
    ) -> Self {
        let last = Progress {
            attempt,
            nonce,
            ..Progress::default()
        };
        let files = JobDir::new(dir.clone());
        let file = ProgressFile::new(files.progress(), files.hidden_progress());
        let events = Mutex::new(Events::new(files.events(), attempt));
        let inner = Inner {
            id,
            attempt,
            dir,
            schema,
            tags: OnceLock::new(),
            started: Instant::now(),
            due_ns: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            reported: AtomicBool::new(false),
            last: Mutex::new(last),
            file: Mutex::new(file),
            desk: OnceLock::new(),
            events,
            test,
        };
        Job {
            inner: Arc::new(inner),
        }
    }

    /// A job for unit tests, in a temporary directory that goes with its last clone.
    ///
    /// # Panics
    /// Where no temporary directory can be made.
    pub fn test() -> Self {
        let dir = tempfile::Builder::new().prefix("bgjob-test-").tempdir();
        let dir = dir.unwrap_or_else(|error| {
            panic!("cannot make a temporary directory for a test job: {error}")
        });
        let path = dir.path().to_owned();
        let test = TestJob {
            cancelled: watch::Sender::new(false),
            seen: Mutex::default(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            _dir: Some(dir),
        };
        Job::build(
            JobId::new("test", crate::sys::random_bytes()),
            1,
            "test".to_owned(),
            path,
            String::new(),
            Some(test),
        )
    }

    /// The job's id.
    pub fn id(&self) -> &JobId {
        &self.inner.id
    }

    /// The number of this attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// The job's own directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The path of the artifact `name`, a file that outlives the attempt and that clients can fetch. The
    /// function creates the file itself.
    ///
    /// # Errors
    /// `invalid_argument` where `name` is not a plain file name; `storage_error` where `artifacts/` cannot be made.
    pub fn artifact(&self, name: &str) -> Result<PathBuf> {
        if !crate::job::artifact::is_name(name) {
            let shown = super::check::words::clip(name, 80);
            return Err(Error::new(Code::InvalidArgument, format!("`{shown}` is not a plain file name"))
                .remedy("Name the artifact without a directory, such as `plot.svg`: at most 255 bytes, no leading dot, no control characters."));
        }
        let dir = self.inner.dir.join("artifacts");
        match DirBuilder::new().mode(0o700).create(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::storage(
                format_args!("make `{}`", dir.display()),
                error,
            )),
            _ => Ok(dir.join(name)),
        }
    }

    /// Says that `done` of `total` is done, in any unit. Cheap enough for an inner loop: most calls read a clock
    /// and return; pass `format_args!` so that the message is only made when it is written.
    pub fn progress(&self, done: impl Count, total: impl Count, message: impl Display) {
        let (done, total) = (done.count(), total.count());
        let at_end = done >= total;
        if !self.is_due(at_end) {
            return;
        }
        let said = self.update(|last| {
            last.progress = share(done, total);
            last.done = Some(done).filter(|n| n.is_finite());
            last.total = Some(total).filter(|n| n.is_finite());
            last.message = Some(short(message)).filter(|text| !text.is_empty());
            (last.progress, last.message.clone())
        });
        self.record(|events| events.progress(said.0, said.1));
    }

    /// Begins the stage `name`; what was said of the stage before, its share and message, is
    /// forgotten. Saying the present stage again changes nothing.
    pub fn phase(&self, name: impl Display) {
        let name = short(name);
        if self.last().phase.as_deref() == Some(name.as_str()) {
            return;
        }
        self.update(|last| {
            last.phase_started_at_ms = Some(now_ms());
            last.phase = Some(name.clone());
            last.message = None;
            (last.progress, last.done, last.total) = (None, None, None);
        });
        self.record(|events| events.say(Said::Phase { phase: name }));
    }

    /// Leaves a remark that status replies show until the next one, and the history for good.
    pub fn note(&self, text: impl Display) {
        let text = short(text);
        if self.last().note.as_deref() == Some(text.as_str()) {
            return;
        }
        self.update(|last| last.note = Some(text.clone()));
        self.record(|events| events.say(Said::Note { note: text }));
    }

    /// Whether somebody asked the job to end. The process is killed some seconds later.
    pub fn is_cancelled(&self) -> bool {
        match &self.inner.test {
            Some(test) => *test.cancelled.borrow(),
            None => sys::term::watch().is_set(),
        }
    }

    /// Waits until somebody asks the job to end.
    pub async fn cancelled(&self) {
        match &self.inner.test {
            Some(test) => {
                // The sender lives as long as `self`, so this cannot fail.
                let _ = test
                    .cancelled
                    .subscribe()
                    .wait_for(|cancelled| *cancelled)
                    .await;
            }
            None => sys::term::watch().wait().await,
        }
    }

    /// Cancels a job made by [`Job::test`]; any other stays as it is.
    pub fn cancel(&self) {
        if let Some(test) = &self.inner.test {
            test.cancelled.send_replace(true);
        }
    }

    /// Every progress, phase and note of a job made by [`Job::test`], throttled ones too.
    pub fn progress_seen(&self) -> Vec<Progress> {
        self.inner
            .test
            .as_ref()
            .map(|test| lock(&test.seen).clone())
            .unwrap_or_default()
    }

    fn last(&self) -> MutexGuard<'_, Progress> {
        lock(&self.inner.last)
    }

    /// The throttle: no lock and no allocation, and one clock read.
    fn is_due(&self, at_end: bool) -> bool {
        if at_end {
            if !self.inner.ended.swap(true, Ordering::Relaxed) {
                return true;
            }
        } else if self.inner.ended.load(Ordering::Relaxed) {
            self.inner.ended.store(false, Ordering::Relaxed);
        }
        self.inner.test.is_some() || self.elapsed_ns() >= self.inner.due_ns.load(Ordering::Relaxed)
    }

    fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.inner.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn update<T>(&self, change: impl FnOnce(&mut Progress) -> T) -> T {
        let mut last = self.last();
        let before = last.clone();
        let told = change(&mut last);
        let news = *last != before || before.at_ms == 0;
        last.at_ms = now_ms();
        if news {
            last.changed_at_ms = last.at_ms;
        }
        self.write(&last);
        if let Some(test) = &self.inner.test {
            lock(&test.seen).push(last.clone());
        }
        // Counted from the end of the write, so that a slow disk cannot take all of the function's time.
        let due = self
            .elapsed_ns()
            .saturating_add(u64::try_from(INTERVAL.as_nanos()).unwrap_or(u64::MAX));
        self.inner.due_ns.store(due, Ordering::Relaxed);
        told
    }

    fn write(&self, progress: &Progress) {
        self.report(lock(&self.inner.file).write(progress));
    }

    fn record(&self, what: impl FnOnce(&mut Events) -> io::Result<()>) {
        self.report(what(&mut lock(&self.inner.events)));
    }

    /// Progress never fails a job: what goes wrong is said once.
    fn report(&self, written: io::Result<()>) {
        if let Err(error) = written
            && !self.inner.reported.swap(true, Ordering::Relaxed)
        {
            let _ = writeln!(std::io::stderr(), "progress is not recorded: {error}");
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({}, attempt {})", self.inner.id, self.inner.attempt)
    }
}

/// A function that panicked while it held the lock leaves whole values behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
