//! Deleting what is old: row first, then the directory; safe to kill or repeat anywhere.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::JobService;
use crate::clock;
use crate::error::Result;
use crate::failpoint::failpoint;
use crate::job::id::JobId;
use crate::store::files;
use crate::store::job_dir::JobDir;
use crate::sys::lock::Lock;

/// A directory without a row may belong to a submission that is about to commit.
const ORPHAN_AGE: Duration = Duration::from_secs(3600);

/// What a prune removed, or would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Pruned {
    /// Ended jobs.
    pub jobs: u64,
    /// Directories of submissions that were never accepted.
    pub orphans: u64,
}

impl JobService {
    /// Deletes jobs that ended longer ago than `older_than` (the retention setting unless given),
    /// superseded state values of that age, and left-over directories. With `dry_run` it only counts
    /// the jobs. Live jobs and what they read are never touched.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be used.
    pub fn prune(&self, older_than: Option<Duration>, dry_run: bool) -> Result<Pruned> {
        let age =
            older_than.map_or_else(|| self.settings().map(|settings| settings.retention), Ok)?;
        let before = clock::now_ms()
            .saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
            .saturating_add(1);
        if dry_run {
            return Ok(Pruned {
                jobs: self.ledger().count_ended_before(before)?,
                orphans: 0,
            });
        }
        let mut pruned = Pruned::default();
        loop {
            let batch = self.ledger().ended_before(before)?;
            if batch.is_empty() {
                break;
            }
            for (_, id) in &batch {
                condemn(&self.data.job(id));
            }
            let seqs: Vec<i64> = batch.iter().map(|(seq, _)| *seq).collect();
            failpoint!("prune.before_rows");
            self.ledger().delete_ended(&seqs)?;
            failpoint!("prune.after_rows");
            for (_, id) in &batch {
                remove_dir(&self.data.job(id));
            }
            pruned.jobs += batch.len() as u64;
        }
        self.prune_values(before)?;
        pruned.orphans = self.prune_orphans()?;
        Ok(pruned)
    }

    fn prune_values(&self, before_ms: i64) -> Result<()> {
        // Bound first: a guard in the loop's head would be held throughout.
        let files = self.ledger().delete_superseded_values(before_ms)?;
        for file in files {
            failpoint!("prune.after_value_rows");
            // Equal values share a file.
            if !self.ledger().names_value_file(&file)? {
                let _ = fs::remove_file(self.data.values().join(file));
            }
        }
        Ok(())
    }

    /// Removes directories that have no row and were condemned, or are old and were never claimed.
    /// Any other may hold the result of a lost ledger: it stays, and `doctor` adopts it.
    fn prune_orphans(&self) -> Result<u64> {
        let Ok(entries) = fs::read_dir(self.data.jobs()) else {
            return Ok(0);
        };
        let mut removed = 0;
        for entry in entries.flatten() {
            let path = entry.path();
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<JobId>().ok())
            else {
                continue;
            };
            let dir = JobDir::new(path.clone());
            let rubbish = dir.condemned().exists() || (is_old(&path) && was_never_claimed(&dir));
            if rubbish && !self.has_row(&id)? {
                remove_dir(&dir);
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn has_row(&self, id: &JobId) -> Result<bool> {
        self.ledger().has_job(id)
    }
}

/// Notes in the directory that its job is deleted on purpose. Without the note, a prune that dies
/// after the row is gone would leave what looks like a job of a lost ledger.
fn condemn(dir: &JobDir) {
    if dir.path().is_dir() && !dir.path().is_symlink() {
        let _ = files::write_new(&dir.condemned(), b"", files::Durability::Relaxed);
    }
}

fn is_old(path: &Path) -> bool {
    let age = fs::symlink_metadata(path)
        .and_then(|meta| meta.modified())
        .ok()
        .and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_some_and(|age| age > ORPHAN_AGE)
}

fn was_never_claimed(dir: &JobDir) -> bool {
    !dir.lock().exists() && !dir.exit_record().exists()
}

/// Removes a job's directory with both its locks held, so that nobody still works in it. Symbolic
/// links in it are removed, not followed.
fn remove_dir(dir: &JobDir) {
    // Not made here: the name goes, and what it points to is not even locked.
    if dir.path().is_symlink() {
        let _ = fs::remove_file(dir.path());
    }
    if !dir.path().is_dir() {
        return;
    }
    let held = (
        Lock::try_take(&dir.lock()),
        Lock::try_take(&dir.tree_lock()),
    );
    failpoint!("prune.before_dir");
    if let (Ok(Some(_)), Ok(Some(_))) = held
        && let Err(error) = fs::remove_dir_all(dir.path())
    {
        tracing::warn!(dir = %dir.path().display(), %error, "an old job's directory was not removed");
    }
}
