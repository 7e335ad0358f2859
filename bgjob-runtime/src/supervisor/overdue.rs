//! A supervisor that stands still beyond its job's time: whoever looks after the dead wakes it, and
//! kills it when that does not help. Its timer and the worker's own come first; this is the third.

use std::path::Path;

use rustix::process::Signal;

use super::child::GRACE;
use super::holder::Holder;
use crate::job::record::JobRecord;
use crate::sys::lock::Lock;
use crate::sys::{host, sweep};

/// How long after the kill was due the supervisor is woken.
const WAKE_MS: u64 = 10_000;
/// How much later it is killed.
const KILL_MS: u64 = 5_000;

/// What has to be done about a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    None,
    Wake,
    Kill,
}

/// Notes in the job's lock who holds it and until when. A failure costs only this third enforcer.
pub fn note(lock: &Lock, job: &JobRecord, boot: &str) {
    let grace = u64::try_from(GRACE.as_millis()).unwrap_or(0);
    let due_ms = job.timeout_ms.map(|ms| {
        host::monotonic_ms()
            .saturating_add(ms)
            .saturating_add(grace)
    });
    Holder::new(job.nonce.as_deref().unwrap_or_default(), boot, due_ms).note(lock);
}

/// Wakes or kills the holder of the job lock at `path` if it is overdue; true when it was killed.
pub fn enforce(path: &Path, boot: &str) -> bool {
    let Some(holder) = Holder::read(path).filter(|holder| holder.boot == boot) else {
        return false;
    };
    match measure(holder.due_ms, host::monotonic_ms()) {
        Measure::None => false,
        Measure::Wake => {
            sweep::signal_holder(holder.pid, path, Signal::CONT);
            false
        }
        Measure::Kill => sweep::signal_holder(holder.pid, path, Signal::KILL),
    }
}

fn measure(due_ms: Option<u64>, now_ms: u64) -> Measure {
    match due_ms.map(|due| now_ms.saturating_sub(due)) {
        Some(late) if late >= WAKE_MS + KILL_MS => Measure::Kill,
        Some(late) if late >= WAKE_MS => Measure::Wake,
        _ => Measure::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overdue_supervisor_is_woken_and_then_killed() {
        assert_eq!(measure(None, u64::MAX), Measure::None);
        assert_eq!(measure(Some(1000), 10_999), Measure::None);
        assert_eq!(measure(Some(1000), 11_000), Measure::Wake);
        assert_eq!(measure(Some(1000), 16_000), Measure::Kill);
    }

    #[test]
    fn a_process_that_does_not_hold_the_lock_is_not_signalled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let mut stranger = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let text = format!("{{\"pid\":{},\"boot\":\"b\",\"due_ms\":0}}", stranger.id());
        std::fs::write(&path, text).unwrap();
        assert!(!enforce(&path, "b"));
        assert_eq!(stranger.try_wait().unwrap(), None);
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }
}
