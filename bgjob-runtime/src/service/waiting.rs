//! Why a queued job has not begun: it waits for others, for its time, for a program that has its tool,
//! for a slot, or for memory.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::JobService;
use crate::clock;
use crate::error::Result;
use crate::job::record::JobRecord;
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::store::ledger::Ledger;
use crate::sys::host;

/// What holds for every queued job at one moment.
pub(super) struct Moment<'a> {
    build: &'a str,
    now_ms: i64,
    running: u32,
    max_jobs: u32,
    min_memory_mib: u64,
    /// Looked up by the first job that nothing else holds: the kernel takes its time to count memory.
    memory_short: OnceCell<Option<String>>,
}

impl JobService {
    /// Says of each queued job in `views`, the views of `jobs`, why it waits.
    pub(super) fn explain_queued(
        &self,
        owner: &Owner,
        jobs: &[JobRecord],
        views: &mut [JobView],
    ) -> Result<()> {
        if jobs.iter().all(|job| job.state != JobState::Queued) {
            return Ok(());
        }
        let ledger = self.ledger();
        let moment = self.moment(&ledger)?;
        // One walk over the queue, and not one for each of its jobs.
        let places: HashMap<i64, u64> = ledger
            .queue_of(owner.as_str())?
            .into_iter()
            .zip(1..)
            .collect();
        for (job, view) in std::iter::zip(jobs, views) {
            // A job that left the queue since it was listed has no place in it.
            if let Some(place) = places
                .get(&job.seq)
                .filter(|_| job.state == JobState::Queued)
            {
                moment.explain(&ledger, job, *place, view)?;
            }
        }
        Ok(())
    }

    pub(super) fn moment(&self, ledger: &Ledger) -> Result<Moment<'_>> {
        let settings = ledger.settings()?;
        Ok(Moment {
            build: &self.build,
            now_ms: clock::now_ms(),
            running: ledger.count_alive()?,
            max_jobs: settings.max_jobs,
            min_memory_mib: settings.min_memory_mib,
            memory_short: OnceCell::new(),
        })
    }
}

impl Moment<'_> {
    /// Says in `view` why the queued `job` waits, which has this `place` in its owner's queue.
    pub(super) fn explain(
        &self,
        ledger: &Ledger,
        job: &JobRecord,
        place: u64,
        view: &mut JobView,
    ) -> Result<()> {
        view.waiting_for = ledger.waits_of(job.seq)?;
        if !view.waiting_for.is_empty() {
            return Ok(());
        }
        view.waiting_because = self.backing_off(ledger, job)?;
        if view.waiting_because.is_some() {
            return Ok(());
        }
        view.queue_position = Some(place);
        let runs_here = ledger.can_run(self.build, job)?;
        let of_tool = match job.tool_limit {
            Some(limit) => Some((ledger.count_alive_of(&job.tool)?, limit)),
            None => None,
        };
        view.waiting_because = self.held_by(&job.tool, runs_here, of_tool);
        Ok(())
    }

    /// What keeps a job of `tool` whose turn it is from beginning. `of_tool`: how many of the tool's jobs
    /// run, and how many may.
    fn held_by(&self, tool: &str, runs_here: bool, of_tool: Option<(u32, u32)>) -> Option<String> {
        if !runs_here {
            return Some(format!(
                "this program does not have `{tool}` as it was when the job was submitted"
            ));
        }
        if let Some((_, limit)) = of_tool.filter(|(running, limit)| running >= limit) {
            return Some(format!("{} of `{tool}` at once", at_most(limit)));
        }
        if self.running >= self.max_jobs {
            return Some(match self.max_jobs {
                1 => "the only slot is taken".to_owned(),
                slots => format!("all {slots} slots are taken"),
            });
        }
        self.memory_short().clone()
    }

    fn memory_short(&self) -> &Option<String> {
        self.memory_short
            .get_or_init(|| memory_short(self.min_memory_mib, host::memory_available_mib()))
    }

    /// Why a job that has failed before is not started yet.
    fn backing_off(&self, ledger: &Ledger, job: &JobRecord) -> Result<Option<String>> {
        let left = job.not_before.saturating_sub(self.now_ms);
        if left <= 0 || job.attempt == 0 {
            return Ok(None);
        }
        let Some(last) = ledger.attempts(job.seq)?.pop() else {
            return Ok(None);
        };
        Ok(Some(format!(
            "attempt {} failed ({}); attempt {} of {} begins in {} s",
            last.attempt,
            last.error.code,
            job.attempt + 1,
            job.max_attempts,
            left.saturating_add(999) / 1000
        )))
    }
}

fn at_most(limit: u32) -> String {
    match limit {
        1 => "only one job".to_owned(),
        limit => format!("only {limit} jobs"),
    }
}

/// Why nothing is started, if it is for want of memory.
fn memory_short(least: u64, available: Option<u64>) -> Option<String> {
    let available = available.filter(|available| *available < least)?;
    Some(format!(
        "{available} MiB of memory are available, and the setting min_memory_mib asks for {least} MiB"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(running: u32, memory_short: Option<&str>) -> Moment<'static> {
        Moment {
            build: "b",
            now_ms: 0,
            running,
            max_jobs: 2,
            min_memory_mib: 0,
            memory_short: OnceCell::from(memory_short.map(str::to_owned)),
        }
    }

    #[test]
    fn the_narrowest_reason_is_told() {
        let held = |moment: &Moment<'_>, runs_here, of_tool| {
            moment
                .held_by("mesh", runs_here, of_tool)
                .unwrap_or_default()
        };
        let full = moment(2, Some("memory"));
        assert!(held(&full, false, Some((1, 1))).contains("does not have `mesh`"));
        assert_eq!(
            held(&full, true, Some((1, 1))),
            "only one job of `mesh` at once"
        );
        assert_eq!(
            held(&full, true, Some((3, 3))),
            "only 3 jobs of `mesh` at once"
        );
        assert_eq!(held(&full, true, Some((0, 1))), "all 2 slots are taken");
        let free = moment(1, Some("memory"));
        assert_eq!(held(&free, true, None), "memory");
        assert_eq!(
            held(&moment(1, None), true, Some((0, 1))),
            "",
            "it is about to begin"
        );
    }

    #[test]
    fn memory_is_short_below_the_setting() {
        assert!(memory_short(1024, Some(1023)).is_some_and(|why| why.starts_with("1023 MiB")));
        assert_eq!(memory_short(1024, Some(1024)), None);
        assert_eq!(memory_short(1024, None), None, "nobody knows");
    }
}
