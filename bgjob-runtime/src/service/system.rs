//! How the whole is doing: limits, load, room.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobService, survival};
use crate::clock;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::store::ledger::FORMAT;
use crate::sys::host;

/// The state of the server's data directory and machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemStatus {
    /// The server's name.
    pub server: String,
    /// The server's version.
    pub version: String,
    /// The version of bgjob that it is built with.
    pub engine: String,
    /// The format of the ledger that it writes.
    pub format: i64,
    /// Where jobs and state are; the local user alone is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<String>,
    /// Jobs of the caller that run now, over all processes.
    pub running: u32,
    /// Jobs that may run at once, whoever owns them.
    pub max_jobs: u32,
    /// Jobs of the caller that wait.
    pub queued: u64,
    /// Jobs of the caller that may wait.
    pub max_queued: u64,
    /// The oldest job of the caller that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<OldestJob>,
    /// How long ended jobs are kept.
    pub retention: String,
    /// Memory that new work can use without swapping, in MiB (`MemAvailable` of proc(5)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_available_mib: Option<u64>,
    /// With less memory no job is started, in MiB.
    pub min_memory_mib: u64,
    /// Room on the data directory's disk, in MiB.
    pub disk_available_mib: u64,
    /// What jobs outlive on this machine, in words; the local user alone is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survival: Option<String>,
}

/// A job that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OldestJob {
    /// The job.
    pub job_id: JobId,
    /// Where it stands.
    pub state: JobState,
    /// How long ago it was accepted, in s.
    pub age_s: u64,
}

impl JobService {
    /// Limits, load and room, as of now.
    ///
    /// # Errors
    /// `storage_error` when the ledger or the disk cannot be read.
    pub fn system(&self, owner: &Owner) -> Result<SystemStatus> {
        let settings = self.settings()?;
        let disk = rustix::fs::statvfs(self.data.root())
            .map_err(|error| Error::storage("look at the disk", error))?;
        let (server, version) = self.server();
        // Each in a statement of its own: a lock lives to the end of the statement that took it.
        let running = self.ledger().count_running(owner.as_str())?;
        let queued = self.ledger().count_queued(owner.as_str())?;
        let oldest = self.ledger().oldest_live(owner.as_str())?;
        let local = *owner == Owner::local();
        Ok(SystemStatus {
            server: server.to_owned(),
            version: version.to_owned(),
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            data_dir: local.then(|| self.data.root().display().to_string()),
            running,
            max_jobs: settings.max_jobs,
            queued,
            max_queued: settings.max_queued,
            oldest: oldest.map(|job| OldestJob {
                age_s: u64::try_from(clock::now_ms().saturating_sub(job.submitted_at) / 1000)
                    .unwrap_or(0),
                job_id: job.id,
                state: job.state,
            }),
            retention: humantime::format_duration(settings.retention).to_string(),
            memory_available_mib: host::memory_available_mib(),
            min_memory_mib: settings.min_memory_mib,
            survival: local.then(survival::level),
            disk_available_mib: disk.f_bavail.saturating_mul(disk.f_frsize) >> 20,
        })
    }
}
