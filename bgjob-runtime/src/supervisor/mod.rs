//! The supervisor: a slot that claims a job, runs it, commits its end, and claims the next.
//!
//! A small process of its own, detached from whoever started it, with one thread, without tokio and
//! without user code. It is the child subreaper of all that its jobs start. It exits when there
//! is nothing left to do; so the queue drains although no server is alive.

mod child;
pub mod commit;
pub mod holder;
mod hooks;
mod idle;
mod logs;
mod memory;
pub mod overdue;
mod questions;
pub mod recover;
mod start;
mod unstarted;
pub mod verdict;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::clock;
use crate::diagnostics;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::job::record::JobRecord;
use crate::launcher::{self, SEATS_VAR};
use crate::store::data_dir::{DATA_DIR_VAR, DataDir};
use crate::store::files::create_private_dir;
use crate::store::ledger::{Candidate, Claim, Claimed, Ledger, Settings};
use crate::sys::lock::Lock;
use crate::sys::seats::Seat;
use crate::sys::warm::{ROOM_VAR, Warm};
use crate::sys::watch::Watch;
use crate::sys::{host, process, schedule};

use child::{Attempt, NotStarted};
use commit::{End, persist};
use holder::Holder;
use memory::MemoryKills;
use start::Starter;

/// Candidates looked at in one go, at first and then: others may hold the locks of the first few.
const LOOK_AHEAD: [u32; 2] = [1, 16];
/// How long a new supervisor tries to open the ledger.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
/// A job that could not be prepared is looked at again after this.
const LATER: Duration = Duration::from_secs(1);
/// Says something to the operator: `<data-dir>/supervisor.log`.
pub(crate) fn log(text: &str) {
    // A full disk must not stop a supervisor.
    let _ = writeln!(
        std::io::stderr(),
        "{} supervisor {}: {text}",
        clock::rfc3339(clock::now_ms()),
        std::process::id()
    );
}

/// The whole life of a supervisor process, whose workers do `work` and end with the status that it
/// returns. Detaches first; only the detached child goes on.
///
/// # Errors
/// When it cannot detach or its data directory cannot be used.
pub fn run(work: fn() -> u8) -> Result<()> {
    // Before it detaches: what it looks at is gone after that.
    let warm = match std::env::var_os(ROOM_VAR) {
        Some(_) => Warm::take(),
        None => Err("the supervisor was started before that was asked for"),
    };
    #[cfg(feature = "failpoints")]
    if let Some(root) = std::env::var_os(DATA_DIR_VAR) {
        crate::failpoint::obey_file(std::path::Path::new(&root));
    }
    process::shed_inherited();
    let root = std::env::var_os(DATA_DIR_VAR).map(PathBuf::from);
    let root = root.ok_or_else(|| {
        Error::storage(
            "start a supervisor",
            format_args!("{DATA_DIR_VAR} is not set"),
        )
    })?;
    let data = DataDir::trusted(root);
    let build = host::build_id().map_err(|error| Error::storage("identify this program", error))?;
    // Before whoever starts this one goes on: the next look finds the seat taken.
    let seat = match seats_there_are() {
        Some(seats) => match Seat::take(&data.seats(&build), seats) {
            Ok(None) => return Ok(()),
            taken => taken.ok().flatten(),
        },
        None => None,
    };
    failpoint!("launch.before_detach");
    process::detach().map_err(|error| Error::storage("detach a supervisor", error))?;
    process::allow_open_files();
    schedule::give_way();
    let _lines = diagnostics::begin_here(tracing::Level::WARN);
    process::adopt_orphans(true).map_err(|error| Error::storage("become a subreaper", error))?;
    tracing::info!("a supervisor begins");
    failpoint!("launch.after_detach");
    let ledger = open_ledger(&data)?;
    let starter = Starter::new(warm, work, data.ledger());
    Supervisor {
        data,
        ledger,
        starter,
        build,
        seat,
        boot: host::boot_id(),
        watch: Watch::new().ok(),
        memory: None,
        worked: false,
    }
    .drain();
    Ok(())
}

