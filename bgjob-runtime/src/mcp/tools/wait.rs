//! Waiting for jobs without polling. While it lasts no more is read than what may end it: how the jobs stand
//! is told once, at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{Code, Result};
use crate::job::id::JobId;
use crate::job::record::JobRecord;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::mcp::args::Until;
use crate::mcp::caller::Caller;
use crate::mcp::wake::Waiting;

/// How often a job is looked at when no event came.
const FALLBACK: Duration = Duration::from_secs(1);
/// The same where inotify is not to be had.
const POLL: Duration = Duration::from_millis(100);

/// A wait for the end of jobs.
pub struct Wait<'a> {
    /// Who waits.
    pub jobs: &'a Caller,
    /// For what.
    pub ids: &'a [JobId],
    /// For one of them or for all.
    pub until: Until,
    /// Whether a new phase of the job ends the wait, if it is for one alone.
    pub phases: bool,
    /// Since when.
    pub begun: Instant,
    /// How long at most.
    pub limit: Duration,
}

/// What may end a wait.
struct Glance {
    job: JobRecord,
    phase: Option<String>,
}

impl Wait<'_> {
    /// How the jobs stand when the wait is over, or nobody listens any more.
    ///
    /// # Errors
    /// As for [`JobService::view`](crate::service::JobService::view).
    pub async fn run(&self, context: &RequestContext<RoleServer>) -> Result<Vec<JobView>> {
        // Whose job it is comes first: nothing is done with a foreign one that an unknown one is spared.
        let seen = self.glances()?;
        if self.limit.is_zero() || self.is_over(&seen) {
            return self.told(&seen);
        }
        // Armed before the look that counts: a change cannot fall between.
        let watch = self.jobs.watch(self.ids);
        let mut seen = self.glances()?;
        // The first phase of a job that was queued is no news: it has begun, no more.
        let mut phase = None;
        let deadline = self.begun + self.limit;
        let pause = if watch.is_some() { FALLBACK } else { POLL };
        let mut all_seen = Instant::now();
        loop {
            let now = seen.first().and_then(|glance| glance.phase.clone());
            if self.is_over(&seen) || (phase.is_some() && now.is_some() && phase != now) {
                break;
            }
            phase = phase.or(now);
            let looked = tokio::select! {
                changed = Waiting::changed_if(watch.as_ref()) => self.look_again(&mut seen, &changed),
                () = sleep_until(all_seen + pause) => {
                    all_seen = Instant::now();
                    self.look_at_all(&mut seen)
                }
                () = sleep_until(deadline) => break,
                () = self.jobs.ended().fired() => break,
                () = context.ct.cancelled() => {
                    self.jobs.gave_up_after(self.begun.elapsed());
                    break;
                }
            };
            ignoring_the_disk(looked)?;
        }
        match self.told_now(&mut seen) {
            Err(error) if error.code == Code::StorageError => {
                sleep(POLL).await;
                self.told_now(&mut seen)
            }
            views => views,
        }
    }

    /// How the jobs stand now; what has ended stands as it did.
    fn told_now(&self, seen: &mut [Glance]) -> Result<Vec<JobView>> {
        self.look_at_all(seen)?;
        self.told(seen)
    }

    fn told(&self, seen: &[Glance]) -> Result<Vec<JobView>> {
        let service = self.jobs.service();
        seen.iter()
            .map(|glance| service.view_of(&glance.job))
            .collect()
    }

    fn glances(&self) -> Result<Vec<Glance>> {
        let seen: Vec<Glance> = self
            .ids
            .iter()
            .map(|id| self.glance(id))
            .collect::<Result<_>>()?;
        self.look_after(&seen);
        Ok(seen)
    }

    fn glance(&self, id: &JobId) -> Result<Glance> {
        let service = self.jobs.service();
        let job = service.record(self.jobs.owner(), id)?;
        let told = self.phases && self.ids.len() == 1;
        let phase = told.then(|| service.phase(&job)).flatten();
        Ok(Glance { job, phase })
    }

    /// A wait for fifty jobs is woken a hundred times: each time it looks at what has changed alone.
    fn look_again(&self, seen: &mut [Glance], changed: &BTreeSet<usize>) -> Result<()> {
        let mut looked = Ok(());
        for (index, (glance, id)) in std::iter::zip(seen.iter_mut(), self.ids).enumerate() {
            if glance.is_live() && changed.contains(&index) {
                match self.glance(id) {
                    Ok(now) => *glance = now,
                    Err(error) => looked = Err(error),
                }
            }
        }
        self.look_after(seen);
        looked
    }

    fn look_at_all(&self, seen: &mut [Glance]) -> Result<()> {
        let all = (0..seen.len()).collect();
        self.look_again(seen, &all)
    }

    fn look_after(&self, seen: &[Glance]) {
        if seen.iter().any(Glance::is_live) {
            self.jobs.beside().look_after();
        }
    }

    fn is_over(&self, now: &[Glance]) -> bool {
        if now
            .iter()
            .any(|seen| seen.job.state == JobState::InputRequired)
        {
            return true;
        }
        match self.until {
            Until::Any => !now.iter().all(Glance::is_live),
            Until::All => !now.iter().any(Glance::is_live),
        }
    }
}

impl Glance {
    fn is_live(&self) -> bool {
        !self.job.state.is_terminal()
    }
}

/// A disk that hesitates must not end a wait: the next look comes soon.
fn ignoring_the_disk(looked: Result<()>) -> Result<()> {
    match looked {
        Err(error) if error.code == Code::StorageError => Ok(()),
        looked => looked,
    }
}
