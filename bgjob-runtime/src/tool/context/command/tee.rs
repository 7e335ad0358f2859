//! A stream of a program on its way to the job's log, watched or not.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Stdio;

use super::lines::Lines;
use super::spoken;
use crate::store::files;
use crate::store::job_dir::JobDir;
use crate::tool::context::Job;

/// How much of the end of standard error an error carries.
const TAIL_BYTES: usize = 4096;
/// How much is read before the loop looks at something else again.
const ROUND_BYTES: usize = 1 << 20;

/// What somebody wants from a stream; with nothing wanted it needs no pipe.
#[derive(Debug, Default)]
pub struct Wishes {
    /// Its statements of progress.
    pub progress: bool,
    /// Its content, up to so many bytes.
    pub keep: Option<u64>,
    /// Its end.
    pub tail: bool,
}

/// One stream.
#[derive(Debug)]
pub enum Stream {
    /// It goes straight to the log; its end is read back from there.
    Log(Option<LogTail>),
    /// It comes through us.
    Tee(Box<Tee>),
}

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Where the stream goes: in a worker to our own, which is the job's log; outside of a job to a log of the same name.
fn log(which: Which, job: &Job) -> io::Result<File> {
    if let Some(path) = test_log(which, job) {
        return files::open_append(&path);
    }
    let fd = match which {
        Which::Out => io::stdout().as_fd().try_clone_to_owned(),
        Which::Err => io::stderr().as_fd().try_clone_to_owned(),
    };
    fd.map(File::from)
}

fn test_log(which: Which, job: &Job) -> Option<PathBuf> {
    job.inner.test.as_ref()?;
    let dir = JobDir::new(job.dir().to_owned());
    Some(match which {
        Which::Out => dir.stdout(),
        Which::Err => dir.stderr(),
    })
}

impl Stream {
    /// The stream, and what the program gets for it.
    pub fn new(which: Which, wishes: &Wishes, job: &Job) -> io::Result<(Self, Stdio)> {
        if !wishes.progress && wishes.keep.is_none() {
            let log = log(which, job)?;
            let tail = wishes.tail.then(|| LogTail::open(which, job));
            if !matches!(tail, Some(None)) {
                return Ok((Stream::Log(tail.flatten()), Stdio::from(log)));
            }
        }
        let (read, write) = io::pipe()?;
        rustix::io::ioctl_fionbio(&read, true)?;
        let tee = Tee {
            pipe: Some(read),
            log: log(which, job)?,
            lines: wishes.progress.then(Lines::default),
            kept: wishes.keep.map(Kept::new),
            tail: wishes.tail.then(VecDeque::new),
        };
        Ok((Stream::Tee(Box::new(tee)), Stdio::from(write)))
    }

    /// What becomes readable when there is more.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Stream::Tee(tee) => tee.pipe.as_ref().map(AsFd::as_fd),
            Stream::Log(_) => None,
        }
    }

    /// Passes on what is there, without waiting.
    pub fn pump(&mut self, job: &Job) {
        if let Stream::Tee(tee) = self {
            tee.pump(job);
        }
    }

    /// Takes what is there for the last time: the program has ended. Whatever it left running may write
    /// on for ever, so that waiting for the end of the stream is no option.
    pub fn finish(&mut self, job: &Job) {
        if let Stream::Tee(tee) = self {
            tee.pump(job);
            tee.pipe = None;
            if let Some(lines) = &mut tee.lines {
                lines.end(|line| tell(job, line));
            }
        }
    }

    /// Its end as text.
    pub fn tail(&self) -> String {
        let bytes = match self {
            Stream::Log(tail) => tail.as_ref().and_then(LogTail::read).unwrap_or_default(),
            Stream::Tee(tee) => tee.tail.iter().flatten().copied().collect(),
        };
        String::from_utf8_lossy(&bytes).trim_end().to_owned()
    }

    /// What was to be kept of it; `None` where it was more.
    pub fn kept(self) -> Option<Vec<u8>> {
        match self {
            Stream::Tee(tee) => tee
                .kept
                .and_then(|kept| (!kept.too_much).then_some(kept.bytes)),
            Stream::Log(_) => None,
        }
    }
}

/// A stream that is copied to the log as it comes.
#[derive(Debug)]
pub struct Tee {
    pipe: Option<PipeReader>,
    log: File,
    lines: Option<Lines>,
    kept: Option<Kept>,
    tail: Option<VecDeque<u8>>,
}

impl Tee {
    fn pump(&mut self, job: &Job) {
        let mut buffer = [0; 64 << 10];
        let mut left = ROUND_BYTES;
        while let Some(pipe) = &mut self.pipe
            && left > 0
        {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    left = left.saturating_sub(count);
                    self.take(&buffer[..count], job);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    fn take(&mut self, bytes: &[u8], job: &Job) {
        // A full disk must not stop the program: it did not ask for a log.
        let _ = self.log.write_all(bytes);
        if let Some(lines) = &mut self.lines {
            lines.feed(bytes, |line| tell(job, line));
        }
        if let Some(kept) = &mut self.kept {
            kept.take(bytes);
        }
        if let Some(tail) = &mut self.tail {
            tail.extend(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
            let surplus = tail.len().saturating_sub(TAIL_BYTES);
            tail.drain(..surplus);
        }
    }
}

fn tell(job: &Job, line: &str) {
    if let Some(spoken) = spoken::parse(line) {
        job.progress(spoken.done, spoken.total, spoken.message);
    }
}

/// The content of a stream, up to a limit.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    limit: u64,
    too_much: bool,
}

impl Kept {
    fn new(limit: u64) -> Self {
        Kept {
            bytes: Vec::new(),
            limit,
            too_much: false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.too_much || (self.bytes.len() + bytes.len()) as u64 > self.limit {
            self.too_much = true;
            self.bytes = Vec::new();
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// The end of a log file since a certain place.
#[derive(Debug)]
pub struct LogTail {
    file: File,
    from: u64,
}

impl LogTail {
    /// `None` where the stream is no file, so that nothing can be read back.
    fn open(which: Which, job: &Job) -> Option<Self> {
        // Anew, since our own descriptor is for writing only.
        let ours = match which {
            Which::Out => "/proc/self/fd/1",
            Which::Err => "/proc/self/fd/2",
        };
        let path = test_log(which, job).unwrap_or_else(|| ours.into());
        let file = File::open(path).ok()?;
        let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(LogTail {
            file,
            from: meta.len(),
        })
    }

    fn read(&self) -> Option<Vec<u8>> {
        let len = self.file.metadata().ok()?.len();
        let from = self.from.max(len.saturating_sub(TAIL_BYTES as u64));
        let mut bytes = vec![0; usize::try_from(len.saturating_sub(from)).ok()?];
        self.file.read_exact_at(&mut bytes, from).ok()?;
        Some(bytes)
    }
}
