//! One run of a program: start it, watch it, read what it says, see it end.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::failure::{CommandError, What};
use super::output::{Output, Ran};
use super::progress_file::ProgressFile;
use super::tee::{Stream, Which, Wishes};
use super::{Command, ProgressFrom, start};
use crate::sys::watch::{Watch, wait_readable};
use crate::sys::{term, tree};
use crate::tool::context::Job;

/// How often things are looked at when no event came: a lost one costs this much.
const FALLBACK: Duration = Duration::from_secs(1);
/// The same where something has no descriptor to wait for.
const SHORT_LOOK: Duration = Duration::from_millis(20);

/// Ends the program when nobody waits for it any more.
#[derive(Debug, Default)]
pub struct Leash {
    let_go: AtomicBool,
    program: Mutex<Option<OwnedFd>>,
}

impl Leash {
    /// Kills the program, or keeps it from being started.
    pub fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
        self.kill();
    }

    fn is_let_go(&self) -> bool {
        self.let_go.load(Ordering::SeqCst)
    }

    fn hold(&self, pidfd: Option<OwnedFd>) {
        *self.program.lock().unwrap_or_else(PoisonError::into_inner) = pidfd;
        if self.is_let_go() {
            self.kill();
        }
    }

    fn kill(&self) {
        let program = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pidfd) = program.as_ref() {
            let _ = rustix::process::pidfd_send_signal(pidfd, Signal::KILL);
        }
    }
}

/// A program that runs, and what is known of it.
struct Session<'a> {
    job: &'a Job,
    leash: &'a Leash,
    child: Child,
    pidfd: Option<OwnedFd>,
    out: Stream,
    err: Stream,
    files: Vec<ProgressFile>,
    watch: Option<Watch>,
}

/// Runs the program to its end.
pub fn run(command: &Command, keep: Option<u64>, leash: &Leash) -> Result<Output, CommandError> {
    let name = command.shown_program();
    let job = &command.job;
    let cancelled = |status, tail| CommandError::new(&name, What::Cancelled { status }, tail);
    // What has been asked to end does not begin anything.
    if job.is_cancelled() || leash.is_let_go() {
        return Err(cancelled(None, String::new()));
    }
    let dir = command.working_dir();
    let began = Instant::now();
    let mut session = Session::start(command, keep, leash).map_err(|error| {
        let why = start::reason(command, &dir, &error);
        CommandError::new(&name, What::NotStarted { why }, String::new())
    })?;
    let status = session.watch().map_err(|error| {
        let why = format!("cannot be waited for: {error}");
        CommandError::new(&name, What::Unusable { why }, String::new())
    })?;
    session.finish();
    let tail = session.err.tail();
    if job.is_cancelled() || leash.is_let_go() {
        return Err(cancelled(status.code(), tail));
    }
    if let Some(what) = What::of(status) {
        return Err(CommandError::new(&name, what, tail));
    }
    let ran = Ran {
        program: name,
        dir,
        elapsed: began.elapsed(),
        stderr_tail: tail,
    };
    output(ran, session.out, keep)
}

fn output(ran: Ran, out: Stream, keep: Option<u64>) -> Result<Output, CommandError> {
    let Some(limit) = keep else {
        let stdout = Vec::new();
        return Ok(Output { ran, stdout });
    };
    match out.kept() {
        Some(stdout) => Ok(Output { ran, stdout }),
        None => {
            let why = format!(
                "wrote more than {limit} bytes to standard output, the most that is kept of it; let it write a file, or raise `max_output`"
            );
            Err(CommandError::new(
                &ran.program,
                What::Unusable { why },
                ran.stderr_tail,
            ))
        }
    }
}

