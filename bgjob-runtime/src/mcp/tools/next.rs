//! The call that makes sense after seeing a job.

use rmcp::model::Resource;
use serde_json::{Value, json};

use crate::error::Error;
use crate::job::id::JobId;
use crate::job::view::{JobView, ViewState};
use crate::mcp::caller::Caller;
use crate::mcp::envelope::Reply;
use crate::mcp::jobs::Answer;
use crate::mcp::remedy::for_agents;
use crate::mcp::resources::{link_to_artifact, link_to_result};

/// More files than that are in the reply by name alone.
const MOST_LINKS: usize = 10;

/// A reply about one job that names the next call worth making, and works as given.
pub fn follow(jobs: &Caller, view: JobView) -> Reply {
    let Some(id) = view.job_id.clone() else {
        return view.into();
    };
    let (state, error) = (view.state, view.error.clone());
    let large = view.result.is_none() && view.bytes.is_some();
    let mut reply = Reply::from(view);
    if state == ViewState::Completed {
        reply.links = links(&id, &reply.job, large);
    }
    reply.job.error = reply
        .job
        .error
        .map(|error| for_agents(error, jobs.names(), Some(id.tool())));
    match state {
        ViewState::Queued | ViewState::Running => wait(jobs, reply, &id),
        ViewState::InputRequired => answer(reply, &id),
        ViewState::Completed if large => reply.next(
            jobs.names().results(Some(id.tool())),
            json!({ "job_id": id }),
        ),
        ViewState::Failed if error.is_some_and(|error| error.retryable) => {
            reply.next("retry_job", json!({ "job_id": id }))
        }
        _ => reply,
    }
}

/// Links to what the reply does not hold: a large result, and files.
fn links(id: &JobId, view: &JobView, large: bool) -> Vec<Resource> {
    let result = large.then(|| link_to_result(id, view.bytes));
    let files = view.artifacts.iter().take(MOST_LINKS);
    let files = files.map(|file| link_to_artifact(id, file));
    result.into_iter().chain(files).collect()
}

/// Adds the advice to answer: the reader adds the `value`.
fn answer(reply: Reply, id: &JobId) -> Reply {
    let mut args = json!({ "job_id": id });
    if let Some(question) = reply.job.questions.first() {
        args["key"] = question.key.clone().into();
    }
    reply.next("answer_job", args)
}

/// Adds the advice to wait for a job.
pub fn wait(jobs: &Caller, reply: Reply, id: &JobId) -> Reply {
    let queued = reply.job.state == ViewState::Queued;
    // One that has not begun may begin any moment, and then take as long as its predecessors.
    let expected = || {
        let past = jobs.service().past_runs(jobs.owner(), id.tool());
        past.ok().flatten()
    };
    let eta_s = match queued && reply.job.waiting_for.is_empty() {
        true => expected().map(|past| past.median_ms().div_ceil(1000)),
        false => reply.job.eta_s,
    };
    let args = json!({ "job_id": id, "wait_s": seconds(jobs.wait_for(eta_s)) });
    reply.next(jobs.names().status(Some(id.tool())), args)
}

/// Whole seconds as an integer: `20`, not `20.0`.
pub fn seconds(seconds: f64) -> Value {
    if seconds.fract() == 0.0 {
        json!(seconds as u64)
    } else {
        json!(seconds)
    }
}

/// A refusal that is about one job.
pub fn refuse(jobs: &Caller, error: Error, id: &JobId) -> Answer {
    let error = for_agents(error, jobs.names(), Some(id.tool()));
    Answer {
        reply: Reply::rejected(error),
        is_error: true,
    }
}
