//! Our children: waiting for them without reaping, and killing all they ever started.
//!
//! The caller is a child subreaper, so every orphan below it becomes its child; `ECHILD` from
//! waitpid(2) therefore proves that the tree is empty. Only our own unreaped children are signalled by
//! number: nobody else can have their pid.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use crate::job::outcome::{Exit, Usage};

/// A descriptor that becomes readable when `child`, an unreaped child of ours, has ended.
///
/// # Errors
/// When no descriptor is left.
pub fn open_child(child: Pid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(child, PidfdFlags::empty())?)
}

/// How our child ended and what it and the children it waited for used, or `None` while it lives.
/// It stays unreaped: its pid stays ours.
///
/// # Errors
/// When `child` is not an unreaped child of ours.
pub fn peek(child: Pid) -> io::Result<Option<(Exit, Usage)>> {
    let ended = ended(libc::P_PID, child.as_raw_nonzero().get())?;
    Ok(ended.map(|(_, exit, usage)| (exit, usage)))
}

/// One of the children that `kind` and `id` name (waitid(2)) and that has ended; it stays unreaped.
fn ended(kind: libc::idtype_t, id: i32) -> io::Result<Option<(i32, Exit, Usage)>> {
    // The C library's waitid lacks the kernel's fifth argument, which fills in the usage.
    // SAFETY: both structures are plain data that the kernel writes within the call.
    let (info, usage) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let mut usage: libc::rusage = std::mem::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        if libc::syscall(
            libc::SYS_waitid,
            kind,
            id,
            &raw mut info,
            options,
            &raw mut usage,
        ) != 0
        {
            return Err(io::Error::last_os_error());
        }
        (info, usage)
    };
    // SAFETY: waitid(2) filled the SIGCHLD fields, or left them zero while the child lives.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if pid == 0 {
        return Ok(None);
    }
    let exit = if info.si_code == libc::CLD_EXITED {
        Exit::Code(status)
    } else {
        Exit::Signal(status)
    };
    Ok(Some((pid, exit, usage_of(&usage))))
}

fn usage_of(usage: &libc::rusage) -> Usage {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of processor time are far below 2^52"
    )]
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Usage {
        user_s: seconds(usage.ru_utime),
        system_s: seconds(usage.ru_stime),
        max_rss_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    }
}

/// Asks the process group of `child` (its leader, an unreaped child of ours) to end: TERM, then
/// CONT, since TERM stays pending in a stopped process.
pub fn ask_to_end(child: Pid) {
    let _ = rustix::process::kill_process_group(child, Signal::TERM);
    let _ = rustix::process::kill_process_group(child, Signal::CONT);
}

/// Kills `child`, an unreaped child of ours, which cannot refuse.
pub fn kill_now(child: Pid) {
    let _ = rustix::process::kill_process(child, Signal::KILL);
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
    let mut end = TreeEnd::default();
    // Nearly always the leader was all there was.
    if reap_ended() {
        end.empty = true;
        return end;
    }
    let until = Instant::now() + patience;
    let mut pause = Duration::from_micros(50);
    loop {
        let children = children();
        end.leaked += u32::try_from(
            children
                .iter()
                .filter(|c| **c != leader && is_alive(**c))
                .count(),
        )
        .unwrap_or(0);
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
    let keep = keep.as_raw_nonzero().get();
    while let Ok(Some((pid, ..))) = ended(libc::P_ALL, 0) {
        // Others may have ended behind it; then so has the job, and its tree is cleared.
        if pid == keep {
            return;
        }
        let _ = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::NOHANG);
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
    let listed =
        std::fs::read_to_string(format!("/proc/self/task/{me}/children")).unwrap_or_default();
    listed
        .split_ascii_whitespace()
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

fn is_alive(child: Pid) -> bool {
    matches!(peek(child), Ok(None))
}
