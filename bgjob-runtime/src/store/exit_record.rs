//! The evidence of a worker's end: `exit.rec` in the directory of its job.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};

use serde::{Deserialize, Serialize};

use crate::job::outcome::{Cause, Exit, Usage};
use crate::store::files;
use crate::store::job_dir::JobDir;

/// Room for [`ExitRecord`], allocated before the worker starts so that a full disk cannot lose it.
const EXIT_RECORD_BYTES: u64 = 4096;

/// The evidence of a worker's end, written before the ledger hears of it. Version 1 is frozen:
/// later programs read it as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// The format, 1.
    pub v: u32,
    /// The attempt that it is about.
    pub nonce: String,
    /// How the worker ended.
    pub exit: Exit,
    /// Why the supervisor ended it, if it did.
    pub cause: Option<Cause>,
    /// What it used.
    pub usage: Option<Usage>,
    /// When, in ms since the epoch.
    pub at_ms: i64,
}

impl JobDir {
    /// Allocates the exit record, so that writing it later needs no space.
    ///
    /// # Errors
    /// When the disk is full or the file cannot be created.
    pub fn reserve_exit_record(&self) -> io::Result<File> {
        let file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.exit_record())?;
        match rustix::fs::fallocate(
            &file,
            rustix::fs::FallocateFlags::empty(),
            0,
            EXIT_RECORD_BYTES,
        ) {
            Ok(()) => {}
            // No preallocation on this file system: written zeroes are the next best.
            Err(rustix::io::Errno::OPNOTSUPP) => {
                file.write_all_at(&[0; EXIT_RECORD_BYTES as usize], 0)?
            }
            Err(error) => return Err(error.into()),
        }
        Ok(file)
    }

    /// Reads the exit record of the attempt `nonce`, if it is whole and about that attempt.
    pub fn read_exit_record(&self, nonce: &str) -> Option<ExitRecord> {
        let bytes = files::read_capped(&self.exit_record(), EXIT_RECORD_BYTES).ok()?;
        let line = bytes.split(|b| *b == b'\n').next()?;
        let record: ExitRecord = serde_json::from_slice(line).ok()?;
        (record.v == 1 && record.nonce == nonce).then_some(record)
    }
}

/// Writes `record` into the reserved block.
///
/// # Errors
/// When the disk fails; a full disk does not matter.
pub fn write_exit_record(file: &File, record: &ExitRecord) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(record).map_err(io::Error::other)?;
    bytes.push(b'\n');
    file.write_all_at(&bytes, 0)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ExitRecord {
        ExitRecord {
            v: 1,
            nonce: "n1".into(),
            exit: Exit::Signal(9),
            cause: Some(Cause::Timeout),
            usage: None,
            at_ms: 1,
        }
    }

    #[test]
    fn an_exit_record_speaks_only_for_its_attempt() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = JobDir::new(tmp.path().into());
        let file = dir.reserve_exit_record().unwrap();
        assert_eq!(dir.read_exit_record("n1"), None);
        write_exit_record(&file, &record()).unwrap();
        assert_eq!(dir.read_exit_record("n1"), Some(record()));
        assert_eq!(dir.read_exit_record("n2"), None);
    }

    #[test]
    fn a_damaged_exit_record_says_nothing() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = JobDir::new(tmp.path().into());
        let whole = serde_json::to_vec(&record()).unwrap();
        for cut in 0..whole.len() {
            fs::write(dir.exit_record(), &whole[..cut]).unwrap();
            assert_eq!(dir.read_exit_record("n1"), None, "cut at {cut}");
        }
    }
}
