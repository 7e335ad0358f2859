//! Writing the end of an attempt: evidence from the files, one transaction, then the projections.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize as _;
use sha2::{Digest, Sha256};

use super::verdict::{Evidence, judge};
use crate::clock;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::job::outcome::{Cause, Exit, Outcome, Usage};
use crate::job::record::JobRecord;
use crate::job::request::Owner;
use crate::store::data_dir::DataDir;
use crate::store::files::{self, Durability};
use crate::store::job_dir::{JobDir, note_on_stderr};
use crate::store::ledger::{Finished, KEPT_INPUT_BYTES, Ledger, PatchValue};
use crate::store::projection;
use crate::sys::schedule;

/// State values up to this size live in the ledger, larger ones as files.
pub const INLINE_VALUE_BYTES: u64 = 64 << 10;
/// A worker's account of its failure is small; what is larger was not written by us.
const ERROR_BYTES: u64 = 4 << 20;

/// A large result is read so many bytes at a time.
const BUFFER: usize = 64 << 10;

/// How the attempt's processes ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// How the worker ended.
    pub exit: Exit,
    /// Why it was ended.
    pub cause: Option<Cause>,
    /// Processes that it left.
    pub leaked: u32,
    /// What it used.
    pub usage: Option<Usage>,
}

/// Judges the attempt and commits the verdict. `Ok(None)` when somebody else did so first. The tree
/// of the attempt is gone and the caller holds the job's locks.
///
/// # Errors
/// `storage_error` when the ledger cannot be written: try again, nothing has changed.
pub fn commit(
    data: &DataDir,
    ledger: &mut Ledger,
    job: &JobRecord,
    end: &End,
    boot: &str,
) -> Result<Option<Finished>> {
    let dir = data.job(&job.id);
    let nonce = job.nonce.clone().unwrap_or_default();
    let evidence = gather(&dir, job, &nonce, end, boot);
    let outcome = judge(&evidence);
    let patch = match &job.patch {
        Some((_, pointer)) if outcome.result_bytes.is_some() => {
            Some(patch_value(data, &dir, &nonce, pointer)?)
        }
        _ => None,
    };
    keep_input(ledger, &dir, job, boot);
    failpoint!("commit.before", |error| Error::storage("end a job", error));
    let finished = ledger.finish(job.seq, &nonce, &outcome, patch.as_ref(), clock::now_ms())?;
    failpoint!("commit.after");
    schedule::let_others_go_first();
    if let Some(finished) = &finished {
        if !finished.record.state.is_terminal() {
            clear_attempt(&dir, &nonce, &outcome, &finished.record);
        }
        publish(data, ledger, finished);
    }
    Ok(finished)
}

/// Makes sure of an input that the row will not keep. A failure is told and changes nothing: the file is
/// there, and is lost with the power alone.
fn keep_input(ledger: &Ledger, dir: &JobDir, job: &JobRecord, boot: &str) {
    let size = fs::metadata(dir.input()).map_or(0, |meta| meta.len());
    // Whole since its supervisor prepared it, unless the machine was restarted since.
    let doubtful = size == 0 || job.boot.as_deref() != Some(boot);
    if size <= KEPT_INPUT_BYTES && !doubtful {
        return;
    }
    let kept = ledger.input(job.seq).and_then(|(row, hash)| {
        restore_input(dir, row.as_deref(), &hash)
            .and_then(|()| File::open(dir.input())?.sync_all())
            .and_then(|()| files::sync_dir(dir.path()))
            .map_err(|error| Error::storage("keep the job's input", error))
    });
    if let Err(error) = kept {
        super::log(&format!("{}: {error}", job.id));
    }
}

/// Rewrites everything that shows the finished job and those that ended with it. What cannot be
/// written now is left to whoever looks next: a job is done with when all of it is shown.
pub fn publish(data: &DataDir, ledger: &Ledger, finished: &Finished) {
    let job = &finished.record;
    let all = || std::iter::once(job).chain(&finished.dependents);
    let mut shown: Vec<bool> = all()
        .map(|job| !job.state.is_terminal() || projection::settle_files(&data.job(&job.id), job))
        .collect();
    failpoint!("commit.after_files");
    if let (Some((field, _)), Some(_)) = (&job.patch, job.patch_version)
        && let Err(error) =
            projection::publish_field(data, ledger, &Owner(job.owner.clone()), field)
    {
        tracing::warn!(field, %error, "the readable copy of a state field was not rewritten");
        shown[0] = false;
    }
    failpoint!("commit.after_field");
    for (job, shown) in all().zip(&mut shown) {
        *shown &= projection::publish_job(data, job);
    }
    failpoint!("commit.after_projection");
    for (job, shown) in all().zip(shown) {
        if shown && job.state.is_terminal() {
            projection::finish_showing(&data.job(&job.id));
        }
    }
}

