//! Automatic retries: which ends of an attempt are tried again, and after what pause. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};
use crate::job::outcome::Exit;

/// An end of an attempt after which another may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// Nobody saw the end: the supervisor was killed or the machine restarted.
    Lost,
    /// The worker process was ended by a signal, or exited without a result. A panic is a defect of
    /// the tool and does not count.
    Crashed,
    /// The attempt ran longer than its timeout.
    TimedOut,
    /// The function's error, or an error of storage, says that it may be gone next time.
    Retryable,
}

/// What the attribute says about retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Attempts after the first, 1 or more.
    pub max: u32,
    /// The ends that are tried again.
    pub on: &'static [RetryOn],
    /// The pause after the first attempt; each further one doubles it.
    pub backoff: Duration,
    /// No pause is longer, save for the random part.
    pub max_backoff: Duration,
}

/// The ends that are tried again unless the attribute lists others.
pub const DEFAULT_ON: &[RetryOn] = &[RetryOn::Lost, RetryOn::Crashed, RetryOn::Retryable];
/// The first pause unless the attribute says otherwise.
pub const DEFAULT_BACKOFF: Duration = Duration::from_secs(5);
/// The longest pause unless the attribute says otherwise.
pub const DEFAULT_MAX_BACKOFF: Duration = Duration::from_secs(5 * 60);

impl Retries {
    /// `retries = max`: the default ends and pauses.
    pub const fn new(max: u32) -> Self {
        Retries {
            max,
            on: DEFAULT_ON,
            backoff: DEFAULT_BACKOFF,
            max_backoff: DEFAULT_MAX_BACKOFF,
        }
    }

    /// Sets the ends that are tried again.
    pub const fn on(mut self, on: &'static [RetryOn]) -> Self {
        self.on = on;
        self
    }

    /// Sets the first pause.
    pub const fn backoff(mut self, pause: Duration) -> Self {
        self.backoff = pause;
        self
    }

    /// Sets the longest pause.
    pub const fn max_backoff(mut self, pause: Duration) -> Self {
        self.max_backoff = pause;
        self
    }

    /// The part that the ledger keeps beside the number of attempts.
    pub fn policy(&self) -> RetryPolicy {
        let ms = |pause: Duration| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        RetryPolicy {
            on: self.on.to_vec(),
            backoff_ms: ms(self.backoff),
            max_backoff_ms: ms(self.max_backoff),
        }
    }
}

/// Which earlier jobs of the same owner, tool, input and promised state stand for a new call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dedupe {
    /// Those that have not ended.
    InFlight,
    /// Those too that were submitted at most so long ago and have not failed or been cancelled.
    Within(Duration),
}

/// Ends and pauses as the job's row holds them: a job keeps those of its submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The ends that are tried again.
    pub on: Vec<RetryOn>,
    /// The first pause, in ms.
    pub backoff_ms: u64,
    /// The longest pause, in ms, without its random part.
    pub max_backoff_ms: u64,
}

impl RetryPolicy {
    /// Whether an attempt that ended so is tried again while attempts are left.
    pub fn covers(&self, error: &Error, exit: Exit) -> bool {
        kind(error, exit).is_some_and(|kind| self.on.contains(&kind))
    }

    /// The pause in ms after the attempt of that number. `chance`, from 0 to 1, adds up to a quarter, so that
    /// jobs that failed together do not come back together; a pause is never shorter than stated.
    pub fn pause_ms(&self, attempt: u32, chance: f64) -> u64 {
        let doubled = 1u64.checked_shl(attempt.saturating_sub(1));
        let factor = doubled.unwrap_or(u64::MAX);
        let pause = self
            .backoff_ms
            .saturating_mul(factor)
            .min(self.max_backoff_ms);
        let extra = Duration::from_millis(pause / 4).mul_f64(chance.clamp(0.0, 1.0));
        pause.saturating_add(u64::try_from(extra.as_millis()).unwrap_or(0))
    }
}

fn kind(error: &Error, exit: Exit) -> Option<RetryOn> {
    match error.code {
        Code::SupervisorLost | Code::HostRestarted => Some(RetryOn::Lost),
        Code::TimedOut => Some(RetryOn::TimedOut),
        // Without an exit no worker came to be, for a reason that stays.
        Code::Crashed | Code::NoResult | Code::OutOfMemory if exit != Exit::Unknown => {
            Some(RetryOn::Crashed)
        }
        Code::ToolError | Code::StorageError if error.retryable => Some(RetryOn::Retryable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(on: &[RetryOn], code: Code, exit: Exit) -> bool {
        let policy = RetryPolicy {
            on: on.to_vec(),
            ..Retries::new(1).policy()
        };
        policy.covers(&Error::new(code, "x"), exit)
    }

    #[test]
    fn an_end_is_tried_again_only_if_it_is_listed() {
        let all = [
            RetryOn::Lost,
            RetryOn::Crashed,
            RetryOn::TimedOut,
            RetryOn::Retryable,
        ];
        assert!(covers(&all, Code::SupervisorLost, Exit::Unknown));
        assert!(covers(&all, Code::HostRestarted, Exit::Unknown));
        assert!(covers(&all, Code::Crashed, Exit::Signal(9)));
        assert!(covers(&all, Code::NoResult, Exit::Code(0)));
        assert!(covers(&all, Code::TimedOut, Exit::Signal(15)));
        assert!(covers(&all, Code::StorageError, Exit::Code(1)));
        for listed in all {
            assert!(!covers(
                &[RetryOn::Lost, RetryOn::Crashed, RetryOn::TimedOut],
                Code::StorageError,
                Exit::Code(1)
            ));
            assert_eq!(
                covers(&[listed], Code::TimedOut, Exit::Code(1)),
                listed == RetryOn::TimedOut
            );
        }
    }

    #[test]
    fn a_defect_or_a_wrong_call_is_never_tried_again() {
        let all = [
            RetryOn::Lost,
            RetryOn::Crashed,
            RetryOn::TimedOut,
            RetryOn::Retryable,
        ];
        for code in [
            Code::Panicked,
            Code::BadResult,
            Code::InvalidState,
            Code::DependencyFailed,
            Code::ToolError,
        ] {
            assert!(!covers(&all, code, Exit::Code(1)), "{code}");
        }
        assert!(
            !covers(&all, Code::Crashed, Exit::Unknown),
            "no worker came to be"
        );
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_never_shorter_than_stated() {
        let policy = Retries::new(9).policy();
        let pauses: Vec<u64> = (1..=8).map(|n| policy.pause_ms(n, 0.0) / 1000).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(policy.pause_ms(u32::MAX, 0.0), 300_000);
        assert_eq!(policy.pause_ms(1, 1.0), 6_250);
    }
}
