//! Which processes belong to a data directory: found by what the kernel says, not by name.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal};

/// A process of the data directory, held by a pidfd that was opened before it was examined.
#[derive(Debug)]
pub struct Found {
    /// Its number.
    pub pid: i32,
    /// Its command line.
    pub command: String,
    /// What it is.
    pub kind: Kind,
    pidfd: OwnedFd,
}

/// What a process of a data directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A supervisor, or the first process of one.
    Supervisor,
    /// A worker.
    Worker,
    /// Something that a worker started.
    Descendant,
}

impl Found {
    /// Sends it a signal; a process that is gone is not an error.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::pidfd_send_signal(&self.pidfd, signal);
    }

    /// Kills it.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }
}

/// The living processes of the data directory `data`: supervisors by the directory in their
/// environment, workers and what they started by an open file in it or by the mark of one of its jobs.
pub fn of(data: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| *pid != std::process::id().cast_signed())
        .filter_map(|pid| examine(pid, data))
        .collect()
}

fn examine(pid: i32, data: &Path) -> Option<Found> {
    let pidfd = rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let proc = format!("/proc/{pid}");
    if has_not_executed(&proc) {
        return None;
    }
    let command = fs::read(format!("{proc}/cmdline")).ok()?;
    if command.is_empty() {
        return None; // a zombie
    }
    let command = String::from_utf8_lossy(&command)
        .replace('\0', " ")
        .trim()
        .to_owned();
    let env = fs::read(format!("{proc}/environ")).unwrap_or_default();
    let variable = |name: &str| {
        env.split(|b| *b == 0).find_map(|entry| {
            Some(String::from_utf8_lossy(entry.strip_prefix(name.as_bytes())?).into_owned())
        })
    };
    let kind = if command.starts_with("bgjob __supervise") {
        (variable("BGJOB_DATA_DIR=")? == data.to_string_lossy()).then_some(Kind::Supervisor)?
    } else {
        let marked = variable("BGJOB=").is_some_and(|mark| {
            data.join("jobs")
                .join(mark.split(':').next().unwrap_or_default())
                .is_dir()
        });
        if !marked && !holds_file_in(&proc, data) {
            return None;
        }
        if command.starts_with("bgjob __work") {
            Kind::Worker
        } else {
            Kind::Descendant
        }
    };
    // A front-end has the ledger open, but nothing of a job.
    if kind == Kind::Descendant && command.contains("--data-dir") {
        return None;
    }
    Some(Found {
        pid,
        command,
        kind,
        pidfd,
    })
}

/// A child of the tests between its fork and its exec has whatever they had open at that moment, of any test.
fn has_not_executed(proc: &str) -> bool {
    let mine = fs::read_link("/proc/self/exe").ok();
    mine.is_some() && fs::read_link(format!("{proc}/exe")).ok() == mine
}

fn holds_file_in(proc: &str, data: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("{proc}/fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|fd| fs::read_link(fd.path()).ok())
        .any(|to| to.starts_with(data.join("jobs")))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_that_has_not_executed_yet_belongs_to_no_data_directory() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("jobs")).unwrap();
        let _open = fs::File::create(dir.path().join("jobs/job.json")).unwrap();
        let ((mut hear, say), (mut wait, go)) =
            (std::io::pipe().unwrap(), std::io::pipe().unwrap());
        let mut command = Command::new("true");
        // SAFETY: it writes and reads bytes between fork and exec.
        unsafe {
            command.pre_exec(move || {
                std::io::Write::write_all(&mut &say, b"x")?;
                wait.read_exact(&mut [0])
            });
        }
        let child = std::thread::spawn(move || command.status());
        hear.read_exact(&mut [0]).unwrap();
        let found = of(dir.path());
        std::io::Write::write_all(&mut &go, b"x").unwrap();
        assert!(child.join().unwrap().unwrap().success());
        assert!(found.is_empty(), "{found:?}");
    }
}
