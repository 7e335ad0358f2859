//! Finding what a dead supervisor's job left behind, and killing just that.
//!
//! A process belongs to the attempt if its environment carries the attempt's mark or if it holds
//! the attempt's `tree.lock` open. It is signalled through a pidfd that was opened *before* the
//! evidence was read, and only if that pidfd is still alive after it: a recycled pid cannot be hit.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal};

use super::watch::wait_readable;

/// Marks every process of an attempt: `BGJOB=<job id>:<nonce>`.
pub const MARK: &str = "BGJOB";

/// Kills every process that carries `mark` or holds the file `tree_lock` open; says how many it
/// signalled.
pub fn kill_tree(mark: &str, tree_lock: &Path) -> usize {
    kill_where(&format!("{MARK}={mark}"), inode_of(tree_lock))
}

/// Kills every process that holds the file `tree_lock` open; says how many it signalled.
pub fn kill_holders(tree_lock: &Path) -> usize {
    // No process has an entry of nothing in its environment.
    kill_where("\u{1}", inode_of(tree_lock))
}

/// Sends `signal` to process `pid` if it holds the file `lock` open; says whether it did.
pub fn signal_holder(pid: u32, lock: &Path, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let Some((pid, inode)) = pid.zip(inode_of(lock)) else {
        return false;
    };
    let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return false;
    };
    let ours = holds(&format!("/proc/{}", pid.as_raw_nonzero()), inode);
    let alive = !wait_readable(&[pidfd.as_fd()], Duration::ZERO)[0];
    ours && alive && rustix::process::pidfd_send_signal(&pidfd, signal).is_ok()
}

fn inode_of(path: &Path) -> Option<(u64, u64)> {
    fs::symlink_metadata(path)
        .ok()
        .map(|meta| (meta.dev(), meta.ino()))
}

fn kill_where(entry: &str, inode: Option<(u64, u64)>) -> usize {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0;
    };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != rustix::process::getpid())
        .filter(|pid| kill_if_ours(*pid, entry.as_bytes(), inode))
        .count()
}

fn kill_if_ours(pid: Pid, mark: &[u8], inode: Option<(u64, u64)>) -> bool {
    let Ok(pidfd) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else {
        return false;
    };
    let proc_dir = format!("/proc/{}", pid.as_raw_nonzero());
    let ours = carries(&proc_dir, mark) || inode.is_some_and(|inode| holds(&proc_dir, inode));
    let alive = !wait_readable(&[pidfd.as_fd()], Duration::ZERO)[0];
    ours && alive && rustix::process::pidfd_send_signal(&pidfd, Signal::KILL).is_ok()
}

fn carries(proc_dir: &str, mark: &[u8]) -> bool {
    fs::read(format!("{proc_dir}/environ"))
        .is_ok_and(|env| env.split(|b| *b == 0).any(|var| var == mark))
}

fn holds(proc_dir: &str, inode: (u64, u64)) -> bool {
    let Ok(descriptors) = fs::read_dir(Path::new(proc_dir).join("fd")) else {
        return false;
    };
    descriptors
        .flatten()
        .filter_map(|descriptor| fs::metadata(descriptor.path()).ok())
        .any(|file| (file.dev(), file.ino()) == inode)
}
