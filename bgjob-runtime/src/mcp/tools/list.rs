//! `list_jobs`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::clock;
use crate::error::{Code, Error, Result, nearest};
use crate::job::id::JobId;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::mcp::args::{self, State};
use crate::mcp::caller::Caller;
use crate::mcp::envelope::{Reply, tidy};
use crate::mcp::jobs::Answer;
use crate::service::JobService;
use crate::store::ledger::ListFilter;

const USUAL: u32 = 20;
const MOST: u32 = 100;

/// One page of jobs; `next` asks for the following one with the same filter.
pub async fn call(jobs: &Caller, args: args::List) -> Result<Answer> {
    let (filter, cursor) = (filter(jobs.service(), &args)?, cursor(&args)?);
    let (views, next) = jobs
        .blocking(move |service, owner| {
            let before = cursor.map(|id| service.record(owner, &id)).transpose();
            let before = before.map_err(|error| match error.code {
                Code::JobNotFound => no_cursor(),
                _ => error,
            })?;
            let filter = ListFilter {
                before: before.map(|job| job.seq),
                ..filter
            };
            service.list(owner, &filter)
        })
        .await?;
    // The position in the ledger would tell how many jobs others have.
    let last = next.and_then(|_| views.last()?.job_id.clone());
    let mut reply = Reply::ok();
    reply.jobs = Some(views.into_iter().map(short).collect());
    Ok(match last {
        Some(cursor) => reply.next("list_jobs", again(&args, &cursor)).into(),
        None => reply.into(),
    })
}

/// The last job of the page before.
fn cursor(args: &args::List) -> Result<Option<JobId>> {
    let cursor = args.cursor.as_deref().map(str::parse).transpose();
    cursor.map_err(|_: Error| no_cursor())
}

fn no_cursor() -> Error {
    Error::new(
        Code::InvalidArgument,
        "the cursor is not one that list_jobs gave, or its job was deleted",
    )
    .at("/cursor")
    .remedy("Leave it out to begin with the newest jobs.")
}

fn filter(service: &JobService, args: &args::List) -> Result<ListFilter> {
    if let Some(tool) = &args.tool {
        check_tool(service, tool)?;
    }
    Ok(ListFilter {
        states: args.state.map(state).into_iter().collect(),
        tool: args.tool.clone(),
        since_ms: args.since.as_deref().map(since_ms).transpose()?,
        before: None,
        limit: args.limit.unwrap_or(USUAL).clamp(1, MOST),
    })
}

/// Jobs of a tool that this build no longer has may still be there, under a name that is one.
fn check_tool(service: &JobService, tool: &str) -> Result<()> {
    if crate::job::id::is_tool_name(tool) {
        return Ok(());
    }
    let names = || service.registry().iter().map(|tool| tool.name());
    let known: Vec<&str> = names().collect();
    Err(
        Error::new(Code::InvalidArgument, "that is no name of a tool")
            .at("/tool")
            .did_you_mean(nearest(tool, names()))
            .remedy(format!("The tools are {}.", known.join(", "))),
    )
}

fn state(state: State) -> JobState {
    match state {
        State::Queued => JobState::Queued,
        State::Running => JobState::Running,
        State::InputRequired => JobState::InputRequired,
        State::Completed => JobState::Completed,
        State::Failed => JobState::Failed,
        State::Cancelled => JobState::Cancelled,
    }
}

/// A duration back from now, or a point in time (RFC 3339), in ms since the epoch.
fn since_ms(text: &str) -> Result<i64> {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(clock::now_ms().saturating_sub(ms(ago)));
    }
    match humantime::parse_rfc3339_weak(text).map(|at: SystemTime| at.duration_since(UNIX_EPOCH)) {
        Ok(since_epoch) => Ok(since_epoch.map(ms).unwrap_or(0)),
        Err(_) => Err(Error::new(
            Code::InvalidArgument,
            "`since` is neither a duration nor a time",
        )
        .at("/since")
        .remedy(
            "Give a duration such as `2h` or `7days`, or a time such as `2026-01-31T12:00:00Z`.",
        )),
    }
}

/// A list shows where each job stands; the rest is for get_job_status.
fn short(view: JobView) -> JobView {
    JobView {
        tool: None,
        result: None,
        state_patch: None,
        error: None,
        ..tidy(view)
    }
}

fn again(args: &args::List, cursor: &JobId) -> Value {
    let mut next = Map::new();
    if let Some(state) = args.state {
        next.insert("state".into(), self::state(state).to_string().into());
    }
    let texts = [("tool", &args.tool), ("since", &args.since)];
    for (name, text) in texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?)))
    {
        next.insert(name.into(), text.as_str().into());
    }
    if let Some(limit) = args.limit {
        next.insert("limit".into(), limit.into());
    }
    next.insert("cursor".into(), cursor.as_str().into());
    Value::Object(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_duration_or_a_time() {
        let hour = clock::now_ms() - since_ms("1h").unwrap();
        assert!((3_600_000..3_601_000).contains(&hour), "{hour}");
        assert_eq!(since_ms("1970-01-01T00:00:01Z").unwrap(), 1000);
        assert_eq!(
            since_ms("yesterday").unwrap_err().at.as_deref(),
            Some("/since")
        );
    }
}
