//! How the whole is doing: limits, load, room.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::JobService;
use crate::error::{Error, Result};
use crate::job::request::Owner;
use crate::sys::host;

/// The state of the server's data directory and machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SystemStatus {
    /// The server's name.
    pub server: String,
    /// The server's version.
    pub version: String,
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
    /// How long ended jobs are kept.
    pub retention: String,
    /// Memory that new work can use without swapping, in MiB (`MemAvailable` of proc(5)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_available_mib: Option<u64>,
    /// Room on the data directory's disk, in MiB.
    pub disk_available_mib: u64,
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
        Ok(SystemStatus {
            server: server.to_owned(),
            version: version.to_owned(),
            data_dir: (*owner == Owner::local()).then(|| self.data.root().display().to_string()),
            running,
            max_jobs: settings.max_jobs,
            queued,
            max_queued: settings.max_queued,
            retention: humantime::format_duration(settings.retention).to_string(),
            memory_available_mib: host::memory_available_mib(),
            disk_available_mib: disk.f_bavail.saturating_mul(disk.f_frsize) >> 20,
        })
    }
}
