//! A supervisor with nothing to do: it stays a moment, or until a job's time has come, and one for each data
//! directory is enough.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::{Supervisor, commit};
use crate::clock;
use crate::error::Result;
use crate::sys::lock::Lock;
use crate::sys::watch::wait_readable;

/// How long a supervisor that has run a job stays for the next: starting one costs more than a
/// trivial job, and a program that submits one job after another comes back within milliseconds.
const LINGER: Duration = Duration::from_millis(250);

impl Supervisor {
    /// Sleeps until the next job becomes eligible by time; `None` when none will, or when another
    /// supervisor is there to see it.
    pub(super) fn wait_for_later_work(&mut self) -> Option<Lock> {
        let now = clock::now_ms();
        let at = self.ledger.next_not_before(&self.build, now).ok()??;
        let pause = u64::try_from(at.saturating_sub(now))
            .unwrap_or(0)
            .clamp(1, 1000);
        self.sleep_alone(Duration::from_millis(pause), true)
    }

    /// Sleeps until `pause` is over or a job can start (`for_work`) or anything else happens on the data
    /// directory, unless somebody else does: one sleeper is enough, and running supervisors look when
    /// their job has ended.
    ///
    /// Who accepts a job starts no supervisor while the lock is held. It is held until a job is claimed,
    /// and given back before the last look: whoever has seen it held has committed before that look.
    pub(super) fn sleep_alone(&self, pause: Duration, for_work: bool) -> Option<Lock> {
        commit::leave_if_orphaned(&self.data);
        let sleeper = Lock::try_take(&self.data.sleeper_lock(&self.build)).ok()??;
        let watch = self.watch.as_ref();
        let Some(watch) = watch.and_then(|watch| watch.touches(&self.data.jobs()).ok()) else {
            std::thread::sleep(pause);
            return Some(sleeper);
        };
        let until = Instant::now() + pause;
        let mut look = for_work;
        // Armed first, read second: what was accepted before the watch is seen here.
        while !(look && self.sees_work().unwrap_or(false)) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            wait_readable(&[watch.set().as_fd()], left);
            let news = !watch.set().drain().is_empty();
            if news && !for_work {
                break;
            }
            look = news;
        }
        Some(sleeper)
    }

    pub(super) fn sees_work(&self) -> Result<bool> {
        let found = self.ledger.candidates(&self.build, clock::now_ms(), 1)?;
        Ok(!found.is_empty())
    }

    /// Stays a moment for the next job.
    pub(super) fn linger(&mut self) -> Option<Lock> {
        if !std::mem::take(&mut self.worked) {
            return None;
        }
        self.sleep_alone(LINGER, true)
    }
}
