//! `flock` locks: the kernel frees them when the holder dies, so a held lock *is* liveness.
//!
//! A lock is given back by closing or exiting, never by unlocking: any holder of the same open
//! file would free it for all (flock(2)). Lock files are never unlinked while a job may run.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// A held lock; dropped, it is free once no child holds the same open file.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock at `path` if nobody holds it, creating the file (0600); `None` if it is held.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether somebody holds the lock at `path`. Asked by a shared lock, which is given back at once:
    /// those who only ask do not take each other for holders.
    pub fn is_held(path: &Path) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Waits for the lock at `path`: only for locks that are held for microseconds.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Lock(file))
    }
}

impl Lock {
    /// Leaves a note for whoever finds the lock held.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self, text: &str) -> io::Result<()> {
        // In this order a death between the two loses nothing of a longer note.
        self.0.write_all_at(text.as_bytes(), 0)?;
        self.0.set_len(text.len() as u64)
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Opens a file to lock, creating it (0600), never through a symbolic link.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_not_given_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = Lock::try_take(&path).unwrap();
        assert!(held.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_take(&path).unwrap().is_some());
    }
}
