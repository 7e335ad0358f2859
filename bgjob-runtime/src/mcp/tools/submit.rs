//! Starting a job: the reply leaves as soon as the ledger has it, the process starts beside it.

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use serde_json::{Map, Value};

use super::next::follow;
use crate::error::{Code, Error, Result};
use crate::job::request::{Origin, Request};
use crate::job::view::JobView;
use crate::mcp::caller::Caller;
use crate::mcp::jobs::Answer;
use crate::tool::registry::Tool;

/// The key in a request's `_meta` under which a client may give an idempotency key, a string of its
/// own: a call that is repeated with it, after a lost reply or by two processes at once, is one job.
/// The prefix is a reverse domain name, as MCP asks of keys that are not its own
/// (`basic/index`, "General fields").
pub const IDEMPOTENCY_KEY: &str = "io.github.bgjob/idempotency-key";

/// Accepts a call of `tool` durably and answers with its handle.
pub async fn call(
    jobs: &Caller,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<Answer> {
    let view = accept(jobs, tool, input, context).await?;
    Ok(follow(jobs, view).into())
}

/// Accepts a call of `tool` durably and has it started soon.
pub async fn accept(
    jobs: &Caller,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<JobView> {
    let key = idempotency_key(&context.meta)?;
    let keyed = key.is_some();
    let view = jobs
        .blocking(move |service, owner| {
            service.submit(Request {
                tool: tool.name().to_owned(),
                input,
                owner: owner.clone(),
                origin: Origin::of_this_process(),
                after: Vec::new(),
                idempotency_key: key,
                retry_of: None,
            })
        })
        .await?;
    // A caller that gave up before it learnt the id could never ask for the job, unless it has a key.
    let orphaned = context.ct.is_cancelled() && !jobs.ended().is_fired() && !keyed;
    if let (true, Some(id)) = (orphaned && view.replayed.is_none(), view.job_id.clone()) {
        jobs.blocking(move |service, owner| service.cancel(owner, &id, None))
            .await?;
    }
    jobs.beside().launch();
    Ok(view)
}

fn idempotency_key(meta: &Map<String, Value>) -> Result<Option<String>> {
    match meta.get(IDEMPOTENCY_KEY) {
        None => Ok(None),
        Some(Value::String(key)) => Ok(Some(key.clone())),
        Some(_) => {
            let text =
                format!("`_meta` has an idempotency key that is no string: `{IDEMPOTENCY_KEY}`");
            Err(Error::new(Code::InvalidArgument, text).remedy("Give a string, or leave it out."))
        }
    }
}
