//! Forking a worker out of its supervisor, in place of executing the program once more.
//!
//! The child goes on in a copy of the supervisor's memory, so what an exec would have shed is shed
//! by hand, before a line of the worker runs: descriptors, the ledger's shared memory, environment,
//! what `ps` and the sweep see, signal handlers, random state. Nothing of the supervisor is used or
//! dropped in it: it never returns to the supervisor's frames, and ends before its exit handlers.

use std::ffi::{OsStr, OsString, c_int, c_void};
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::ptr;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;

use rustix::process::{Pid, Resource, WaitOptions};

use super::host::SELF_EXE;
use super::process::{WorkerStart, become_worker, close_inherited, set_env};
use super::sweep::MARK;
use super::title::Title;

/// Takes room in a supervisor's first environment, where the mark of its workers will stand: the
/// kernel shows of every forked process what was there.
pub const ROOM_VAR: &str = "BGJOB_ROOM";
/// Set in a supervisor that executed itself once more, to be rid of descriptors of its starter.
const AGAIN_VAR: &str = "BGJOB_AGAIN";
/// The largest stack that a worker is given as that of a thread, in bytes. The first thread of an
/// executed one has as much as the limit says.
const LARGEST_STACK: u64 = 1 << 30;

/// What a supervisor knows of its beginning that its workers need.
pub struct Warm {
    title: Title,
    handlers: Vec<(c_int, libc::sigaction)>,
    stack: usize,
    environment: Vec<(OsString, OsString)>,
}

impl Warm {
    /// Looks at this process, which has just begun: it must be as a worker would be that has just
    /// been executed, but for its environment. Before [`detach`](super::process::detach).
    ///
    /// # Errors
    /// What keeps it from forking workers, in words for the operator.
    pub fn take() -> Result<Self, &'static str> {
        if !cfg!(target_env = "gnu") {
            return Err("this C library cannot leave out exit handlers");
        }
        let environment = first_environment().ok_or("its environment cannot be read")?;
        let mut now: Vec<_> = std::env::vars_os().collect();
        now.sort();
        if now != environment {
            return Err("the program changes its environment before it begins");
        }
        if has_descriptors() {
            begin_again();
            return Err("the program opens files before it begins");
        }
        let stack = rustix::process::getrlimit(Resource::Stack).current;
        let stack = stack.filter(|stack| *stack <= LARGEST_STACK);
        Ok(Warm {
            title: Title::find().ok_or("it was started without room for names")?,
            handlers: handlers(),
            stack: stack
                .and_then(|stack| usize::try_from(stack).ok())
                .ok_or("the stack has no limit that a thread could have")?,
            environment,
        })
    }

    /// What this process had as `name` in its environment when it was loaded.
    pub fn was_loaded_with(&self, name: &OsStr) -> Option<&OsStr> {
        let mut all = self.environment.iter();
        all.find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// The names that this process had in its environment when it was loaded.
    pub fn loaded_names(&self) -> impl Iterator<Item = &OsStr> {
        self.environment.iter().map(|(name, _)| &**name)
    }

    /// Whether there is room for the names of this worker.
    pub fn has_room(&self, start: &WorkerStart<'_>) -> bool {
        self.title.has_room(start.argv, &mark(start))
    }

    /// Forks a worker that does `work` and ends with the status that it returns. The caller must have
    /// one thread, and have found room for the names. `ledger` is the file whose shared memory
    /// the worker must not have.
    ///
    /// # Errors
    /// When the fork, or the worker's first steps fail, as for
    /// [`spawn_worker`](super::spawn::spawn_worker).
    pub fn fork(&self, start: WorkerStart<'_>, ledger: &Path, work: fn() -> u8) -> io::Result<Pid> {
        // What waits to be written is ours, and would be written by each worker once more.
        io::stdout().flush()?;
        // SAFETY: a null pointer stands for all streams of C (fflush(3)).
        unsafe { libc::fflush(ptr::null_mut()) };
        let (hear, say) = io::pipe()?;
        let parent = rustix::process::getpid();
        // SAFETY: this process has one thread, so that the child may run any code. `be_worker` does
        // not return and lets no panic pass.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => self.be_worker(parent, start, say, ledger, work),
            child => {
                drop(say);
                began(hear, child)
            }
        }
    }

    fn be_worker(
        &self,
        parent: Pid,
        start: WorkerStart<'_>,
        mut say: PipeWriter,
        ledger: &Path,
        work: fn() -> u8,
    ) -> ! {
        let (go, wait) = mpsc::channel();
        let begun = catch_unwind(AssertUnwindSafe(|| {
            self.settle(parent, start, &say, ledger)?;
            begin_thread(self.stack, wait, work)
        }));
        match begun {
            Ok(Ok(thread)) => {
                // What the supervisor waits for; the work begins after it, and so never finds it open.
                drop(say);
                let _ = go.send(());
                // It ends the process.
                let _ = thread.join();
            }
            Ok(Err(error)) => {
                let code = error.raw_os_error().unwrap_or(libc::EINVAL);
                let _ = say.write_all(&code.to_ne_bytes());
            }
            Err(_) => {
                let _ = say.write_all(&libc::EINVAL.to_ne_bytes());
            }
        }
        // SAFETY: _exit(2) is always sound.
        unsafe { libc::_exit(101) }
    }

    /// Sheds what is the supervisor's, and takes what is the worker's.
    fn settle(
        &self,
        parent: Pid,
        start: WorkerStart<'_>,
        say: &PipeWriter,
        ledger: &Path,
    ) -> io::Result<()> {
        let mark = mark(&start);
        let null = File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&start.stdout)?;
        rustix::stdio::dup2_stderr(&start.stderr)?;
        // Their numbers are closed with all others, and must not be closed again when they are others'.
        mem::forget((null, start.stdout, start.stderr));
        let lock = start.tree_lock.as_raw_fd();
        close_all_but([lock, say.as_raw_fd()]);
        become_worker(parent, lock)?;
        unmap_shared(ledger)?;
        for (name, _) in std::env::vars_os() {
            set_env(&name, None);
        }
        for (name, value) in &start.env {
            set_env(name, Some(value));
        }
        self.title.change(start.argv, &mark);
        rustix::process::chdir(start.cwd)?;
        self.restore_handlers();
        forget_random();
        leave_before_older_handlers()
    }

    /// Handlers that the program had when it began, and that the supervisor has put aside: such as the
    /// one that tells of a stack that overflowed.
    fn restore_handlers(&self) {
        for (signal, action) in &self.handlers {
            // SAFETY: the action was in force in this process before, and its code is where it was.
            unsafe { libc::sigaction(*signal, action, ptr::null_mut()) };
        }
    }
}

