//! A supervisor that stands still beyond its job's time: whoever looks after the dead wakes it, and
//! kills it when that does not help. Its timer and the worker's own come first; this is the third.

use std::path::Path;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::child::GRACE;
use crate::job::record::JobRecord;
use crate::store::files;
use crate::sys::lock::Lock;
use crate::sys::{host, sweep};

/// How long after the kill was due the supervisor is woken.
const WAKE_MS: u64 = 10_000;
/// How much later it is killed.
const KILL_MS: u64 = 5_000;

/// What a supervisor leaves in its job's lock file. Nothing is decided by the pid alone: a process
/// is signalled only while it holds the lock file open.
#[derive(Serialize, Deserialize)]
struct Holder {
    pid: u32,
    boot: String,
    /// When the worker must be gone, on the monotonic clock of that boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_ms: Option<u64>,
}

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
    let holder = Holder {
        pid: std::process::id(),
        boot: boot.to_owned(),
        due_ms: job.timeout_ms.map(|ms| {
            host::monotonic_ms()
                .saturating_add(ms)
                .saturating_add(grace)
        }),
    };
    if let Ok(text) = serde_json::to_string(&holder) {
        let _ = lock.note(&text);
    }
}

/// Wakes or kills the holder of the job lock at `path` if it is overdue; true when it was killed.
pub fn enforce(path: &Path, boot: &str) -> bool {
    let holder = files::read_capped(path, 4096)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Holder>(&bytes).ok());
    let Some(holder) = holder.filter(|holder| holder.boot == boot) else {
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
