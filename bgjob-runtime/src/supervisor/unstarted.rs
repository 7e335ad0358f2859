//! Jobs that were claimed and whose body did not begin: they fail, or go back to the queue.

use super::commit::{End, persist};
use super::{LATER, Supervisor, log};
use crate::clock;
use crate::error::{Code, Error};
use crate::failpoint::failpoint;
use crate::job::outcome::{Exit, Usage};
use crate::job::record::JobRecord;
use crate::store::files::{self, Durability};
use crate::store::projection::publish_job;

impl Supervisor {
    /// Ends a job whose worker never came to be.
    pub(super) fn fail_unstarted(&mut self, job: &JobRecord, why: &str) {
        let end = End {
            exit: Exit::Unknown,
            cause: None,
            leaked: 0,
            usage: None::<Usage>,
        };
        let error = Error::new(Code::Crashed, why).remedy("Mend that and retry the job.");
        let dir = self.data.job(&job.id);
        let bytes = serde_json::to_vec(&error).unwrap_or_default();
        let path = dir.attempt_error(job.nonce.as_deref().unwrap_or_default());
        if let Err(error) = files::write_atomic(&path, &bytes, Durability::Relaxed) {
            log(&error.to_string());
        }
        self.commit(job, &end);
    }

    /// Puts a job back into the queue, for a while.
    pub(super) fn give_back(&mut self, job: &JobRecord, why: &str) {
        log(&format!(
            "a job of {} goes back to the queue: {why}",
            job.tool
        ));
        let not_before = clock::now_ms() + i64::try_from(LATER.as_millis()).unwrap_or(1000);
        failpoint!("give_back.before_commit");
        let (ledger, nonce) = (&mut self.ledger, job.nonce.as_deref().unwrap_or_default());
        if let Some(job) = persist(&self.data, "a job's return to the queue", || {
            ledger.give_back(job.seq, nonce, not_before)
        }) {
            publish_job(&self.data, &job);
        }
    }
}