/// `BGJOB=<id>:<nonce>`, as it stands in the worker's environment.
fn mark(start: &WorkerStart<'_>) -> Vec<u8> {
    let value = start.env.iter().rev().find(|(name, _)| name == MARK);
    let mut mark = format!("{MARK}=").into_bytes();
    if let Some((_, value)) = value {
        mark.extend_from_slice(value.as_encoded_bytes());
    }
    mark
}

/// Whether descriptors are open beside the standard ones and that of this look.
fn has_descriptors() -> bool {
    let Ok(open) = fs::read_dir("/proc/self/fd") else {
        return true;
    };
    let numbers = open.flatten().filter_map(|fd| {
        let number = fd.file_name().to_str()?.parse::<RawFd>().ok()?;
        Some(number)
    });
    numbers.filter(|number| *number > 2).count() > 1
}

/// Executes this program once more without the descriptors that its starter left it, so that what is
/// open then is the program's own. Returns when that was done before, or fails.
fn begin_again() {
    if std::env::var_os(AGAIN_VAR).is_some() {
        return;
    }
    close_inherited();
    let _ = Command::new(SELF_EXE)
        .arg0("bgjob")
        .args(std::env::args_os().skip(1))
        .env(AGAIN_VAR, "1")
        .exec();
}

/// The environment with which this process was executed, sorted; what holds no `=` is left out, as the
/// standard library does.
fn first_environment() -> Option<Vec<(OsString, OsString)>> {
    let bytes = fs::read("/proc/self/environ").ok()?;
    let entries = bytes.split(|byte| *byte == 0);
    let mut all: Vec<_> = entries
        .filter_map(|entry| {
            let at = entry.iter().skip(1).position(|byte| *byte == b'=')? + 1;
            let text = |part: &[u8]| OsString::from_vec(part.to_vec());
            Some((text(&entry[..at]), text(&entry[at + 1..])))
        })
        .collect();
    all.sort();
    Some(all)
}

/// The signals that have a handler.
fn handlers() -> Vec<(c_int, libc::sigaction)> {
    let known = (1..=libc::SIGRTMAX()).filter_map(|signal| {
        // SAFETY: the structure is plain data that the kernel writes within the call.
        let action = unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            (libc::sigaction(signal, ptr::null(), &raw mut action) == 0).then_some(action)
        };
        Some((signal, action?))
    });
    known
        .filter(|(_, action)| ![libc::SIG_DFL, libc::SIG_IGN].contains(&action.sa_sigaction))
        .collect()
}

