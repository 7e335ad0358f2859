//! One attempt: start the worker, watch it, end it when it is time, leave nothing of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::commit::{End, restore_input};
use super::logs::Capped;
use super::memory::MemoryKills;
use super::questions::Carrier;
use super::start::Starter;
use crate::clock;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::job::outcome::{Cause, Exit};
use crate::job::record::JobRecord;
use crate::store::data_dir::DataDir;
use crate::store::exit_record::{ExitRecord, write_exit_record};
use crate::store::files::{self, Durability};
use crate::store::job_dir::{JobDir, note_on_stderr};
use crate::store::ledger::{Ledger, Settings};
use crate::store::projection::{publish_job, read_value};
use crate::sys::lock::Lock;
use crate::sys::schedule;
use crate::sys::sweep;
use crate::sys::tree;
use crate::sys::watch::{Touches, Watch, wait_readable};

/// How long a worker may take to end by itself after SIGTERM, unless the canceller says otherwise.
pub const GRACE: Duration = Duration::from_secs(10);
/// How much later than the supervisor's kill the worker's own timer fires.
pub(super) const OWN_TIMER_MARGIN: Duration = Duration::from_secs(5);
/// How often the ledger is read when no event came: a lost event costs this much.
const FALLBACK: Duration = Duration::from_secs(1);
/// How often logs are looked at that grow towards their cap.
const SHORT_LOOK: Duration = Duration::from_millis(100);
/// Whoever watches a job is told that it runs, and its readable copy says so, once it has run for so long: of a
/// shorter one its end is news enough, and the two cost as much as a commit.
const SHOW_AFTER: Duration = Duration::from_millis(50);
/// A worker that ends so soon is not watched for anything else: that costs a thirtieth of a short job.
const UNWATCHED: Duration = Duration::from_millis(10);
/// Jobs that follow one another so closely share a look at what was killed for want of memory.
const SHARED_LOOK: Duration = Duration::from_millis(50);
/// How long one round of killing lasts before the tree counts as unkillable for now.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// What an attempt holds while it runs.
pub struct Attempt<'a> {
    data: &'a DataDir,
    pub(super) starter: &'a Starter,
    pub(super) settings: &'a Settings,
    pub(super) job: &'a JobRecord,
    pub(super) dir: JobDir,
    pub(super) nonce: String,
    pub(super) tree_lock: Lock,
    exit_file: File,
}

/// Why an attempt did not begin; its body has not run.
pub enum NotStarted {
    /// Something passing, such as a full disk: the job goes back to the queue.
    Later(String),
    /// Something that will not mend by itself: the job fails with this reason.
    Never(String),
}

impl<'a> Attempt<'a> {
    /// Gets everything ready that a worker needs: the tree lock, room for the evidence, the input,
    /// the promised state.
    ///
    /// # Errors
    /// [`NotStarted`], when something is missing.
    pub fn prepare(
        data: &'a DataDir,
        starter: &'a Starter,
        ledger: &Ledger,
        job: &'a JobRecord,
        settings: &'a Settings,
    ) -> Result<Self, NotStarted> {
        let later = |what: &str, error: &dyn std::fmt::Display| {
            NotStarted::Later(format!("{what}: {error}"))
        };
        let dir = data.job(&job.id);
        let nonce = job.nonce.clone().unwrap_or_default();
        let tree_lock = take_tree(&dir).map_err(|error| later("tree.lock", &error))?;
        failpoint!("run.after_tree_lock", |error| later("tree.lock", &error));
        // Room for what the worker will say; it also wipes out what the attempt before has said.
        tree_lock
            .note(&"-".repeat(nonce.len()))
            .map_err(|error| later("tree.lock", &error))?;
        let exit_file = dir
            .reserve_exit_record()
            .map_err(|error| later("exit.rec", &error))?;
        let (row, hash) = ledger
            .input(job.seq)
            .map_err(|error| later("the input", &error))?;
        restore_input(&dir, row.as_deref(), &hash)
            .map_err(|error| NotStarted::Never(error.to_string()))?;
        failpoint!("run.after_exit_reserved", |error| later("exit.rec", &error));
        write_state(data, ledger, &dir, job).map_err(|error| later("state.json", &error))?;
        Ok(Attempt {
            data,
            starter,
            settings,
            job,
            dir,
            nonce,
            tree_lock,
            exit_file,
        })
    }