/// Opens the ledger, with patience for a disk that is full for a moment. Nothing is claimed yet, so
/// that giving up loses nothing: a supervisor whose limits never let it open a file must not stay.
fn open_ledger(data: &DataDir) -> Result<Ledger> {
    let until = Instant::now() + OPEN_PATIENCE;
    loop {
        let error = match Ledger::open(&data.ledger()) {
            Ok(ledger) => return Ok(ledger),
            Err(error) => error,
        };
        if Instant::now() >= until {
            return Err(error);
        }
        commit::leave_if_orphaned(data);
        std::thread::sleep(Duration::from_millis(100));
    }
}

struct Supervisor {
    data: DataDir,
    ledger: Ledger,
    starter: Starter,
    build: String,
    /// Tells others that it will look for work before it leaves.
    seat: Option<Seat>,
    boot: String,
    /// One for its whole life, since closing one takes the kernel 10 ms and more.
    watch: Option<Watch>,
    /// The last look at what was killed for want of memory.
    memory: Option<MemoryKills>,
    /// Whether it has run a job since it last lingered.
    worked: bool,
}

/// A claimed job, the lock that says that its supervisor lives, and the settings that it runs under.
struct Slot {
    job: JobRecord,
    lock: Lock,
    settings: Settings,
}

/// What came of looking for work.
enum Found {
    Job(Box<Slot>),
    /// All slots are taken, by whoever.
    NoSlot,
    /// A job is ready, and something that passes keeps it from being started: too little memory,
    /// or somebody else who holds its lock for a moment.
    NotYet,
    Nothing,
    /// The ledger that is open is not the data directory's any more.
    NoLedger,
}

impl Supervisor {
    fn drain(&mut self) {
        let mut sleeper = None;
        loop {
            match self.next() {
                Ok(Found::Job(slot)) => {
                    // Before the baton's look: whoever saw it held has left a job to us.
                    drop(sleeper.take());
                    self.sit(&slot.settings);
                    self.pass_the_baton(&slot.settings);
                    self.run_job(*slot);
                    self.worked = true;
                }
                // Its jobs cannot be found by anybody: running them would do work for nobody.
                Ok(Found::NoLedger) => return,
                // Slots of the dead are given back; then there may be one for us.
                Ok(Found::NoSlot | Found::Nothing) if self.recover() > 0 => {}
                // Nobody goes without a last look after giving back the lock.
                Ok(_) if sleeper.take().is_some() => {}
                Ok(found) => {
                    sleeper = match found {
                        Found::NotYet => self.sleep_alone(LATER, false),
                        Found::Nothing => self.wait_for_later_work().or_else(|| self.linger()),
                        _ => None,
                    };
                    // Nor after giving back the seat.
                    if sleeper.is_none() && self.seat.take().is_none() {
                        return;
                    }
                }
                Err(error) => {
                    log(&error.to_string());
                    commit::leave_if_orphaned(&self.data);
                    std::thread::sleep(LATER);
                }
            }
        }
    }

    fn next(&mut self) -> Result<Found> {
        if !self.ledger.is_still_at(&self.data.ledger()) {
            log("the ledger was removed or replaced; its queue is not worked on");
            return Ok(Found::NoLedger);
        }
        let mut found = Found::Nothing;
        for limit in LOOK_AHEAD {
            let now = clock::now_ms();
            let candidates = self.ledger.candidates(&self.build, now, limit)?;
            if candidates.is_empty() {
                return Ok(Found::Nothing);
            }
            let settings = self.ledger.settings()?;
            if is_memory_short(&settings) {
                return Ok(Found::NotYet);
            }
            found = self.first_of(candidates, settings)?;
            if !matches!(found, Found::NotYet | Found::Nothing) {
                break;
            }
        }
        Ok(found)
    }

