//! `retry_job`.

use super::next::{follow, refuse};
use crate::error::Result;
use crate::job::id::JobId;
use crate::job::request::Origin;
use crate::mcp::args;
use crate::mcp::caller::Caller;
use crate::mcp::jobs::Answer;

/// Submits an ended job's call again.
pub async fn call(jobs: &Caller, args: args::Retry) -> Result<Answer> {
    let id: JobId = args.job_id.parse()?;
    let set = args.set.unwrap_or_default();
    let old = id.clone();
    let view = jobs
        .blocking(move |service, owner| service.retry(owner, &old, &set, Origin::of_this_process()))
        .await;
    match view {
        Ok(view) => {
            jobs.beside().launch();
            Ok(follow(jobs, view).into())
        }
        Err(error) => Ok(refuse(jobs, error, &id)),
    }
}