/// What the first steps of `child` came to: it closes the pipe when they are done.
fn began(mut hear: PipeReader, child: libc::pid_t) -> io::Result<Pid> {
    let child = Pid::from_raw(child).ok_or_else(|| io::Error::other("fork gave no number"))?;
    let mut code = [0; 4];
    // A child that was killed says nothing: its end tells.
    if hear.read_exact(&mut code).is_err() {
        return Ok(child);
    }
    let _ = rustix::process::waitpid(Some(child), WaitOptions::empty());
    Err(io::Error::from_raw_os_error(i32::from_ne_bytes(code)))
}

/// Closes every descriptor above 2 but these two.
fn close_all_but(mut kept: [RawFd; 2]) {
    kept.sort_unstable();
    let mut from = 3;
    for fd in kept.map(|fd| libc::c_uint::try_from(fd).unwrap_or(0)) {
        if fd > from {
            close_range(from, fd - 1);
        }
        from = from.max(fd + 1);
    }
    close_range(from, libc::c_uint::MAX);
}

fn close_range(first: libc::c_uint, last: libc::c_uint) {
    // SAFETY: their owners are the supervisor's, which nothing in this process uses or drops again.
    unsafe { libc::close_range(first, last, 0) };
}

/// Takes the shared memory of the ledger (its write-ahead log's index) out of this process: a stray
/// write of a tool must not reach it.
fn unmap_shared(ledger: &Path) -> io::Result<()> {
    let name = ledger.file_name().unwrap_or_default().to_string_lossy();
    let mark = format!("/{name}-shm");
    let maps = fs::read("/proc/self/maps")?;
    for line in String::from_utf8_lossy(&maps).lines() {
        if !line.contains(&mark) {
            continue;
        }
        let ends = line.split([' ', '-']).take(2);
        let ends: Vec<usize> = ends
            .filter_map(|end| usize::from_str_radix(end, 16).ok())
            .collect();
        if let [from, to] = ends[..] {
            // SAFETY: only SQLite of the supervisor refers to it, and its connection is not used here.
            unsafe { libc::munmap(ptr::with_exposed_provenance_mut(from), to - from) };
        }
    }
    Ok(())
}

/// Makes SQLite seed its random numbers anew, whose state is the process's. What Rust keeps is a thread's
/// own, and the worker's thread is new.
fn forget_random() {
    // SAFETY: asking for no bytes resets the generator (sqlite3_randomness).
    unsafe { rusqlite::ffi::sqlite3_randomness(0, ptr::null_mut()) };
}

/// Ends the process, in the order of exit(3), before the handlers that were registered until now:
/// they are the supervisor's. Those of the tool are run before.
#[cfg(target_env = "gnu")]
fn leave_before_older_handlers() -> io::Result<()> {
    unsafe extern "C" {
        fn on_exit(handler: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    }
    extern "C" fn leave(status: c_int, _: *mut c_void) {
        // SAFETY: a null pointer stands for all streams; _exit(2) is always sound.
        unsafe {
            libc::fflush(ptr::null_mut());
            libc::_exit(status);
        }
    }
    // SAFETY: the handler is a function of this program and takes no argument (on_exit(3)).
    match unsafe { on_exit(leave, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::ENOMEM)),
    }
}

#[cfg(not(target_env = "gnu"))]
fn leave_before_older_handlers() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Does `work` on a new thread: what threads keep for themselves is fresh there, such as the keys of
/// hash tables, random generators and the span of the supervisor. It begins at a word, and ends the process.
fn begin_thread(stack: usize, word: Receiver<()>, work: fn() -> u8) -> io::Result<JoinHandle<()>> {
    // Signals are for the worker's threads: this one must not take what they have blocked.
    set_mask(libc::sigfillset);
    let name = "main".to_owned();
    let builder = std::thread::Builder::new().name(name).stack_size(stack);
    builder.spawn(move || {
        set_mask(libc::sigemptyset);
        let _ = word.recv();
        let status = catch_unwind(work).unwrap_or(101);
        std::process::exit(status.into());
    })
}

fn set_mask(fill: unsafe extern "C" fn(*mut libc::sigset_t) -> c_int) {
    // SAFETY: `fill` initialises the set, and any set may be this thread's mask.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        fill(&raw mut set);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, ptr::null_mut());
    }
}