    /// The first of the candidates that can be had.
    fn first_of(&mut self, candidates: Vec<Candidate>, settings: Settings) -> Result<Found> {
        let mut held = false;
        for candidate in candidates {
            let dir = self.data.job(&candidate.id);
            create_private_dir(dir.path())
                .map_err(|error| Error::storage("use a job's directory", error))?;
            // Before the claim commits: whoever sees the job running finds its lock held.
            let lock =
                Lock::try_take(&dir.lock()).map_err(|error| Error::storage("lock a job", error))?;
            let Some(lock) = lock else {
                held = true;
                continue;
            };
            failpoint!("claim.after_lock");
            let nonce = crate::sys::nonce();
            Holder::new(&nonce, &self.boot, None).note(&lock);
            let claim = Claim {
                build: &self.build,
                nonce: &nonce,
                boot: &self.boot,
                now_ms: clock::now_ms(),
            };
            match self.ledger.claim(candidate.seq, &claim)? {
                Claimed::Yes(job) => {
                    failpoint!("claim.after_commit");
                    return Ok(Found::Job(Box::new(Slot {
                        job: *job,
                        lock,
                        settings,
                    })));
                }
                Claimed::NoSlot => return Ok(Found::NoSlot),
                Claimed::Gone => {}
            }
        }
        Ok(if held { Found::NotYet } else { Found::Nothing })
    }

    /// Takes a seat if there is one: it was given back before a last look, or there were none.
    fn sit(&mut self, settings: &Settings) {
        if self.seat.is_none() {
            let seat = Seat::take(&self.data.seats(&self.build), settings.max_jobs);
            self.seat = seat.ok().flatten();
        }
    }

    /// Starts one more supervisor if a slot and a job are left: it will do the same. Only while we
    /// have no child: a newcomer adopted by us would die with our next tree.
    fn pass_the_baton(&self, settings: &Settings) {
        if Seat::are_all_taken(&self.data.seats(&self.build), settings.max_jobs) {
            return;
        }
        let more = || -> Result<bool> {
            let free = self.ledger.count_alive()? < settings.max_jobs;
            Ok(free && self.sees_work()?)
        };
        match more() {
            Ok(true) => {
                failpoint!("baton.before_launch");
                hooks::apart(|| {
                    launcher::launch(&self.data, settings.warm_workers, Some(settings.max_jobs))
                });
            }
            Ok(false) => {}
            Err(error) => log(&error.to_string()),
        }
    }

    fn run_job(&mut self, slot: Slot) {
        // Of the highest level, so that its job is named in whatever is written.
        let span = tracing::error_span!("job", id = %slot.job.id, attempt = slot.job.attempt);
        let _entered = span.entered();
        tracing::info!("claimed");
        failpoint!("run.before_prepare");
        overdue::note(&slot.lock, &slot.job, &self.boot);
        let prepared = Attempt::prepare(
            &self.data,
            &self.starter,
            &self.ledger,
            &slot.job,
            &slot.settings,
        );
        let ended = match prepared {
            Ok(attempt) => attempt.run(&mut self.ledger, self.watch.as_ref(), &mut self.memory),
            Err(reason) => Err(reason),
        };
        match ended {
            Ok(end) => self.commit(&slot.job, &end),
            Err(NotStarted::Never(why)) => self.fail_unstarted(&slot.job, &why),
            Err(NotStarted::Later(why)) => self.give_back(&slot.job, &why),
        }
    }

    fn commit(&mut self, job: &JobRecord, end: &End) {
        let (data, ledger, boot) = (&self.data, &mut self.ledger, &self.boot);
        let ended = persist(data, "the end of a job", || {
            commit::commit(data, ledger, job, end, boot)
        });
        match ended {
            Some(_) => tracing::info!(exit = ?end.exit, cause = ?end.cause, "ended"),
            None => log("a job was ended by somebody else"),
        }
        hooks::start(&self.data, &self.ledger);
    }

    fn recover(&mut self) -> usize {
        let ended = recover::recover(&self.data, &mut self.ledger, &self.boot);
        let ended = ended.unwrap_or_else(|error| {
            log(&error.to_string());
            0
        });
        if ended > 0 {
            hooks::start(&self.data, &self.ledger);
        }
        ended
    }
}

/// How many supervisors there may be, if the starter says so.
fn seats_there_are() -> Option<u32> {
    std::env::var(SEATS_VAR).ok()?.parse().ok()
}

/// A job that starts when memory is short takes others with it.
fn is_memory_short(settings: &Settings) -> bool {
    !host::has_memory(settings.min_memory_mib)
}
