//! Retrying by hand: a new job that names the old one, since terminal states never change.

use serde_json::{Map, Value};

use super::JobService;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::request::{Origin, Owner, Request};
use crate::job::view::JobView;

impl JobService {
    /// Submits the call of an ended job again, with the arguments in `set` replaced. Environment,
    /// working directory and state are those of now.
    ///
    /// # Errors
    /// `job_not_found`, `not_finished`, or a refusal as for any call.
    pub fn retry(
        &self,
        owner: &Owner,
        id: &JobId,
        set: &Map<String, Value>,
        origin: Origin,
    ) -> Result<JobView> {
        let job = self.record(owner, id)?;
        if !job.state.is_terminal() {
            return Err(Error::new(
                Code::NotFinished,
                format!("{id} is {}; only an ended job can be retried", job.state),
            )
            .remedy("Wait for it, or cancel it first."));
        }
        let mut input = self.raw_input(owner, id)?;
        input.extend(
            set.iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let hook = self.ledger().hook(job.seq)?;
        self.submit(Request {
            on_finish: hook.map(|hook| hook.command),
            tool: job.tool,
            input,
            owner: owner.clone(),
            origin,
            after: Vec::new(),
            idempotency_key: None,
            retry_of: Some(job.id),
        })
    }
}
