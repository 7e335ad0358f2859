//! `get_job_status`: waits without polling, and gives up as soon as nobody listens.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::next::{follow, refuse, seconds};
use super::wait::Wait;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::view::JobView;
use crate::mcp::args::{self, Until};
use crate::mcp::caller::Caller;
use crate::mcp::envelope::{Reply, tidy};
use crate::mcp::hints::{LONGEST, kept};
use crate::mcp::jobs::Answer;

/// Jobs that one call may wait for.
const MOST_JOBS: usize = 50;

/// Waits for one job or several, and says how they stand.
pub async fn call(
    jobs: &Caller,
    tool: Option<&str>,
    args: args::Status,
    context: &RequestContext<RoleServer>,
) -> Result<Answer> {
    let ids = ids(&args)?;
    for id in &ids {
        jobs.names().check(tool, id)?;
    }
    let asked = args.wait_s.unwrap_or_else(|| jobs.wait_s());
    let wait = Wait {
        jobs,
        ids: &ids,
        until: args.until.unwrap_or_default(),
        phases: true,
        begun: Instant::now(),
        limit: kept(asked),
    };
    let views = match wait.run(context).await {
        Ok(views) => views,
        Err(error) => return Ok(refuse(jobs, error, &ids[0])),
    };
    let mut reply = match (&args.job_ids, views) {
        (None, mut views) if views.len() == 1 => follow(jobs, views.remove(0)),
        (_, views) => several(jobs, views, args.until),
    };
    let waited = wait.begun.elapsed().as_secs();
    reply.job.waited_s = (waited > 0).then_some(waited);
    if asked > LONGEST {
        reply.job.warning = Some(format!("wait_s is at most {LONGEST}: it was cut to that"));
    }
    Ok(reply.into())
}

fn ids(args: &args::Status) -> Result<Vec<JobId>> {
    let texts = match (&args.job_id, &args.job_ids) {
        (Some(one), None) => std::slice::from_ref(one),
        (None, Some(several)) => several.as_slice(),
        (Some(_), Some(_)) => {
            return Err(Error::new(
                Code::InvalidArgument,
                "both `job_id` and `job_ids` are given",
            )
            .at("/job_ids")
            .remedy("Give one of them."));
        }
        (None, None) => &[],
    };
    if texts.is_empty() {
        return Err(Error::new(Code::MissingArgument, "`job_id` is missing")
            .at("/job_id")
            .remedy("Give the job_id that the call which started the job answered with, or call list_jobs."));
    }
    if texts.len() > MOST_JOBS {
        return Err(Error::new(
            Code::TooLarge,
            format!("at most {MOST_JOBS} jobs can be waited for"),
        )
        .at("/job_ids")
        .remedy("Split them over several calls, or use list_jobs."));
    }
    let mut ids: Vec<JobId> = texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_>>()?;
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    Ok(ids)
}

/// Waits for the end of one job, at most for `limit`; how it stands then.
pub async fn end_of(
    jobs: &Caller,
    id: &JobId,
    limit: Duration,
    context: &RequestContext<RoleServer>,
) -> Result<JobView> {
    let wait = Wait {
        jobs,
        ids: std::slice::from_ref(id),
        until: Until::All,
        phases: false,
        begun: Instant::now(),
        limit,
    };
    Ok(wait.run(context).await?.remove(0))
}

fn several(jobs: &Caller, views: Vec<JobView>, until: Option<Until>) -> Reply {
    let live: Vec<JobId> = views
        .iter()
        .filter(|view| view.state.is_live())
        .filter_map(|view| view.job_id.clone())
        .collect();
    let mut reply = Reply::ok();
    reply.jobs = Some(views.into_iter().map(tidy).collect());
    if live.is_empty() {
        return reply;
    }
    let status = jobs.names().status(Some(live[0].tool()));
    let mut args = serde_json::Map::new();
    args.insert("job_ids".into(), json!(live));
    args.insert("wait_s".into(), seconds(jobs.wait_s()));
    if until == Some(Until::Any) {
        args.insert("until".into(), "any".into());
    }
    reply.next(status, Value::Object(args))
}
