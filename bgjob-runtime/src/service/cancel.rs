//! Cancelling: at once while a job is queued, else by asking its supervisor.

use std::time::Duration;

use super::JobService;
use crate::clock;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::JobView;
use crate::store::ledger::CancelAnswer;
use crate::store::projection;
use crate::supervisor::commit;

impl JobService {
    /// Asks a job to end: SIGTERM, and SIGKILL for all of it after `grace` (10 s unless given).
    /// Asking twice, or for a job that has ended, is no error: the view says what is.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn cancel(&self, owner: &Owner, id: &JobId, grace: Option<Duration>) -> Result<JobView> {
        let grace_ms = grace.map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        failpoint!("cancel.before_commit");
        let answer = self
            .ledger()
            .cancel(owner.as_str(), id, grace_ms, clock::now_ms())?;
        failpoint!("cancel.after_commit");
        tracing::info!(job = %id, "asked to end");
        match answer {
            CancelAnswer::Cancelled(finished) => {
                commit::publish(&self.data, &self.ledger(), &finished);
                if let Err(error) = self.start_hooks() {
                    tracing::warn!(%error, "a hook stays due until somebody looks after the jobs");
                }
                self.view_of(&finished.record)
            }
            CancelAnswer::Requested(job) => {
                projection::publish_job(&self.data, &job);
                self.view_of(&job)
            }
            CancelAnswer::AlreadyEnded(job) => self.view_of(&job),
        }
    }
}
