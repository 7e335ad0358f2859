//! Whether a worker was killed for want of memory: the kernel does not say whom it kills, but counts.

use std::time::{Duration, Instant};

use crate::job::outcome::{Cause, Exit};
use crate::sys::host;

/// How many processes the kernel had killed for want of memory when it was last looked. A look takes as
/// long as a commit, so a short job has one.
#[derive(Clone, Copy)]
pub struct MemoryKills {
    at: Instant,
    count: Option<u64>,
}

impl MemoryKills {
    pub fn now() -> Self {
        MemoryKills {
            at: Instant::now(),
            count: host::oom_kills(),
        }
    }

    /// The last look, or a new one where that is as old as this: jobs that follow one another share one.
    pub fn recent(last: Option<Self>, age: Duration) -> Self {
        match last {
            Some(last) => last.again(age).unwrap_or(last),
            None => Self::now(),
        }
    }

    /// A new look, where the last is as old as this.
    pub fn again(self, age: Duration) -> Option<Self> {
        (self.at.elapsed() >= age).then(Self::now)
    }

    /// The cause of this `exit`, if somebody was killed for memory since the look, a second or so ago: it
    /// was the worker, or at its time.
    pub fn explain(self, exit: Exit) -> Option<Cause> {
        explain(self.count, exit, host::oom_kills)
    }
}

/// Looks at the count again for a worker alone that was killed.
fn explain(before: Option<u64>, exit: Exit, now: impl FnOnce() -> Option<u64>) -> Option<Cause> {
    let killed = exit == Exit::Signal(libc::SIGKILL);
    // Where the kernel has no count, none went up.
    let rose = || before.zip(now()).is_some_and(|(before, now)| now > before);
    (killed && rose()).then_some(Cause::OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: Exit = Exit::Signal(libc::SIGKILL);

    #[test]
    fn only_a_count_that_rose_tells() {
        let cause = |before, now| explain(before, KILLED, || now);
        assert_eq!(cause(Some(3), Some(4)), Some(Cause::OutOfMemory));
        assert_eq!(cause(Some(4), Some(4)), None);
        assert_eq!(cause(None, Some(4)), None, "nobody looked before");
        assert_eq!(cause(Some(4), None), None);
    }

    #[test]
    fn only_a_worker_that_was_killed_is_looked_at_again() {
        for exit in [Exit::Code(0), Exit::Signal(libc::SIGTERM), Exit::Unknown] {
            let cause = explain(Some(3), exit, || panic!("looked at for {exit:?}"));
            assert_eq!(cause, None);
        }
    }

    #[test]
    fn a_look_is_repeated_when_it_is_old() {
        let look = MemoryKills::now();
        assert!(look.again(Duration::from_secs(3600)).is_none());
        assert!(look.again(Duration::ZERO).is_some());
    }
}
