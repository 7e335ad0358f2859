//! `get_job_status`: waits without polling, and gives up as soon as nobody listens.

use std::collections::BTreeSet;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::next::{follow, refuse, seconds};
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::view::{JobView, ViewState};
use crate::mcp::args::{self, Until};
use crate::mcp::caller::Caller;
use crate::mcp::envelope::{Reply, tidy};
use crate::mcp::hints::{LONGEST, kept};
use crate::mcp::jobs::Answer;
use crate::mcp::wake::Waiting;

/// Jobs that one call may wait for.
const MOST_JOBS: usize = 50;
/// How often a job is looked at when no event came.
const FALLBACK: Duration = Duration::from_secs(1);
/// The same where inotify is not to be had.
const POLL: Duration = Duration::from_millis(100);

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

struct Wait<'a> {
    jobs: &'a Caller,
    ids: &'a [JobId],
    until: Until,
    /// Whether a new phase of the job ends the wait.
    phases: bool,
    begun: Instant,
    limit: Duration,
}

impl Wait<'_> {
    async fn run(&self, context: &RequestContext<RoleServer>) -> Result<Vec<JobView>> {
        // Whose job it is comes first: nothing is done with a foreign one that an unknown one is spared.
        let views = self.look()?;
        if self.limit.is_zero() {
            return Ok(views);
        }
        // Armed before the look that counts: a change cannot fall between.
        let watch = self.jobs.watch(self.ids);
        let mut views = self.look()?;
        // The first phase of a job that was queued is no news: it has begun, no more.
        let mut phase = None;
        let deadline = self.begun + self.limit;
        let pause = if watch.is_some() { FALLBACK } else { POLL };
        let mut all_seen = Instant::now();
        loop {
            let now = views.first().and_then(|view| view.phase.clone());
            let changed = phase.is_some() && now.is_some() && phase != now;
            if self.is_over(&views) || (changed && self.phases && self.ids.len() == 1) {
                break;
            }
            phase = phase.or(now);
            let looked = tokio::select! {
                changed = Waiting::changed_if(watch.as_ref()) => self.look_again(&mut views, &changed),
                () = sleep_until(all_seen + pause) => {
                    all_seen = Instant::now();
                    self.look_at_live(&mut views)
                }
                () = sleep_until(deadline) => break,
                () = self.jobs.ended().fired() => return Ok(views),
                () = context.ct.cancelled() => {
                    self.jobs.gave_up_after(self.begun.elapsed());
                    return Ok(views);
                }
            };
            match looked {
                // A disk that hesitates must not end a wait: the next look comes soon.
                Err(error) if error.code == Code::StorageError => {}
                looked => looked?,
            }
        }
        // What did not change itself may stand elsewhere in the queue by now.
        self.look_at_live(&mut views)?;
        Ok(views)
    }

    fn look(&self) -> Result<Vec<JobView>> {
        let views: Vec<JobView> = self
            .ids
            .iter()
            .map(|id| self.view(id))
            .collect::<Result<_>>()?;
        self.look_after(&views);
        Ok(views)
    }

    /// A wait for fifty jobs is woken a hundred times: each time it looks at what has changed alone.
    fn look_again(&self, views: &mut [JobView], changed: &BTreeSet<usize>) -> Result<()> {
        let mut looked = Ok(());
        for (index, (view, id)) in std::iter::zip(views.iter_mut(), self.ids).enumerate() {
            if is_live(view) && changed.contains(&index) {
                match self.view(id) {
                    Ok(now) => *view = now,
                    Err(error) => looked = Err(error),
                }
            }
        }
        self.look_after(views);
        looked
    }

    fn look_after(&self, views: &[JobView]) {
        if views.iter().any(is_live) {
            self.jobs.beside().look_after();
        }
    }

    fn look_at_live(&self, views: &mut [JobView]) -> Result<()> {
        self.look_again(views, &(0..views.len()).collect())
    }

    fn view(&self, id: &JobId) -> Result<JobView> {
        self.jobs.service().view(self.jobs.owner(), id)
    }

    fn is_over(&self, now: &[JobView]) -> bool {
        let asks = |view: &JobView| view.state == ViewState::InputRequired;
        if now.iter().any(asks) {
            return true;
        }
        match self.until {
            Until::Any => !now.iter().all(is_live),
            Until::All => !now.iter().any(is_live),
        }
    }
}

fn is_live(view: &JobView) -> bool {
    matches!(
        view.state,
        ViewState::Queued | ViewState::Running | ViewState::InputRequired
    )
}

fn several(jobs: &Caller, views: Vec<JobView>, until: Option<Until>) -> Reply {
    let live: Vec<JobId> = views
        .iter()
        .filter(|view| is_live(view))
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
