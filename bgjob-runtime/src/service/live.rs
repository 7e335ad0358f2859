//! A running job as it is at the moment of looking: how far, how fast, and whether it still moves.
//! Nothing is kept running for this: the worker's last words are in a file, the past in the ledger.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use super::JobService;
use crate::clock;
use crate::error::Result;
use crate::job::progress::Progress;
use crate::job::record::JobRecord;
use crate::job::request::Owner;
use crate::job::timing::{self, PastRuns};
use crate::job::view::JobView;
use crate::store::progress_file;

/// A job that has not moved for a shorter time is not worth a word.
const STILL: Duration = Duration::from_secs(60);
/// Pasts that are remembered, of 1 KiB each; a server with more owners and tools reads them again.
const MOST_PASTS: usize = 1024;

impl JobService {
    /// How long the owner's last completed jobs of `tool` ran; `None` if none has completed. Another
    /// owner's tell nothing here: their pace is theirs.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn past_runs(&self, owner: &Owner, tool: &str) -> Result<Option<Arc<PastRuns>>> {
        let runs = self.ledger().runs(owner.as_str(), tool)?;
        let key = (owner.clone(), tool.to_owned());
        let mut known = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(past) = known.get(&key)
            && past.runs() == runs
        {
            return Ok(Some(Arc::clone(past)));
        }
        let times = self.ledger().run_times(owner.as_str(), tool)?;
        let past = PastRuns::new(runs, times).map(Arc::new);
        if let Some(past) = &past {
            if known.len() >= MOST_PASTS && !known.contains_key(&key) {
                known.clear();
            }
            known.insert(key, Arc::clone(past));
        }
        Ok(past)
    }

    /// Adds what a running job says of itself, and what its predecessors tell.
    pub(super) fn with_live_facts(&self, job: &JobRecord, mut view: JobView) -> JobView {
        if !job.state.is_running() {
            return view;
        }
        let progress = self.progress(job);
        // An estimate that cannot be made must not hide the job.
        let past = self
            .past_runs(&Owner(job.owner.clone()), &job.tool)
            .unwrap_or_default();
        let now = standing(job, progress.as_ref());
        view.eta_s = timing::eta_ms(now, past.as_deref()).map(|ms| ms.div_ceil(1000));
        let slow = past.is_some_and(|past| past.is_slow(now.elapsed_ms));
        view.slow = slow.then_some(true);
        let Some(progress) = progress else {
            return view;
        };
        // 0: written by a program that did not tell.
        let changed = Some(progress.changed_at_ms).filter(|at| *at > 0);
        let still = since(changed.unwrap_or(progress.at_ms));
        view.no_progress_s = (still >= STILL).then_some(still.as_secs());
        // Three digits tell as much as sixteen, and cost a model less.
        view.progress = progress
            .progress
            .map(|share| (share * 1000.0).round() / 1000.0);
        view.phase = progress.phase;
        view.message = progress.message;
        view.note = progress.note;
        view
    }

    /// How long ago a running job gave its last sign of life, in s: it began, told its progress, or
    /// printed something.
    pub(super) fn silent_s(&self, job: &JobRecord) -> Option<u64> {
        let began = job.started_at.filter(|_| job.state.is_running())?;
        let dir = self.data.job(&job.id);
        let said = self.progress(job).map(|progress| progress.at_ms);
        let printed = [dir.stdout(), dir.stderr()].map(|log| modified_ms(&log));
        let last = printed.into_iter().chain([said]).flatten().max();
        Some(since(last.unwrap_or(began).max(began)).as_secs())
    }

    /// What a running job says that it does.
    pub fn phase(&self, job: &JobRecord) -> Option<String> {
        let running = job.state.is_running();
        running.then(|| self.progress(job)?.phase).flatten()
    }

    /// How far a running job is; nothing if it never said or what is there is not of this attempt.
    pub(super) fn progress(&self, job: &JobRecord) -> Option<Progress> {
        let progress = progress_file::read(&self.data.job(&job.id).progress())?;
        (Some(&progress.nonce) == job.nonce.as_ref()).then_some(progress)
    }
}

fn standing(job: &JobRecord, progress: Option<&Progress>) -> timing::Standing {
    let stage = progress.and_then(|progress| progress.phase_started_at_ms);
    timing::Standing {
        elapsed_ms: job.started_at.map_or(0, |at| millis(since(at))),
        share: progress.and_then(|progress| progress.progress),
        stage_ms: stage.map(|at| millis(since(at))),
    }
}

/// The time since a moment in ms since the epoch; none if the clock was set back meanwhile.
fn since(ms: i64) -> Duration {
    let passed = clock::now_ms().saturating_sub(ms);
    Duration::from_millis(u64::try_from(passed).unwrap_or(0))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn modified_ms(path: &std::path::Path) -> Option<i64> {
    let modified = path.symlink_metadata().ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