impl<'a> Session<'a> {
    fn start(command: &'a Command, keep: Option<u64>, leash: &'a Leash) -> io::Result<Self> {
        let job = &command.job;
        // What the function has printed so far comes first.
        let _ = io::stdout().flush();
        let (out, stdout) = Stream::new(Which::Out, &wishes(command, Which::Out, keep), job)?;
        let (err, stderr) = Stream::new(Which::Err, &wishes(command, Which::Err, None), job)?;
        let files: Vec<ProgressFile> = command.progress_files()?;
        let watch = watch_dirs(&files);
        let child = command
            .to_std()
            .stdin(stdin(command)?)
            .stdout(stdout)
            .stderr(stderr)
            .spawn()?;
        let pid = Pid::from_child(&child);
        leash.hold(tree::open_child(pid).ok());
        Ok(Session {
            job,
            leash,
            child,
            pidfd: tree::open_child(pid).ok(),
            out,
            err,
            files,
            watch,
        })
    }

    /// Waits for the program's end. It is in the job's process group, so that the supervisor's SIGTERM
    /// reaches it as it reaches us; we only stay alive meanwhile, since the tree ends with the worker.
    fn watch(&mut self) -> io::Result<ExitStatus> {
        let mut asked = self.job.is_cancelled();
        if asked {
            // It may have been born just after the signal.
            self.ask_to_end();
        }
        loop {
            self.look();
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if !asked && self.job.is_cancelled() {
                asked = true;
                if self.job.inner.test.is_some() {
                    self.ask_to_end();
                }
            }
            if self.leash.is_let_go() {
                self.child.kill()?;
            }
            self.wait(asked);
        }
    }

    fn ask_to_end(&self) {
        let _ = rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    fn wait(&self, asked: bool) {
        let test = self.job.inner.test.is_some();
        let flag = (!asked && !test).then(|| term::watch().event()).flatten();
        let sources = [
            self.pidfd.as_ref().map(AsFd::as_fd),
            flag,
            self.watch.as_ref().map(AsFd::as_fd),
            self.out.fd(),
            self.err.fd(),
        ];
        let fds: Vec<BorrowedFd<'_>> = sources.into_iter().flatten().collect();
        let quick = self.pidfd.is_none() || test;
        wait_readable(&fds, if quick { SHORT_LOOK } else { FALLBACK });
        if let Some(watch) = &self.watch {
            watch.drain();
        }
    }

    fn look(&mut self) {
        self.out.pump(self.job);
        self.err.pump(self.job);
        for file in &mut self.files {
            file.look(self.job);
        }
    }

    /// Takes the last words.
    fn finish(&mut self) {
        self.out.finish(self.job);
        self.err.finish(self.job);
        for file in &mut self.files {
            file.look(self.job);
            if let Some(complaint) = file.complaint() {
                let _ = writeln!(io::stderr(), "bgjob: {complaint}");
            }
        }
    }
}

fn wishes(command: &Command, which: Which, keep: Option<u64>) -> Wishes {
    let from = |from: &ProgressFrom| match from {
        ProgressFrom::Stdout => which == Which::Out,
        ProgressFrom::Stderr => which == Which::Err,
        ProgressFrom::File(_) => false,
    };
    Wishes {
        progress: command.progress.iter().any(from),
        keep,
        tail: which == Which::Err,
    }
}

/// Nothing, or a file with the data: unlike a pipe it needs nobody who fills it.
fn stdin(command: &Command) -> io::Result<Stdio> {
    let Some(bytes) = &command.stdin else {
        return Ok(Stdio::null());
    };
    let mut file: File = tempfile::tempfile_in(command.job.dir())?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(Stdio::from(file))
}

/// Where a directory cannot be watched, such as one that the program has yet to make, its file is
/// looked at once a second.
fn watch_dirs(files: &[ProgressFile]) -> Option<Watch> {
    let mut dirs: Vec<PathBuf> = files
        .iter()
        .filter_map(|file| Some(file.path().parent()?.to_owned()))
        .collect();
    dirs.dedup();
    let watch = Watch::new().ok().filter(|_| !dirs.is_empty())?;
    for dir in dirs {
        let _ = watch.add_written(&dir);
    }
    Some(watch)
}