    /// Runs the worker to its end and its tree to nothing.
    ///
    /// # Errors
    /// [`NotStarted`], when no worker came to be.
    pub fn run(
        self,
        ledger: &mut Ledger,
        watch: Option<&Watch>,
        memory: &mut Option<MemoryKills>,
    ) -> Result<End, NotStarted> {
        failpoint!("run.before_fork");
        schedule::let_others_go_first();
        // The worker's own timer starts in between: whoever is stopped here must not think that it ran less.
        let began = Instant::now();
        let pid = self.start()?;
        failpoint!("run.after_fork");
        let (exit, usage, cause) = self.watch(pid, began, ledger, watch, memory);
        let record = ExitRecord {
            v: 1,
            nonce: self.nonce.clone(),
            exit,
            cause,
            usage,
            at_ms: clock::now_ms(),
        };
        failpoint!("run.before_exit_record");
        super::commit::persist(self.data, "exit.rec", || {
            failpoint!("run.write_exit_record", |error| {
                crate::error::Error::storage("write exit.rec", error)
            });
            write_exit_record(&self.exit_file, &record)
                .map_err(|error| crate::error::Error::storage("write exit.rec", error))
        });
        failpoint!("run.after_exit_record");
        schedule::let_others_go_first();
        let leaked = self.clear_tree(pid);
        failpoint!("run.after_tree");
        Ok(End {
            exit,
            cause,
            leaked,
            usage,
        })
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        self.job.timeout_ms.map(Duration::from_millis)
    }

    /// Waits for the worker's end, asking it to end when it is cancelled or too late, killing it
    /// after the grace period.
    fn watch(
        &self,
        worker: Pid,
        began: Instant,
        ledger: &mut Ledger,
        watch: Option<&Watch>,
        last: &mut Option<MemoryKills>,
    ) -> (Exit, Option<crate::job::outcome::Usage>, Option<Cause>) {
        let mut memory = MemoryKills::recent(*last, SHARED_LOOK);
        *last = Some(memory);
        let pidfd = tree::open_child(worker).ok();
        let pidfd = pidfd.as_ref().map(AsFd::as_fd);
        let ended = self.ends_at_once(pidfd);
        let watch = watch
            .filter(|_| !ended)
            .and_then(|watch| watch.touches(self.dir.path()).ok());
        let mut asked: Option<(Cause, Instant)> = None;
        let mut shown = false;
        let mut logs = self.capped_logs();
        let mut questions = Carrier::new(self.data, &self.dir, &self.nonce);
        loop {
            let growing = enforce_caps(&mut logs);
            // Armed first, read second, wait last: a change between any two of them is seen.
            let wish = ledger.wish_to_end(self.job.seq).ok().flatten();
            asked = asked.or_else(|| {
                self.reason_to_end(wish, began).map(|(cause, grace)| {
                    self.say_why(cause);
                    tree::ask_to_end(worker);
                    (cause, Instant::now() + grace)
                })
            });
            let killed_by_now = memory.again(FALLBACK / 2);
            match tree::peek(worker) {
                Ok(None) => memory = killed_by_now.unwrap_or(memory),
                Ok(Some((exit, usage))) => {
                    let cause = self
                        .cause_of(asked, exit, began)
                        .or_else(|| memory.explain(exit));
                    if cause == Some(Cause::OutOfMemory) {
                        // That explains this end, and not the next one's.
                        *last = None;
                    }
                    return (exit, Some(usage), cause);
                }
                Err(_) => return (Exit::Unknown, None, asked.map(|(cause, _)| cause)),
            }
            if asked.is_some_and(|(_, until)| Instant::now() >= until) {
                tree::kill_now(worker);
            }
            tree::reap_orphans(worker);
            schedule::give_way();
            if !shown && began.elapsed() >= SHOW_AFTER {
                shown = true;
                publish_job(self.data, self.job);
            }
            questions.carry(ledger, self.job);
            self.wait(
                pidfd,
                watch.as_ref().map(Touches::set),
                self.next_look(began, asked)
                    .min(if growing { SHORT_LOOK } else { FALLBACK })
                    .min(if shown { FALLBACK } else { SHOW_AFTER }),
            );
        }
    }

    /// Waits a moment for the worker alone: whatever else comes meanwhile is seen after it.
    fn ends_at_once(&self, worker: Option<BorrowedFd<'_>>) -> bool {
        let moment = self.timeout().unwrap_or(UNWATCHED).min(UNWATCHED);
        worker.is_some_and(|worker| wait_readable(&[worker], moment)[0])
    }

    fn capped_logs(&self) -> [Capped; 2] {
        let cap = self.settings.max_log_mib << 20;
        [self.dir.stdout(), self.dir.stderr()].map(|path| Capped::new(path, cap))
    }

