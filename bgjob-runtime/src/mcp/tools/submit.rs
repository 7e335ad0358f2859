//! Starting a job: the reply leaves as soon as the ledger has it, the process starts beside it.

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use serde_json::{Map, Value};

use super::next::follow;
use super::status;
use crate::error::{Code, Error, Result};
use crate::job::request::{Origin, Request};
use crate::job::view::{JobView, ViewState};
use crate::mcp::caller::Caller;
use crate::mcp::jobs::Answer;
use crate::tool::registry::Tool;

/// The key in a request's `_meta` under which a client may give an idempotency key, a string of its
/// own: a call that is repeated with it, after a lost reply or by two processes at once, is one job.
/// The prefix is a reverse domain name, as MCP asks of keys that are not its own
/// (`basic/index`, "General fields").
pub const IDEMPOTENCY_KEY: &str = "io.github.bgjob/idempotency-key";

/// Accepts a call of `tool` durably and answers with its handle, or with the result of a tool that is
/// `inline` and quick.
pub async fn call(
    jobs: &Caller,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<Answer> {
    let mut view = accept(jobs, tool, input, context).await?;
    if let (Some(wait), Some(id)) = (tool.spec.inline, view.job_id.clone()) {
        let replayed = view.replayed;
        view = status::end_of(jobs, &id, jobs.cut(wait), context).await?;
        view.replayed = replayed;
        end_orphan(jobs, &view, context).await?;
    }
    let is_error = view.state == ViewState::Failed && tool.spec.inline.is_some();
    let reply = follow(jobs, view);
    Ok(Answer { reply, is_error })
}

/// Accepts a call of `tool` durably and has it started soon.
pub async fn accept(
    jobs: &Caller,
    tool: &'static Tool,
    input: Map<String, Value>,
    context: &RequestContext<RoleServer>,
) -> Result<JobView> {
    let key = idempotency_key(&context.meta)?;
    let view = jobs
        .blocking(move |service, owner| {
            service.submit(Request {
                on_finish: None,
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
    end_orphan(jobs, &view, context).await?;
    jobs.beside().launch();
    Ok(view)
}

/// A caller that gave up before it learnt the id could never ask for the job, unless it has a key.
async fn end_orphan(
    jobs: &Caller,
    view: &JobView,
    context: &RequestContext<RoleServer>,
) -> Result<()> {
    let keyed = context.meta.contains_key(IDEMPOTENCY_KEY);
    let orphaned = context.ct.is_cancelled() && !jobs.ended().is_fired() && !keyed;
    if let (true, Some(id)) = (orphaned && view.replayed.is_none(), view.job_id.clone()) {
        jobs.blocking(move |service, owner| service.cancel(owner, &id, None))
            .await?;
    }
    Ok(())
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
