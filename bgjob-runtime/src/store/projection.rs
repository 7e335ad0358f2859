//! What people read: `job.json` and `state/<field>.json`. The ledger is the truth; these are
//! rewritten from it by whoever changed it, and anyone may rebuild them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clock;
use crate::error::{Error, Result};
use crate::job::record::{FieldRecord, JobRecord};
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::store::data_dir::DataDir;
use crate::store::files::{self, Durability};
use crate::store::job_dir::JobDir;
use crate::store::ledger::{Ledger, StoredValue};
use crate::sys::lock::Lock;
use crate::sys::watch;

/// `job.json`: the full view, the owner, and the revision of the row that it shows.
#[derive(Serialize)]
struct JobFile<'a> {
    revision: i64,
    owner: &'a str,
    #[serde(flatten)]
    view: &'a JobView,
}

/// Readable copies are small; what is larger was not written by us.
const RECORD_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
struct Revision {
    revision: i64,
}

/// Rewrites the job's readable copy and wakes everybody who watches it. A failure is not an error:
/// the ledger has the fact, and watchers look by themselves after a second. Says whether the copy is
/// written.
pub fn publish_job(data: &DataDir, job: &JobRecord) -> bool {
    let dir = data.job(&job.id);
    let written = write_record(&dir, job);
    if let Err(error) = &written {
        tracing::debug!(job = %job.id, %error, "job.json was not rewritten");
    }
    watch::touch(dir.path());
    watch::touch(&data.jobs());
    written.is_ok()
}

fn write_record(dir: &JobDir, job: &JobRecord) -> io::Result<()> {
    // The directory itself is the lock: two processes may publish two changes of one job.
    let folder = File::open(dir.path())?;
    folder.lock()?;
    let path = dir.record();
    // The row of an ended job is its last.
    if !job.state.is_terminal() && shown_revision(dir) >= Some(job.revision) {
        return Ok(());
    }
    let view = JobView::full(job);
    let bytes = serde_json::to_vec_pretty(&JobFile {
        revision: job.revision,
        owner: &job.owner,
        view: &view,
    })
    .map_err(io::Error::other)?;
    files::write_atomic(&path, &bytes, Durability::Relaxed)
}

/// The revision of the row that `job.json` shows, if it is there and whole.
fn shown_revision(dir: &JobDir) -> Option<i64> {
    let bytes = files::read_capped(&dir.record(), RECORD_BYTES).ok()?;
    let shown: Revision = serde_json::from_slice(&bytes).ok()?;
    Some(shown.revision)
}

/// Rewrites the readable copy of a field from the ledger, or removes it if the field is empty.
///
/// # Errors
/// `storage_error`; the ledger still has the value.
pub fn publish_field(data: &DataDir, ledger: &Ledger, owner: &Owner, field: &str) -> Result<()> {
    let path = data.state_file(owner, field);
    let failed = |error: io::Error| Error::storage(format_args!("write {}", path.display()), error);
    if let Some(folder) = path.parent() {
        files::create_private_dir(folder).map_err(failed)?;
    }
    // Under the lock the ledger is read anew, so the copy never goes back to an older version.
    let _lock = Lock::take(&data.state().join(".lock")).map_err(failed)?;
    let Some(record) = ledger
        .field(owner.as_str(), field)?
        .filter(|record| record.present)
    else {
        return files::remove_if_there(&path).map_err(failed);
    };
    let Some(value) = ledger.value(owner.as_str(), field, record.version)? else {
        return Ok(());
    };
    write_field(data, &path, &record, &value).map_err(failed)
}

