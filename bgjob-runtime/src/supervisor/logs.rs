//! Logs that stay within bounds: past the cap the supervisor drops the middle of the file, keeping
//! head and tail. The worker writes on, straight to the file, and notices nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::FallocateFlags;

/// A log of the running job, and how much of its middle is gone.
pub struct Capped {
    path: PathBuf,
    cap: u64,
    dropped_to: u64,
}

/// What stands where the dropped part began.
fn marker(bytes: u64) -> String {
    format!(
        "\n[bgjob: {bytes} bytes of this log were dropped here; the setting max_log_mib is the limit]\n"
    )
}

impl Capped {
    /// Keeps about `cap` bytes of the log at `path`.
    pub fn new(path: PathBuf, cap: u64) -> Self {
        Capped {
            path,
            cap,
            dropped_to: 0,
        }
    }

    /// Drops the middle if the log occupies more than the cap; says whether it is growing towards it.
    ///
    /// # Errors
    /// When the file cannot be opened or the file system cannot drop parts of files.
    pub fn enforce(&mut self) -> io::Result<bool> {
        let Ok(meta) = self.path.symlink_metadata() else {
            return Ok(false);
        };
        let occupied = meta.blocks() * 512;
        if !meta.is_file() || occupied <= self.cap {
            return Ok(occupied > self.cap / 2);
        }
        let (head, tail) = (self.cap / 4, self.cap / 4);
        let end = meta.len().saturating_sub(tail);
        let from = self.dropped_to.max(head);
        if end <= from {
            return Ok(true);
        }
        let file = self.open()?;
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&file, flags, from, end - from)?;
        self.dropped_to = end;
        file.write_all_at(marker(end - head).as_bytes(), head)?;
        Ok(true)
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_long_log_keeps_its_head_and_its_tail_with_a_word_between() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stdout.log");
        let mut log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        let mut capped = Capped::new(path.clone(), 1 << 20);
        log.write_all(b"first line\n").unwrap();
        for _ in 0..64 {
            log.write_all(&[b'x'; 1 << 16]).unwrap();
            capped.enforce().unwrap();
        }
        log.write_all(b"\nlast line\n").unwrap();
        let meta = path.metadata().unwrap();
        assert!(
            meta.blocks() * 512 <= (1 << 20) + (1 << 16),
            "{}",
            meta.blocks()
        );
        assert!(meta.len() > 4 << 20, "offsets stay as they were");
        let text = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(text.starts_with("first line\n") && text.ends_with("\nlast line\n"));
        assert_eq!(
            text.matches("bytes of this log were dropped here").count(),
            1
        );
    }

    #[test]
    fn a_short_log_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stdout.log");
        std::fs::write(&path, "short").unwrap();
        assert!(!Capped::new(path.clone(), 1 << 20).enforce().unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"short");
    }
}
