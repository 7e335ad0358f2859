//! Starting a worker by executing this program once more.
//!
//! By posix_spawn(3), which borrows the supervisor's memory until the new program is there: a fork would
//! copy its page tables, and fault in anew each page that either of the two writes to later. So the worker
//! itself does, first thing, what nothing can do for it: see [`bind_to_supervisor`].

use std::ffi::{CString, OsStr, OsString, c_char};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use rustix::io::FdFlags;
use rustix::process::Pid;

use super::host::SELF_EXE;
use super::process::{WorkerStart, be_mortal};

/// The pid of the supervisor that a worker must not outlive.
pub const SUPERVISOR_VAR: &str = "BGJOB_SUPERVISOR";

/// Starts the worker in a process group of its own. The caller must have one thread.
///
/// # Errors
/// When it cannot be started there; `WouldBlock` and "too many open files" pass with time.
pub fn spawn_worker(start: WorkerStart<'_>) -> io::Result<Pid> {
    let null = File::open("/dev/null")?;
    let mut actions = Actions::new()?;
    actions.dup(null.as_raw_fd(), libc::STDIN_FILENO)?;
    actions.dup(start.stdout.as_raw_fd(), libc::STDOUT_FILENO)?;
    actions.dup(start.stderr.as_raw_fd(), libc::STDERR_FILENO)?;
    actions.change_directory(start.cwd)?;
    let attributes = Attributes::new()?;
    let arguments: Vec<CString> = std::iter::once("bgjob")
        .chain(start.argv)
        .map(|word| text(word.as_bytes()))
        .collect::<io::Result<_>>()?;
    let supervisor = rustix::process::getpid().as_raw_nonzero().to_string();
    let supervisor: (OsString, OsString) = (SUPERVISOR_VAR.into(), supervisor.into());
    let environment: Vec<CString> = start
        .env
        .iter()
        .chain([&supervisor])
        .map(|(name, value)| text(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
        .collect::<io::Result<_>>()?;
    let program = text(SELF_EXE.as_bytes())?;
    // Nobody else can inherit it meanwhile: this is the only thread.
    let lock = start.tree_lock;
    rustix::io::fcntl_setfd(lock, FdFlags::empty())?;
    let mut pid = 0;
    // SAFETY: all strings, both lists and both objects live and stay where they are until it returns.
    let code = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            list(&arguments).as_ptr(),
            list(&environment).as_ptr(),
        )
    };
    rustix::io::fcntl_setfd(lock, FdFlags::CLOEXEC)?;
    check(code)?;
    Pid::from_raw(pid).ok_or_else(|| io::Error::other("the worker has no number"))
}

/// First thing in a worker that was executed: SIGKILL when the supervisor dies, no core dumps, first in
/// line for the OOM killer. Nothing to do for one that was forked, which is bound already.
///
/// # Errors
/// When the supervisor is gone already, or the kernel refuses.
pub fn bind_to_supervisor() -> io::Result<()> {
    let Some(pid) = std::env::var_os(SUPERVISOR_VAR) else {
        return Ok(());
    };
    let pid = pid
        .to_str()
        .and_then(|pid| Pid::from_raw(pid.parse().ok()?));
    be_mortal(pid.ok_or_else(|| io::Error::other("its supervisor has no number"))?)
}

fn text(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(io::Error::from)
}

/// Pointers to the texts, and a null pointer behind them.
fn list(texts: &[CString]) -> Vec<*mut c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr().cast_mut());
    pointers.chain([ptr::null_mut()]).collect()
}

fn check(code: libc::c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// What the new process does with descriptors and directories before it executes the program.
struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    fn new() -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: it is initialised by the call, where that succeeds.
        unsafe {
            check(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
            Ok(Actions(actions.assume_init()))
        }
    }

    fn dup(&mut self, from: RawFd, to: RawFd) -> io::Result<()> {
        // SAFETY: the object is initialised; nothing is done with the descriptors here.
        check(unsafe { libc::posix_spawn_file_actions_adddup2(&raw mut self.0, from, to) })
    }

    fn change_directory(&mut self, to: &Path) -> io::Result<()> {
        let to = text(OsStr::as_bytes(to.as_os_str()))?;
        // SAFETY: the object is initialised, and copies the text.
        check(unsafe { libc::posix_spawn_file_actions_addchdir_np(&raw mut self.0, to.as_ptr()) })
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: the object is initialised and not used any more.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

/// How the new process begins: in a process group of its own, no signal blocked, SIGPIPE as it usually is.
/// Not in a session of its own: it would not [give way](super::schedule::give_way) as its supervisor's does.
struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new() -> io::Result<Self> {
        let flags = libc::POSIX_SPAWN_SETPGROUP as i16
            | libc::POSIX_SPAWN_SETSIGMASK as i16
            | libc::POSIX_SPAWN_SETSIGDEF as i16;
        let mut attributes = MaybeUninit::uninit();
        let mut signals = MaybeUninit::uninit();
        // SAFETY: both are initialised by the first calls, where these succeed; the set is copied.
        unsafe {
            check(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
            let mut attributes = Attributes(attributes.assume_init());
            let all = &raw mut attributes.0;
            libc::sigemptyset(signals.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(all, signals.as_ptr()))?;
            // Only SIGPIPE is not at its default; but of each signal that is not named the C library asks first.
            libc::sigfillset(signals.as_mut_ptr());
            check(libc::posix_spawnattr_setsigdefault(all, signals.as_ptr()))?;
            check(libc::posix_spawnattr_setflags(all, flags))?;
            Ok(attributes)
        }
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: the object is initialised and not used any more.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}