    fn wait(&self, worker: Option<BorrowedFd<'_>>, watch: Option<&Watch>, at_most: Duration) {
        let at_most = if worker.is_none() {
            at_most.min(Duration::from_millis(20))
        } else {
            at_most
        };
        let fds: Vec<BorrowedFd<'_>> = worker.into_iter().chain(watch.map(AsFd::as_fd)).collect();
        wait_readable(&fds, at_most);
        if let Some(watch) = watch {
            watch.drain();
        }
    }

    fn reason_to_end(
        &self,
        wish: Option<Option<u64>>,
        began: Instant,
    ) -> Option<(Cause, Duration)> {
        if let Some(grace) = wish {
            return Some((Cause::Cancel, grace.map_or(GRACE, Duration::from_millis)));
        }
        self.timeout()
            .filter(|timeout| began.elapsed() >= *timeout)
            .map(|_| (Cause::Timeout, GRACE))
    }

    fn next_look(&self, began: Instant, asked: Option<(Cause, Instant)>) -> Duration {
        let now = Instant::now();
        let deadline = match asked {
            // Killed already, and not gone: it is stuck in the kernel, and its pidfd will tell.
            Some((_, until)) if until <= now => None,
            Some((_, until)) => Some(until),
            None => self.timeout().map(|timeout| began + timeout),
        };
        deadline.map_or(FALLBACK, |deadline| {
            deadline.saturating_duration_since(now).min(FALLBACK)
        })
    }

    /// A worker that its own timer killed, while we were stopped, ran out of time too.
    fn cause_of(
        &self,
        asked: Option<(Cause, Instant)>,
        exit: Exit,
        began: Instant,
    ) -> Option<Cause> {
        let overdue = self
            .timeout()
            .is_some_and(|timeout| began.elapsed() >= timeout + GRACE);
        let by_timer = exit == Exit::Signal(libc::SIGKILL) && overdue;
        asked
            .map(|(cause, _)| cause)
            .or_else(|| by_timer.then_some(Cause::Timeout))
    }

    fn say_why(&self, cause: Cause) {
        if let Ok(mut log) = files::open_append(&self.dir.stderr()) {
            let text = match cause {
                Cause::Cancel => "the job was cancelled",
                Cause::Timeout => "the job ran longer than its timeout",
                Cause::OutOfMemory => "memory ran out",
            };
            note_on_stderr(&mut log, text);
        }
    }

    /// Kills until waitpid says that nothing is left. A tree that cannot be killed keeps its slot:
    /// the job stays visibly running.
    fn clear_tree(&self, worker: Pid) -> u32 {
        let mut leaked = 0;
        loop {
            let end = tree::kill_all(worker, KILL_PATIENCE);
            leaked = leaked.max(end.leaked);
            if end.empty {
                return leaked;
            }
            super::log(&format!(
                "{}: something of the job cannot be killed yet",
                self.job.tool
            ));
        }
    }
}

/// Whether a log grows towards its cap. One that cannot be capped is left as it is.
fn enforce_caps(logs: &mut [Capped; 2]) -> bool {
    let mut growing = false;
    for log in logs {
        growing |= log.enforce().unwrap_or(false);
    }
    growing
}

/// Takes `tree.lock`. If something of an earlier attempt still holds it, that is killed first.
fn take_tree(dir: &JobDir) -> io::Result<Lock> {
    let until = Instant::now() + KILL_PATIENCE;
    loop {
        if let Some(lock) = Lock::try_take(&dir.tree_lock())? {
            return Ok(lock);
        }
        if Instant::now() >= until {
            return Err(io::Error::other(
                "something of an earlier attempt holds it and cannot be killed",
            ));
        }
        sweep::kill_holders(&dir.tree_lock());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn write_state(data: &DataDir, ledger: &Ledger, dir: &JobDir, job: &JobRecord) -> Result<()> {
    let pinned = ledger.pinned(&job.owner, job.seq)?;
    if pinned.is_empty() {
        return Ok(());
    }
    let mut json = Vec::from(&b"{"[..]);
    for (index, pin) in pinned.into_iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        json.extend_from_slice(
            format!(
                "{comma}\"{}\":{{\"version\":{},\"value\":",
                pin.field, pin.version
            )
            .as_bytes(),
        );
        json.extend_from_slice(&read_value(data, pin.value)?);
        json.push(b'}');
    }
    json.push(b'}');
    files::write_atomic(&dir.state(), &json, Durability::Relaxed)
        .map_err(|error| crate::error::Error::storage("write state.json", error))
}