fn write_field(
    data: &DataDir,
    path: &Path,
    record: &FieldRecord,
    value: &StoredValue,
) -> io::Result<()> {
    let folder = path
        .parent()
        .ok_or_else(|| io::Error::other("the path has no directory"))?;
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(folder)?;
    file.write_all(head_of(record).as_bytes())?;
    match value {
        StoredValue::Inline(json) => file.write_all(json)?,
        StoredValue::File(name) => {
            io::copy(
                &mut files::open_regular(&data.values().join(name))?,
                &mut file,
            )?;
        }
    }
    file.write_all(b"}\n")?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Puts the files of an ended job in their final places: the attempt's result or error gets its
/// plain name. Says whether they are there.
pub fn settle_files(dir: &JobDir, job: &JobRecord) -> bool {
    let mut settled = true;
    let mut unwanted = Vec::new();
    if let Some(nonce) = &job.nonce {
        settled = match fs::rename(dir.attempt_results(nonce), dir.results()) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if settled {
            unwanted = dir.leftovers(nonce);
        }
    }
    if job.state == JobState::Completed {
        // Nobody goes on from there; a retry by hand computes anew.
        unwanted.push(dir.checkpoint());
    }
    dir.remove(&unwanted);
    if let Some(error) = &job.error
        && let Ok(bytes) = serde_json::to_vec_pretty(error)
    {
        settled &= files::write_atomic(&dir.error(), &bytes, Durability::Relaxed).is_ok();
    }
    settled
}

/// Removes the environment of an ended job with its secrets. It goes last: while it is there, the
/// end of the job is not shown everywhere yet (see [`is_unfinished`]).
pub fn finish_showing(dir: &JobDir) {
    let _ = files::remove_if_there(&dir.env());
}

/// Whether somebody died between the end of the job and showing it.
pub fn is_unfinished(dir: &JobDir) -> bool {
    dir.env().exists()
}

/// Whether the readable copies of an ended job are there and of its row: they are not synced, and a power
/// cut may leave older ones, empty ones or none. A directory that is not there shows nothing, and will not.
pub fn shows_end(dir: &JobDir, job: &JobRecord) -> bool {
    let error = || {
        files::read_capped(&dir.error(), RECORD_BYTES)
            .is_ok_and(|bytes| serde_json::from_slice::<&RawValue>(&bytes).is_ok())
    };
    let whole = shown_revision(dir) >= Some(job.revision)
        && (job.error.is_none() || error())
        && (job.state != JobState::Completed || dir.results().exists());
    whole || !dir.path().is_dir()
}

/// Whether the readable copy of a field is there, whole, and of the ledger's version. Nothing of
/// the value is read but its size.
pub fn shows_field(path: &Path, record: &FieldRecord) -> bool {
    let head = head_of(record);
    let Ok(file) = files::open_regular(path) else {
        return !record.present;
    };
    let (mut start, mut end) = (vec![0; head.len()], [0; 2]);
    let whole = head.len() as u64 + record.bytes.unwrap_or(0) + 2;
    record.present
        && file.metadata().is_ok_and(|meta| meta.len() == whole)
        && file.read_exact_at(&mut start, 0).is_ok()
        && file.read_exact_at(&mut end, whole - 2).is_ok()
        && start == head.as_bytes()
        && end == *b"}\n"
}

fn head_of(record: &FieldRecord) -> String {
    let head = serde_json::json!({
        "field": record.field,
        "version": record.version,
        "job": record.job,
        "set_at": record.set_at.map(clock::rfc3339),
    });
    format!("{},\"value\":", head.to_string().trim_end_matches('}'))
}

/// Reads a stored value as JSON text.
///
/// # Errors
/// `storage_error` when its file is gone.
pub fn read_value(data: &DataDir, value: StoredValue) -> Result<Vec<u8>> {
    match value {
        StoredValue::Inline(json) => Ok(json),
        StoredValue::File(name) => {
            let mut bytes = Vec::new();
            files::open_regular(&data.values().join(&name))
                .and_then(|mut file| file.read_to_end(&mut bytes))
                .map_err(|error| {
                    Error::storage(format_args!("read the state value {name}"), error)
                })?;
            Ok(bytes)
        }
    }
}
