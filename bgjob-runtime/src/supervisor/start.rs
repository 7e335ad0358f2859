//! Starting a worker: by executing this program once more, or, where the setting `warm_workers` asks
//! for it and nothing is against it, by a fork of this supervisor that goes on as the worker.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Pid;

use super::child::{Attempt, GRACE, NotStarted, OWN_TIMER_MARGIN};
use crate::failpoint::failpoint;
use crate::launcher::{
    ATTEMPT_VAR, DIR_VAR, KILL_AFTER_VAR, MAX_RESULT_VAR, SCHEMA_VAR, WORK, is_read_when_loaded,
};
use crate::store::files;
use crate::sys::host;
use crate::sys::process::WorkerStart;
use crate::sys::spawn::spawn_worker;
use crate::sys::sweep::MARK;
use crate::sys::warm::Warm;

/// What a supervisor starts workers with.
pub struct Starter {
    /// What it needs to fork them, or what keeps it from that.
    warm: Result<Warm, &'static str>,
    /// What a forked worker does.
    work: fn() -> u8,
    ledger: PathBuf,
}

impl Starter {
    /// For workers that do `work`, on the data directory of `ledger`.
    pub fn new(warm: Result<Warm, &'static str>, work: fn() -> u8, ledger: PathBuf) -> Self {
        Starter { warm, work, ledger }
    }

    fn fork_or_execute(&self, start: WorkerStart<'_>) -> io::Result<Pid> {
        match self.forks(&start) {
            Ok(warm) => {
                tracing::info!("the worker is forked");
                warm.fork(start, &self.ledger, self.work)
            }
            Err(why) => {
                tracing::info!(why, "the worker is executed");
                spawn_worker(start)
            }
        }
    }

    /// Whether this worker may be forked; if not, why.
    fn forks(&self, start: &WorkerStart<'_>) -> Result<&Warm, &'static str> {
        let warm = self.warm.as_ref().map_err(|why| *why)?;
        if !host::has_one_thread() {
            return Err("the supervisor has threads");
        }
        if !warm.has_room(start) {
            return Err("its names are too long");
        }
        let job = |name| start.env.iter().rev().find(|(known, _)| known == name);
        let names = start.env.iter().map(|(name, _)| name.as_os_str());
        let differs = names.chain(warm.loaded_names()).any(|name| {
            is_read_when_loaded(name)
                && warm.was_loaded_with(name) != job(name).map(|(_, value)| value.as_os_str())
        });
        match differs {
            true => Err("its environment has something else that is read when a program is loaded"),
            false => Ok(warm),
        }
    }
}

impl Attempt<'_> {
    /// Starts the worker, with patience for what passes.
    ///
    /// # Errors
    /// [`NotStarted::Never`], when it cannot be started.
    pub(super) fn start(&self) -> Result<Pid, NotStarted> {
        let env = self.environment(self.settings.max_result_mib << 20)?;
        let mut pause = Duration::from_millis(5);
        loop {
            let error = match self.try_start(env.clone()) {
                Ok(worker) => return Ok(worker),
                Err(error) => error,
            };
            if !is_passing(&error) {
                let cwd = self.job.cwd.display();
                return Err(NotStarted::Never(format!(
                    "the worker cannot be started in {cwd}: {error}"
                )));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    fn try_start(&self, env: Vec<(OsString, OsString)>) -> io::Result<Pid> {
        failpoint!("run.fork", |error| error);
        let start = WorkerStart {
            env,
            cwd: &self.job.cwd,
            stdout: files::open_append(&self.dir.stdout())?,
            stderr: files::open_append(&self.dir.stderr())?,
            tree_lock: self.tree_lock.as_fd(),
            argv: [WORK, &self.job.tool],
        };
        match self.settings.warm_workers {
            true => self.starter.fork_or_execute(start),
            false => spawn_worker(start),
        }
    }

    fn environment(&self, max_result: u64) -> Result<Vec<(OsString, OsString)>, NotStarted> {
        let mut env = self.dir.read_env().map_err(|error| {
            NotStarted::Never(format!("the job's environment is lost: {error}"))
        })?;
        let mut add = |name: &str, value: String| env.push((name.into(), value.into()));
        add(MARK, format!("{}:{}", self.job.id, self.nonce));
        add(ATTEMPT_VAR, self.job.attempt.to_string());
        add(SCHEMA_VAR, self.job.schema_hash.clone());
        add(MAX_RESULT_VAR, max_result.to_string());
        if let Some(timeout) = self.timeout() {
            let kill_after = timeout + GRACE + OWN_TIMER_MARGIN;
            add(KILL_AFTER_VAR, kill_after.as_millis().to_string());
        }
        env.push((DIR_VAR.into(), self.dir.path().into()));
        Ok(env)
    }
}

fn is_passing(error: &io::Error) -> bool {
    let passing = [
        libc::EAGAIN,
        libc::ENOMEM,
        libc::EMFILE,
        libc::ENFILE,
        libc::EINTR,
    ];
    error
        .raw_os_error()
        .is_some_and(|code| passing.contains(&code))
}
