//! The process that runs hooks: detached like a supervisor, in no job's tree, with one thread.
//!
//! A hook is run at least once for each job that ended, and exactly once unless the process that runs
//! it dies meanwhile: its start is in the ledger before it begins, its end after it. Whoever finds a
//! hook that was begun, has no end, and whose `hook.lock` is free, begins it once more.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::clock;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::job::hook::{HookOutcome, HookRecord};
use crate::job::record::JobRecord;
use crate::job::view::JobView;
use crate::store::data_dir::{DATA_DIR_VAR, DataDir};
use crate::store::files;
use crate::store::ledger::Ledger;
use crate::sys::lock::Lock;
use crate::sys::process::{self, HookStart, spawn_hook};
use crate::sys::tree;
use crate::sys::watch::wait_readable;

/// Hooks that run at once on a data directory.
const SLOTS: u32 = 4;
/// Due hooks that are looked at in one go.
const BATCH: u32 = 64;
/// A hook whose runner died so often is given up: it may be what kills it.
const MOST_STARTS: u32 = 3;
/// What is kept of a hook's output, in bytes.
const TAIL_BYTES: usize = 2048;
/// Results up to this size are part of the envelope, in bytes.
const RESULT_BYTES: u64 = 16 << 10;
/// How long a hook that ran out of time may take to end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long killing what a hook left may take.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// The whole life of a process that runs hooks. Detaches first; only the detached child goes on.
///
/// # Errors
/// When it cannot detach or its data directory cannot be used.
pub fn run() -> Result<()> {
    #[cfg(feature = "failpoints")]
    if let Some(root) = std::env::var_os(DATA_DIR_VAR) {
        crate::failpoint::obey_file(std::path::Path::new(&root));
    }
    process::shed_inherited();
    process::detach().map_err(|error| Error::storage("detach from the starter", error))?;
    process::allow_open_files();
    // What a hook leaves behind becomes our child, and ends with it.
    process::adopt_orphans(true).map_err(|error| Error::storage("become a subreaper", error))?;
    let root = std::env::var_os(DATA_DIR_VAR).map(PathBuf::from);
    let root =
        root.ok_or_else(|| Error::storage("run hooks", format_args!("{DATA_DIR_VAR} is not set")))?;
    let data = DataDir::trusted(root);
    let ledger = Ledger::open(&data.ledger())?;
    Runner { data, ledger }.drain()
}

struct Runner {
    data: DataDir,
    ledger: Ledger,
}

impl Runner {
    fn drain(&mut self) -> Result<()> {
        loop {
            let Some(slot) = self.slot()? else {
                return Ok(());
            };
            while self.pass()? > 0 {}
            drop(slot);
            // A hook that became due just now may have found every slot taken, also this one.
            if !self.is_any_free()? {
                return Ok(());
            }
        }
    }

    fn slot(&self) -> Result<Option<Lock>> {
        for number in 0..SLOTS {
            let lock = Lock::try_take(&self.data.hook_slot(number))
                .map_err(|error| Error::storage("take a place for a hook", error))?;
            if lock.is_some() {
                return Ok(lock);
            }
        }
        Ok(None)
    }

    /// Runs what is due and nobody else runs; says how many there were.
    fn pass(&mut self) -> Result<u32> {
        let mut ran = 0;
        for seq in self.ledger.due_hooks(BATCH)? {
            let Some(job) = self.ledger.job_by_seq(seq)? else {
                continue;
            };
            let lock = Lock::try_take(&self.data.job(&job.id).hook_lock());
            // A job that is being deleted has no folder.
            let Ok(Some(_lock)) = lock else { continue };
            if let Some(hook) = self.ledger.begin_hook(seq, clock::now_ms())? {
                self.run_one(&job, &hook)?;
                ran += 1;
            }
        }
        Ok(ran)
    }

