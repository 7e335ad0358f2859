//! Waiting in a terminal: sleeps on inotify, looks after lost jobs meanwhile.

use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::JobService;
use crate::error::Result;
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};
use crate::sys::watch::{Watch, wait_readable};

/// Which of several jobs must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// One of them.
    Any,
    /// All of them.
    All,
}

/// How often the ledger is read when no event came.
const FALLBACK: Duration = Duration::from_secs(1);
/// Where inotify is not to be had.
const POLL: Duration = Duration::from_millis(100);

impl JobService {
    /// Blocks until the jobs have ended, `timeout` is over, or `seen` breaks off. `seen` gets the
    /// views at once and after each change. Jobs whose supervisor died are ended meanwhile, so that
    /// waiting always has an end.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn wait(
        &self,
        owner: &Owner,
        ids: &[JobId],
        until: Until,
        timeout: Option<Duration>,
        seen: &mut dyn FnMut(&[JobView]) -> ControlFlow<()>,
    ) -> Result<Vec<JobView>> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let watch = self.watch(ids);
        let mut looked_after = Instant::now();
        loop {
            let views = ids
                .iter()
                .map(|id| self.view(owner, id))
                .collect::<Result<Vec<_>>>()?;
            let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if seen(&views).is_break() || over || is_over(&views, until) {
                return Ok(views);
            }
            if looked_after.elapsed() >= FALLBACK {
                self.reconcile()?;
                looked_after = Instant::now();
            }
            let left = deadline.map_or(FALLBACK, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            match &watch {
                Some(watch) => {
                    wait_readable(&[watch.as_fd()], left.min(FALLBACK));
                    watch.drain();
                }
                None => std::thread::sleep(left.min(POLL)),
            }
        }
    }

    fn watch(&self, ids: &[JobId]) -> Option<Watch> {
        let watch = Watch::new().ok()?;
        ids.iter()
            .all(|id| watch.add(self.data.job(id).path()).is_ok())
            .then_some(watch)
    }
}

fn is_over(views: &[JobView], until: Until) -> bool {
    let ended = |view: &JobView| {
        matches!(
            view.state,
            ViewState::Completed | ViewState::Failed | ViewState::Cancelled
        )
    };
    match until {
        Until::Any => views.iter().any(ended),
        Until::All => views.iter().all(ended),
    }
}
