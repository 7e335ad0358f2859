//! Where a job's output is.

use std::path::PathBuf;

use super::JobService;
use crate::error::Result;
use crate::job::id::JobId;
use crate::job::request::Owner;

/// One of the logs of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// What it said of its progress: [`Event`](crate::job::event::Event)s as JSON, one a line.
    Events,
}

impl JobService {
    /// The log file; it may not exist before the job has started.
    ///
    /// # Errors
    /// `job_not_found`.
    pub fn log_path(&self, owner: &Owner, id: &JobId, stream: Stream) -> Result<PathBuf> {
        self.record(owner, id)?;
        let dir = self.data.job(id);
        Ok(match stream {
            Stream::Out => dir.stdout(),
            Stream::Err => dir.stderr(),
            Stream::Events => dir.events(),
        })
    }
}
