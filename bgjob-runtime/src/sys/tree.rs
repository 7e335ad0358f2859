//! Our children: waiting for them without reaping, and killing all they ever started.
//!
//! The caller is a child subreaper, so every orphan below it becomes its child; `ECHILD` from
//! waitpid(2) therefore proves that the tree is empty. Only our own unreaped children are signalled by
//! number: nobody else can have their pid.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions};
use serde::{Deserialize, Serialize};

/// How a process ended, as waitid(2) told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It called exit(3) with this status.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// A descriptor that becomes readable when `child`, an unreaped child of ours, has ended.
///
/// # Errors
/// When no descriptor is left.
pub fn open_child(child: Pid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(child, PidfdFlags::empty())?)
}

/// How our child ended, or `None` while it lives. It stays unreaped: its pid stays ours.
///
/// # Errors
/// When `child` is not an unreaped child of ours.
pub fn peek(child: Pid) -> io::Result<Option<Ended>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = rustix::process::waitid(WaitId::Pid(child), options)?;
    Ok(status.and_then(|status| {
        status.exit_status().map(Ended::Code).or_else(|| status.terminating_signal().map(Ended::Signal))
    }))
}

/// Asks the process group of `child` (its leader, an unreaped child of ours) to end: TERM, then
/// CONT, since TERM stays pending in a stopped process.
pub fn ask_to_end(child: Pid) {
    let _ = rustix::process::kill_process_group(child, Signal::TERM);
    let _ = rustix::process::kill_process_group(child, Signal::CONT);
}

/// What [`kill_all`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeEnd {
    /// Processes other than `leader` that were still alive.
    pub leaked: u32,
    /// Whether the tree is empty; if not, something cannot be killed (yet).
    pub empty: bool,
}

/// Kills and reaps every child until none is left or `patience` is over.
pub fn kill_all(leader: Pid, patience: Duration) -> TreeEnd {
    let until = Instant::now() + patience;
    let mut end = TreeEnd::default();
    let mut pause = Duration::from_micros(50);
    loop {
        let children = children();
        end.leaked += u32::try_from(children.iter().filter(|c| **c != leader && is_alive(**c)).count()).unwrap_or(0);
        // Stopped first, a spawner cannot outrun the round.
        for signal in [Signal::STOP, Signal::KILL] {
            for child in &children {
                let _ = rustix::process::kill_process(*child, signal);
            }
        }
        if reap_ended() {
            end.empty = true;
            return end;
        }
        if Instant::now() >= until {
            return end;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Reaps every ended child but `keep`, so that adopted orphans do not pile up as zombies.
pub fn reap_orphans(keep: Pid) {
    for child in children() {
        if child != keep {
            let _ = rustix::process::waitpid(Some(child), WaitOptions::NOHANG);
        }
    }
}

/// Reaps every ended child; true when there is no child at all.
fn reap_ended() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return true,
        }
    }
}

fn children() -> Vec<Pid> {
    let me = rustix::process::getpid().as_raw_nonzero();
    let listed = std::fs::read_to_string(format!("/proc/self/task/{me}/children")).unwrap_or_default();
    listed.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

fn is_alive(child: Pid) -> bool {
    matches!(peek(child), Ok(None))
}
