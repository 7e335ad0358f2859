//! `cancel_job`.

use super::next::follow;
use crate::error::Result;
use crate::job::id::JobId;
use crate::mcp::args;
use crate::mcp::caller::Caller;
use crate::mcp::jobs::Answer;

/// Asks a job to end; one that has ended is shown as it is.
pub async fn call(jobs: &Caller, args: args::Cancel) -> Result<Answer> {
    let id: JobId = args.job_id.parse()?;
    let view = jobs
        .blocking(move |service, owner| service.cancel(owner, &id, None))
        .await?;
    jobs.beside().look_after();
    Ok(follow(jobs, view).into())
}
