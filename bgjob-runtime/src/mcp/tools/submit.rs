//! Starting a job: the reply leaves as soon as the ledger has it, the process starts beside it.

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use serde_json::{Map, Value};

use super::next::follow;
use crate::error::Result;
use crate::job::request::{Origin, Request};
use crate::job::view::JobView;
use crate::mcp::jobs::{Answer, Jobs};
use crate::tool::registry::Tool;

/// Accepts a call of `tool` durably and answers with its handle.
pub async fn call(
    jobs: &Jobs,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<Answer> {
    let view = accept(jobs, tool, input, context).await?;
    Ok(follow(jobs, view).into())
}

/// Accepts a call of `tool` durably and has it started soon.
pub async fn accept(
    jobs: &Jobs,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<JobView> {
    let view = jobs
        .blocking(move |service, owner| {
            service.submit(Request {
                tool: tool.name().to_owned(),
                input,
                owner: owner.clone(),
                origin: Origin::of_this_process(),
                after: Vec::new(),
                idempotency_key: None,
                retry_of: None,
            })
        })
        .await?;
    // A caller that gave up before it learnt the id could never ask for the job.
    let orphaned = context.ct.is_cancelled() && !jobs.ended().is_fired();
    if let (true, Some(id)) = (orphaned && view.replayed.is_none(), view.job_id.clone()) {
        jobs.blocking(move |service, owner| service.cancel(owner, &id, None))
            .await?;
    }
    jobs.beside().launch();
    Ok(view)
}