    fn is_any_free(&self) -> Result<bool> {
        for seq in self.ledger.due_hooks(BATCH)? {
            let job = self.ledger.job_by_seq(seq)?;
            let lock = job.map(|job| Lock::try_take(&self.data.job(&job.id).hook_lock()));
            if matches!(lock, Some(Ok(Some(_)))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn run_one(&mut self, job: &JobRecord, hook: &HookRecord) -> Result<()> {
        failpoint!("hook.after_begin");
        let outcome = match hook.starts {
            starts if starts > MOST_STARTS => HookOutcome {
                error: Some(format!(
                    "given up: the process that ran it died {MOST_STARTS} times"
                )),
                ..HookOutcome::default()
            },
            _ => self.execute(job, hook),
        };
        failpoint!("hook.before_end");
        self.ledger.end_hook(job.seq, &outcome, clock::now_ms())?;
        // What cannot be removed goes with the folder.
        let _ = files::remove_if_there(&self.data.job(&job.id).hook_env());
        Ok(())
    }

    fn execute(&self, job: &JobRecord, hook: &HookRecord) -> HookOutcome {
        let limit = self.ledger.settings().unwrap_or_default().hook_timeout;
        let began = Instant::now();
        let dir = self.data.job(&job.id);
        let ended = self.stdin(job).and_then(|stdin| {
            let (output, end) = io::pipe()?;
            let mut env = dir.read_hook_env()?;
            // For a hook that calls this program.
            env.push((DATA_DIR_VAR.into(), self.data.root().into()));
            let child = spawn_hook(HookStart {
                command: &hook.command,
                env,
                cwd: dir.path(),
                stdin,
                output: end,
            })?;
            watch(Pid::from_child(&child), output, began, limit)
        });
        let elapsed_s = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        match ended {
            Ok(outcome) => HookOutcome {
                elapsed_s,
                ..outcome
            },
            Err(error) => HookOutcome {
                elapsed_s,
                error: Some(format!(
                    "cannot start `{}`: {error}",
                    hook.command.first().map_or("", String::as_str)
                )),
                ..HookOutcome::default()
            },
        }
    }

    /// The envelope in a file without a name: a hook that does not read it blocks nobody.
    fn stdin(&self, job: &JobRecord) -> io::Result<File> {
        let mut file = process::memory_file(c"envelope")?;
        serde_json::to_writer(&mut file, &self.envelope(job))?;
        file.write_all(b"\n")?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// What `jobs show --json` prints of the job.
    fn envelope(&self, job: &JobRecord) -> JobView {
        let dir = self.data.job(&job.id);
        let attempts = self.ledger.attempts(job.seq).unwrap_or_default();
        let small = job.result_bytes.is_some_and(|bytes| bytes <= RESULT_BYTES);
        let result = small.then(|| {
            let bytes = files::read_capped(&dir.find_results(job.nonce.as_deref())?, RESULT_BYTES);
            serde_json::from_slice(&bytes.ok()?).ok()
        });
        JobView {
            attempts: attempts.into_iter().map(Into::into).collect(),
            result: result.flatten(),
            dir: Some(dir.path().display().to_string()),
            ..JobView::full(job)
        }
    }
}

/// Waits for the hook, within its time, and ends all that it started.
fn watch(
    child: Pid,
    mut output: impl Read + AsFd,
    began: Instant,
    limit: Duration,
) -> io::Result<HookOutcome> {
    let handle = tree::open_child(child)?;
    let mut tail = Tail::default();
    let (mut open, mut deadline, mut late) = (true, began + limit, false);
    let exit = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && late {
            tree::kill_now(child);
            deadline = Instant::now() + KILL_PATIENCE;
        } else if left.is_zero() {
            late = true;
            tree::ask_to_end(child);
            deadline = Instant::now() + GRACE;
        }
        let mut fds = vec![handle.as_fd()];
        if open {
            fds.push(output.as_fd());
        }
        let ready = wait_readable(&fds, left);
        if open && ready[1] {
            open = tail.read(&mut output)?;
        } else if ready[0]
            && let Some((exit, _)) = tree::peek(child)?
        {
            break exit;
        }
        if let (true, Some((exit, _))) = (late, tree::peek(child)?) {
            break exit;
        }
    };
    let end = tree::kill_all(child, KILL_PATIENCE);
    let error = match (late, end.empty) {
        (true, _) => Some(format!(
            "it ran longer than {}",
            humantime::format_duration(limit)
        )),
        (false, false) => Some("what it started cannot be ended".to_owned()),
        (false, true) => None,
    };
    Ok(HookOutcome {
        exit: Some(exit),
        elapsed_s: 0.0,
        error,
        output_tail: tail.text(),
    })
}

/// The end of what was read.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    /// Reads what is there; false at the end.
    fn read(&mut self, from: &mut impl Read) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        let read = from.read(&mut buffer)?;
        self.bytes.extend_from_slice(&buffer[..read]);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
        Ok(read > 0)
    }

    fn text(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_flood_only_the_end_is_kept() {
        let mut tail = Tail::default();
        let mut flood: &[u8] = &[b'x'; 100_000];
        while tail.read(&mut flood).unwrap() {}
        let mut end: &[u8] = b"\nthe end\n";
        while tail.read(&mut end).unwrap() {}
        let text = tail.text().unwrap();
        assert!(
            text.len() <= TAIL_BYTES && text.ends_with("x\nthe end"),
            "{text}"
        );
    }
}
