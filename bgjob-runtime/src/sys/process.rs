//! Starting processes: the detached supervisor, and the worker that cannot outlive it unnoticed.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::host::SELF_EXE;

/// Starts this binary once more as `bgjob`, its role first among the arguments, by posix_spawn (no `pre_exec`: that would force
/// a fork, 79 ms in a server of 2 GiB) with nothing of our stdio, and waits for its first process,
/// which exits as soon as it has detached.
///
/// # Errors
/// When the process cannot be started, or its first process reports a failure.
pub fn spawn_detached(
    arguments: &[&str],
    env: Vec<(OsString, OsString)>,
    log: File,
) -> io::Result<()> {
    let mut command = Command::new(SELF_EXE);
    // The starter's environment stays behind: it belongs to the starter, and reapers that kill by an
    // environment tag must not find the supervisor.
    command
        .arg0("bgjob")
        .args(arguments)
        .env_clear()
        .envs(env)
        // Out of the starter's process group from its first instruction on (a posix_spawn attribute):
        // a client that kills its server's group must not hit the launch in progress.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    let status = command.spawn()?.wait()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "the launcher ended with {status}"
        )))
    }
}

/// Sheds what was inherited from whoever started this process, first thing in it: descriptors but 0-2, signal
/// dispositions and masks, the umask.
pub fn shed_inherited() {
    close_inherited();
    reset_signals();
    // Whatever the starter's umask: what a job writes is its owner's alone. The worker inherits it.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Detaches the calling single-threaded process: a fork whose parent exits, a session of its own.
/// Only the detached child returns.
///
/// # Errors
/// When the kernel refuses the session or the fork.
pub fn detach() -> io::Result<()> {
    // SAFETY: the process has one thread, so the child may run any code; the parent leaves without
    // running destructors or exit handlers.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // Only now: the parent may lead its process group, and a leader cannot begin a session.
            rustix::process::setsid()?;
            rustix::thread::set_name(c"bgjob")?;
            Ok(())
        }
        // SAFETY: _exit(2) is always sound.
        _ => unsafe { libc::_exit(0) },
    }
}

pub(super) fn close_inherited() {
    // SAFETY: nothing in this process owns a descriptor above 2 yet: it is the first thing it does.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
}

fn reset_signals() {
    // SAFETY: setting default dispositions and an empty mask is always sound. SIGPIPE stays ignored
    // as Rust's start-up code left it.
    unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            if signal != libc::SIGPIPE {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Raises the limit of open files to 1024 where that is allowed: whoever starts the supervisor may
/// have had few, and its jobs are not the starter's affair.
pub fn allow_open_files() {
    const USUAL: u64 = 1024;
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(USUAL).min(USUAL);
    if limit.current.is_some_and(|current| current < most) {
        let raised = Rlimit {
            current: Some(most),
            maximum: limit.maximum,
        };
        // A refusal leaves things as they are.
        let _ = rustix::process::setrlimit(Resource::Nofile, raised);
    }
}

/// Makes orphaned descendants our children (`on`), or leaves them to init (prctl(2)).
///
/// # Errors
/// When the kernel refuses.
pub fn adopt_orphans(on: bool) -> io::Result<()> {
    let value = on.then(|| Pid::from_raw(1)).flatten();
    Ok(rustix::process::set_child_subreaper(value)?)
}

/// What a worker is started with.
pub struct WorkerStart<'a> {
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub cwd: &'a Path,
    /// Standard output, opened for appending.
    pub stdout: File,
    /// Standard error, opened for appending.
    pub stderr: File,
    /// The lock that it and its children hold while they live.
    pub tree_lock: BorrowedFd<'a>,
    /// What `ps` shows behind `bgjob`: the role and the tool's name, never an id.
    pub argv: [&'a str; 2],
}

/// In a forked worker: own process group, the lock that it and its children hold, and what [`be_mortal`] does.
pub(super) fn become_worker(parent: Pid, tree_lock: i32) -> io::Result<()> {
    rustix::process::setpgid(None, None)?;
    be_mortal(parent)?;
    // SAFETY: `tree_lock` is a valid descriptor of this process; only its close-on-exec flag changes.
    if unsafe { libc::fcntl(tree_lock, libc::F_SETFD, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// SIGKILL when the thread of `parent` that started us dies, no core dumps, first in line for the OOM
/// killer.
pub(super) fn be_mortal(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before that.
    if rustix::process::getppid() != Some(parent) {
        return Err(io::Error::other("the supervisor is gone"));
    }
    rustix::process::setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?;
    // Raising one's own score needs no privilege; a refusal must not stop the job.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    Ok(())
}

/// What a hook is started with.
pub struct HookStart<'a> {
    /// The program, looked for on the `PATH` in `env`, and its arguments.
    pub command: &'a [String],
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub cwd: &'a Path,
    /// Standard input.
    pub stdin: File,
    /// Standard output and standard error.
    pub output: io::PipeWriter,
}

/// Starts a hook: own session, SIGKILL when the calling thread dies, no core dumps, first in line for
/// the OOM killer. The caller must have one thread.
///
/// # Errors
/// When there is no such program, or no process can be made.
pub fn spawn_hook(start: HookStart<'_>) -> io::Result<Child> {
    let parent = rustix::process::getpid();
    let (program, arguments) = start
        .command
        .split_first()
        .ok_or_else(|| io::Error::other("the command is empty"))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(start.env)
        .current_dir(start.cwd)
        .stdin(start.stdin)
        .stdout(start.output.try_clone()?)
        .stderr(start.output);
    // SAFETY: the closure runs between fork and exec of a single-threaded process; it only makes
    // system calls on values that it owns.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            be_mortal(parent)
        });
    }
    command.spawn()
}

/// A file that is in no folder.
///
/// # Errors
/// When no descriptor or memory is left.
pub fn memory_file(name: &std::ffi::CStr) -> io::Result<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    Ok(rustix::fs::memfd_create(name, flags)?.into())
}

/// Sets an environment variable of this process.
///
/// Only for start-up: no other thread may use the environment (setenv(3) is not thread-safe).
pub fn set_env(name: impl AsRef<std::ffi::OsStr>, value: Option<&std::ffi::OsStr>) {
    // SAFETY: the caller has one thread, or another one that does nothing but wait.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// Sends a signal to the calling thread, which goes no further: of one to the process, another thread may take
/// notice first (raise(3)).
#[cfg(feature = "failpoints")]
pub fn raise(signal: Signal) {
    // SAFETY: a stop or a kill needs no handler, and leaves nothing half done in this process.
    unsafe { libc::raise(signal.as_raw()) };
}

/// Ends this process at once, with status 1 and without running anything more.
pub fn leave() -> ! {
    // SAFETY: _exit(2) is always sound.
    unsafe { libc::_exit(1) }
}
