//! Orders to the failpoints of a program built with them, and what came of them.

use std::fs;
use std::path::Path;

use crate::{Sandbox, until};

impl Sandbox {
    /// Orders for supervisors and workers from now on, such as `commit.before=kill`.
    pub fn order(&self, orders: &str) {
        fs::create_dir_all(self.data()).expect("the data directory");
        let next = self.data().join("failpoints.next");
        fs::write(&next, orders).expect("orders are written");
        fs::rename(next, self.data().join("failpoints")).expect("orders are in force");
    }

    /// No more orders.
    pub fn withdraw_orders(&self) {
        let _ = fs::remove_file(self.data().join("failpoints"));
    }

    /// A kill and a stop happen once; this one may happen again.
    pub fn rearm(&self, point: &str) {
        let _ = fs::remove_file(self.data().join("failpoints.hit").join(point));
    }

    /// The process that died or stopped at `point`, once it has.
    pub fn hit(&self, point: &str) -> Option<i32> {
        let mark = self.data().join("failpoints.hit").join(point);
        fs::read_to_string(mark).ok()?.parse().ok()
    }

    /// Waits until a process has died or stopped at `point`; its number.
    #[track_caller]
    pub fn wait_for_hit(&self, point: &str) -> i32 {
        let mut pid = None;
        until(&format!("somebody reached {point}"), || {
            pid = self
                .hit(point)
                .filter(|pid| matches!(state_of(*pid), None | Some('T' | 'Z' | 'X')));
            pid.is_some()
        });
        pid.expect("just seen")
    }
}

/// The state letter of a process (proc(5)); `None` when it is gone.
pub fn state_of(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Lets a stopped process go on.
pub fn resume(pid: i32) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
    }
}

/// Every failpoint of the engine, by what its source says.
pub fn failpoints() -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bgjob-runtime/src");
    let mut found = Vec::new();
    for folder in ["", "service", "supervisor", "tool/context"] {
        for entry in fs::read_dir(source.join(folder))
            .expect("the engine's source")
            .flatten()
        {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            let names = text.split("failpoint!(\"").skip(1);
            found.extend(names.filter_map(|part| part.split('"').next().map(str::to_owned)));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "the engine has failpoints");
    found
}
