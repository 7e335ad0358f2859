//! The door: everything that a front-end can ask for. Every front-end goes through here, and what
//! it shows is a `JobView`.

mod artifacts;
mod cancel;
pub mod config;
pub mod doctor;
mod environment;
mod live;
mod logs;
mod mend;
mod prune;
mod query;
mod questions;
mod results;
mod retry;
mod state;
mod submit;
mod survival;
mod system;
mod wait;
mod waiting;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use crate::error::{Error, Result};
use crate::job::request::Owner;
use crate::job::timing::PastRuns;
use crate::launcher;
use crate::store::data_dir::DataDir;
use crate::store::ledger::{Ledger, Settings};
use crate::supervisor::recover;
use crate::sys::host;
use crate::sys::lock::Lock;
use crate::sys::seats::Seat;
use crate::tool::registry::Registry;

pub use logs::Stream;
pub use prune::Pruned;
pub use query::Standing;
pub use results::INLINE_RESULT_BYTES;
pub use state::StateJson;
pub(crate) use submit::refuse_inside_a_job;
pub use system::SystemStatus;
pub use wait::Until;

/// How a front-end opens the service.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// The server's name.
    pub server: String,
    /// The server's version.
    pub version: String,
    /// The data directory, created if missing.
    pub data_dir: PathBuf,
    /// What binds if nobody has set it yet on that directory.
    pub settings: Settings,
    /// Environment variables handed to every job beside the allow-list.
    pub pass_env: Vec<String>,
}

/// Jobs and state on one data directory. Any number of processes may have it open at once; none of
/// them owns it.
pub struct JobService {
    options: ServiceOptions,
    data: DataDir,
    ledger: Mutex<Ledger>,
    registry: &'static Registry,
    build: String,
    boot: String,
    mended: Once,
    /// By owner and tool; an entry holds while as many runs have completed as it knows of.
    past: Mutex<HashMap<(Owner, String), Arc<PastRuns>>>,
}

impl JobService {
    /// Opens the data directory and its ledger, and records which tools this program has.
    ///
    /// # Errors
    /// `storage_error` with one sentence when the directory or the ledger cannot be used.
    pub fn open(options: ServiceOptions, registry: &'static Registry) -> Result<Self> {
        let data = DataDir::open(options.data_dir.clone())?;
        #[cfg(feature = "failpoints")]
        crate::failpoint::obey_environment(data.root());
        let mut ledger = Ledger::open(&data.ledger())?;
        let wanted = config::wanted(&data.config(), &options.settings)?;
        let in_force = ledger.agree_on(&wanted)?;
        let overruled = in_force.texts().into_iter().zip(&wanted);
        for ((name, value), wish) in overruled.filter(|((_, value), wish)| *value != wish.value) {
            let (wish, source) = (&wish.value, wish.source.as_str());
            tracing::info!(
                name,
                value,
                wish,
                source,
                "the data directory's setting binds, not this program's"
            );
        }
        let build =
            host::build_id().map_err(|error| Error::storage("identify this program", error))?;
        ledger.register_build(
            &build,
            registry
                .iter()
                .map(|tool| (tool.spec.name, tool.input_hash())),
        )?;
        Ok(JobService {
            options,
            data,
            ledger: Mutex::new(ledger),
            registry,
            build,
            boot: host::boot_id(),
            mended: Once::new(),
            past: Mutex::default(),
        })
    }

    /// The tools of this program.
    pub fn registry(&self) -> &'static Registry {
        self.registry
    }

    /// The data directory.
    pub fn data(&self) -> &DataDir {
        &self.data
    }

    /// Name and version of the server.
    pub fn server(&self) -> (&str, &str) {
        (&self.options.server, &self.options.version)
    }

    /// Starts a supervisor if a slot is free and a job is ready, and none is at hand that has just run
    /// one; returns when it has detached, after about 1 to 3 ms. It survives this process.
    ///
    /// # Errors
    /// `storage_error` when no process can be started; the jobs stay queued.
    pub fn launch(&self) -> Result<()> {
        self.launch_if_useful(true)
    }

    /// `trusting` those supervisors that are there to do what is to be done.
    fn launch_if_useful(&self, trusting: bool) -> Result<()> {
        let sleeper = self.data.sleeper_lock(&self.build);
        let settings = self.settings()?;
        // The jobs that are ready were committed before this look at the locks. A sleeper looks once more after
        // it has given its lock back, and whoever leaves after it has given back its seat: they cannot miss
        // them. In a burst of calls this is so each time.
        let somebody_will = || {
            Lock::is_held(&sleeper)
                || Seat::are_all_taken(&self.data.seats(&self.build), settings.max_jobs)
        };
        if trusting && somebody_will() {
            return Ok(());
        }
        let useful = {
            let ledger = self.ledger();
            let free = ledger.count_alive()? < settings.max_jobs;
            let now = crate::clock::now_ms();
            free && (!ledger.candidates(&self.build, now, 1)?.is_empty()
                || ledger.next_not_before(&self.build, now)?.is_some() && !Lock::is_held(&sleeper))
        };
        match useful {
            true => launcher::launch(
                &self.data,
                settings.warm_workers,
                trusting.then_some(settings.max_jobs),
            ),
            false => Ok(()),
        }
    }

    /// Ends jobs whose supervisor died, the first time also finishes what the dead did not live to
    /// show, and starts what may start.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be used.
    pub fn reconcile(&self) -> Result<()> {
        let candidates = self.ledger().alive()?;
        if !candidates.is_empty() {
            // A connection of its own: sweeping a tree takes time, and others must not wait for it.
            let mut ledger = Ledger::open(&self.data.ledger())?;
            recover::recover(&self.data, &mut ledger, &self.boot)?;
        }
        let mut mended = Ok(());
        self.mended
            .call_once(|| mended = self.mend_latest().map(drop));
        mended?;
        self.start_hooks()?;
        // What is still ready by now may have been left by a supervisor that stands still.
        self.launch_if_useful(false)
    }

    /// Has the hooks run that are due: of jobs that ended without a supervisor, or whose supervisor
    /// died before it could.
    fn start_hooks(&self) -> Result<()> {
        let due = self.ledger().due_hooks(1)?;
        match due.is_empty() {
            true => Ok(()),
            false => launcher::launch_hooks(&self.data),
        }
    }

    /// The settings that bind on this data directory.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn settings(&self) -> Result<Settings> {
        self.ledger().settings()
    }

    /// Changes a binding setting for every process.
    ///
    /// # Errors
    /// `invalid_argument` for an unknown name or a value out of range.
    pub fn configure(&self, name: &str, value: &str) -> Result<()> {
        self.ledger().configure(name, value)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // A panic while the lock was held rolled its transaction back: the connection is sound.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `text` as a POSIX shell takes it for one word.
fn quoted(text: &str) -> String {
    shlex::try_quote(text).map_or_else(|_| text.to_owned(), |text| text.into_owned())
}