/// Removes the files of an attempt that is tried again, and tells the reader of the log.
fn clear_attempt(dir: &JobDir, nonce: &str, outcome: &Outcome, job: &JobRecord) {
    dir.remove(&dir.leftovers(nonce));
    let why = outcome.error.as_ref().map_or("", |error| &error.message);
    let next = job.attempt + 1;
    if let Ok(mut log) = files::open_append(&dir.stderr()) {
        note_on_stderr(
            &mut log,
            &format!(
                "attempt {} failed: {why}; attempt {next} of {} begins at {} at the earliest",
                job.attempt,
                job.max_attempts,
                clock::rfc3339(job.not_before)
            ),
        );
    }
}

fn gather(dir: &JobDir, job: &JobRecord, nonce: &str, end: &End, boot: &str) -> Evidence {
    let result = check_result(&dir.attempt_results(nonce));
    let result_bytes = result.as_ref().ok().copied().flatten();
    // Whatever a failure left is not asked for where there is none.
    let failed = result_bytes.is_none();
    Evidence {
        result_bytes,
        bad_result: result.err(),
        worker_error: failed.then(|| worker_error(dir, nonce)).flatten(),
        exit: end.exit,
        cause: end.cause,
        other_boot: job.boot.as_deref() != Some(boot),
        timeout_ms: job.timeout_ms,
        leaked: end.leaked,
        usage: end.usage,
        stderr_tail: failed.then(|| dir.tail(&dir.stderr())).flatten(),
    }
}

fn worker_error(dir: &JobDir, nonce: &str) -> Option<Error> {
    let bytes = files::read_capped(&dir.attempt_error(nonce), ERROR_BYTES).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The size of a result file if it is whole JSON; `None` if there is none.
///
/// # Errors
/// Why it cannot be used.
pub fn check_result(path: &Path) -> Result<Option<u64>, String> {
    let file = match files::open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    // Small ones are many: a buffer of 64 KiB costs the allocator more than they do.
    let buffer = usize::try_from(bytes).map_or(BUFFER, |bytes| bytes.clamp(64, BUFFER));
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(buffer, file));
    serde::de::IgnoredAny::deserialize(&mut json)
        .and_then(|_| json.end())
        .map_err(|error| error.to_string())?;
    Ok(Some(bytes))
}

fn patch_value(data: &DataDir, dir: &JobDir, nonce: &str, pointer: &str) -> Result<PatchValue> {
    let source = if pointer.is_empty() {
        dir.attempt_results(nonce)
    } else {
        dir.attempt_patch(nonce)
    };
    let failed = |error: io::Error| Error::storage("read the value for the state patch", error);
    let file = match files::open_regular(&source) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(PatchValue::Missing(format!(
                "the result has nothing at `{pointer}`"
            )));
        }
        Err(error) => return Err(failed(error)),
    };
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes <= INLINE_VALUE_BYTES {
        return files::read_capped(&source, INLINE_VALUE_BYTES)
            .map(PatchValue::Inline)
            .map_err(failed);
    }
    store_value(data, file)
        .map(|name| PatchValue::File(name, bytes))
        .map_err(failed)
}

/// Copies a large value to `values/<sha256>.json`, durably, before the ledger names it.
///
/// # Errors
/// When the copy cannot be made.
pub fn store_value(data: &DataDir, mut source: File) -> io::Result<String> {
    let mut copy = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(data.values())?;
    let mut hash = HashingWriter {
        file: copy.as_file_mut(),
        hash: Sha256::new(),
    };
    io::copy(&mut source, &mut hash)?;
    let name: String = hash
        .hash
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<String>()
        + ".json";
    copy.as_file().sync_all()?;
    copy.persist(data.values().join(&name))
        .map_err(|error| error.error)?;
    files::sync_dir(&data.values())?;
    Ok(name)
}

struct HashingWriter<'a> {
    file: &'a mut File,
    hash: Sha256,
}

impl io::Write for HashingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Runs `attempt` until it succeeds: the evidence is on disk, so waiting for space, for a lock or
/// for a mended disk loses nothing, and giving up would. Only when the data directory itself is
/// gone is there nobody left to tell, and the process ends.
pub fn persist<T>(data: &DataDir, what: &str, mut attempt: impl FnMut() -> Result<T>) -> T {
    let mut pause = Duration::from_millis(20);
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) => super::log(&format!("{what}: {error}; trying again")),
        }
        leave_if_orphaned(data);
        std::thread::sleep(jittered(pause));
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Ends this process if its data directory was deleted.
pub fn leave_if_orphaned(data: &DataDir) {
    if !data.jobs().is_dir() {
        crate::sys::process::leave();
    }
}

fn jittered(pause: Duration) -> Duration {
    let byte = crate::sys::random_bytes::<1>();
    pause.mul_f64(0.5 + f64::from(byte[0]) / 255.0)
}

/// Makes sure that `input.json` is what was accepted: rewritten from the row if it is torn.
///
/// # Errors
/// When it is damaged and only the file held it, or it cannot be rewritten.
pub fn restore_input(dir: &JobDir, row: Option<&[u8]>, hash: &str) -> io::Result<()> {
    let whole = fs::read(dir.input()).is_ok_and(|bytes| sha256_hex(&bytes) == hash);
    match row {
        _ if whole => Ok(()),
        Some(bytes) => files::write_atomic(&dir.input(), bytes, Durability::Relaxed),
        None => Err(io::Error::other("the stored input is damaged")),
    }
}

/// SHA-256 in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
