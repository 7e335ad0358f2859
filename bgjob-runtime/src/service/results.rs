//! Results: where they are, and the small ones themselves.

use std::path::PathBuf;

use serde_json::Value;

use super::JobService;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::record::JobRecord;
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::store::files;

/// Results up to this size come with the job's view.
pub const INLINE_RESULT_BYTES: u64 = 4096;

impl JobService {
    /// The result file of a completed job.
    ///
    /// # Errors
    /// `job_not_found`; `not_finished`; the job's own error when it failed; `result_expired` when
    /// the file is gone.
    pub fn results_path(&self, owner: &Owner, id: &JobId) -> Result<PathBuf> {
        let job = self.record(owner, id)?;
        match job.state {
            JobState::Completed => self
                .data
                .job(id)
                .find_results(job.nonce.as_deref())
                .ok_or_else(|| {
                    Error::new(
                        Code::ResultExpired,
                        format!("the result of {id} was deleted"),
                    )
                    .remedy("Run the job again.")
                }),
            JobState::Failed => Err(job.error.unwrap_or_else(|| {
                Error::new(Code::NoResult, "the job failed and left no reason")
            })),
            JobState::Cancelled => Err(Error::new(
                Code::AlreadyFinished,
                format!("{id} was cancelled and has no result"),
            )
            .remedy("Retry it to get one.")),
            state => Err(Error::new(Code::NotFinished, format!("{id} is {state}"))
                .remedy("Wait for it to end, then ask again.")),
        }
    }

    pub(super) fn small_result(&self, job: &JobRecord) -> Option<Value> {
        if job.result_bytes? > INLINE_RESULT_BYTES {
            return None;
        }
        let path = self.data.job(&job.id).find_results(job.nonce.as_deref())?;
        serde_json::from_slice(&files::read_capped(&path, INLINE_RESULT_BYTES).ok()?).ok()
    }
}
