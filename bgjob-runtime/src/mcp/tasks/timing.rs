//! A task's times, from its job's: how long it will be there, when to ask again.

use std::time::Duration;

use crate::job::record::JobRecord;

/// The shortest advice: a client that asks more often learns nothing more.
const SOONEST_MS: u64 = 100;
/// The longest.
const LATEST_MS: u64 = 30_000;

/// The moments of a job, in ms since the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// When it was accepted.
    pub submitted: i64,
    /// When its last attempt began.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
    /// When it last said how far it is, or somebody asked it to stop.
    pub heard: Option<i64>,
    /// How long an attempt may take, in ms.
    pub timeout_ms: Option<u64>,
}

impl Times {
    /// The times of a job that last spoke at `said_at`.
    pub fn of(job: &JobRecord, said_at: Option<i64>) -> Self {
        Times {
            submitted: job.submitted_at,
            started: job.started_at,
            ended: job.ended_at,
            heard: said_at.max(job.cancel_requested_at),
            timeout_ms: job.timeout_ms,
        }
    }

    /// When it last changed: never before it was made, even if the clock was set back.
    pub fn updated(&self) -> i64 {
        let last = self.ended.or(self.started.max(self.heard));
        last.unwrap_or(self.submitted).max(self.submitted)
    }

    /// How long the job can be asked for, counted from its making, in ms. `None`: no end in sight,
    /// since a live job is never deleted and this one has no timeout.
    ///
    /// It grows while the job waits in the queue, as the extension allows.
    pub fn ttl_ms(&self, retention: Duration, now: i64) -> Option<u64> {
        let end = match (self.ended, self.timeout_ms) {
            (Some(ended), _) => ended,
            (None, Some(timeout)) => {
                let begins = self.started.unwrap_or(now);
                begins.saturating_add(i64::try_from(timeout).unwrap_or(i64::MAX))
            }
            (None, None) => return None,
        };
        let life = u64::try_from(end.saturating_sub(self.submitted)).unwrap_or(0);
        let kept = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
        Some(life.saturating_add(kept))
    }

    /// When to ask again, in ms: after a tenth of the time that is expected to remain, or of the time
    /// that it has taken so far where nothing is expected.
    pub fn poll_ms(&self, eta_s: Option<u64>, now: i64) -> u64 {
        let taken = || u64::try_from(now.saturating_sub(self.submitted)).unwrap_or(0);
        let time = eta_s.map_or_else(taken, |eta| eta.saturating_mul(1000));
        (time / 10).clamp(SOONEST_MS, LATEST_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn running() -> Times {
        Times {
            submitted: 1_000,
            started: Some(3_000),
            timeout_ms: Some(60_000),
            ..Times::default()
        }
    }

    #[test]
    fn a_task_is_there_until_its_job_is_deleted() {
        let hour = 3_600_000;
        assert_eq!(running().ttl_ms(HOUR, 9_000), Some(2_000 + 60_000 + hour));
        let queued = Times {
            started: None,
            ..running()
        };
        assert_eq!(queued.ttl_ms(HOUR, 9_000), Some(8_000 + 60_000 + hour));
        let ended = Times {
            ended: Some(5_000),
            ..running()
        };
        assert_eq!(ended.ttl_ms(HOUR, 9_000), Some(4_000 + hour));
    }

    #[test]
    fn a_job_without_a_timeout_has_no_end_in_sight_until_it_ends() {
        let endless = Times {
            timeout_ms: None,
            ..running()
        };
        assert_eq!(endless.ttl_ms(HOUR, 9_000), None);
        let ended = Times {
            ended: Some(5_000),
            ..endless
        };
        assert_eq!(ended.ttl_ms(Duration::MAX, 9_000), Some(u64::MAX));
    }

    #[test]
    fn advice_follows_the_time_that_is_left() {
        assert_eq!(running().poll_ms(Some(42), 7_000), 4_200);
        assert_eq!(running().poll_ms(Some(0), 7_000), SOONEST_MS);
        assert_eq!(running().poll_ms(Some(u64::MAX), 7_000), LATEST_MS);
        assert_eq!(running().poll_ms(None, 9_000), 800);
        assert_eq!(running().poll_ms(None, i64::MAX), LATEST_MS);
        assert_eq!(running().poll_ms(None, 0), SOONEST_MS);
    }

    #[test]
    fn an_update_is_never_before_the_making() {
        assert_eq!(
            Times {
                submitted: 5,
                started: Some(3),
                ..Times::default()
            }
            .updated(),
            5
        );
        assert_eq!(
            Times {
                heard: Some(9_000),
                ..running()
            }
            .updated(),
            9_000
        );
        assert_eq!(
            Times {
                heard: Some(9),
                ..running()
            }
            .updated(),
            3_000
        );
        assert_eq!(
            Times {
                submitted: 7,
                ..Times::default()
            }
            .updated(),
            7
        );
    }
}
