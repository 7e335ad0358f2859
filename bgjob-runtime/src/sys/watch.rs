//! Waking up when something changed: inotify on directories that the changer touches.
//!
//! The signal is a `utimensat` on the directory itself: no inode, no space, works on a full disk.
//! Use: arm the watch first, then read the ledger, then wait; a slow poll covers a lost event.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

/// Tells everybody who watches `dir` that something about it changed. A failure is not reported:
/// watchers look again by themselves after a second.
pub fn touch(dir: &Path) {
    use rustix::fs::{AtFlags, CWD, Timestamps, UTIME_NOW};
    let now = rustix::fs::Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    let _ = rustix::fs::utimensat(CWD, dir, &times, AtFlags::empty());
}

/// A set of watched directories.
#[derive(Debug)]
pub struct Watch {
    fd: OwnedFd,
}

/// What a wake-up was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Woken {
    /// The watch descriptor that [`Watch::add`] returned.
    pub watch: i32,
    /// The file that was renamed into place, or `None` for a touch of the directory.
    pub file: Option<String>,
}

impl Watch {
    /// An empty set.
    ///
    /// # Errors
    /// When the user has no inotify instance left (`fs.inotify.max_user_instances`).
    pub fn new() -> io::Result<Self> {
        Ok(Watch {
            fd: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?,
        })
    }

    /// Watches `dir` for touches and for files renamed into it, such as a job's progress.
    ///
    /// # Errors
    /// When the directory is gone or the user has no watch left.
    pub fn add(&self, dir: &Path) -> io::Result<i32> {
        self.add_for(dir, WatchFlags::ATTRIB | WatchFlags::MOVED_TO)
    }

    /// Watches `dir` for touches alone, as long as what it returns lives: a chatty job does not wake its
    /// supervisor.
    ///
    /// # Errors
    /// When the directory is gone or the user has no watch left.
    pub fn touches(&self, dir: &Path) -> io::Result<Touches<'_>> {
        Ok(Touches {
            watch: self.add_for(dir, WatchFlags::ATTRIB)?,
            set: self,
        })
    }

    /// Watches `file` for writes: a log, or the write-ahead log that every commit goes through.
    ///
    /// # Errors
    /// When the file is gone or the user has no watch left.
    pub fn add_log(&self, file: &Path) -> io::Result<i32> {
        Ok(inotify::add_watch(&self.fd, file, WatchFlags::MODIFY)?)
    }

    /// Watches `dir` for files that are renamed into it or closed after writing.
    ///
    /// # Errors
    /// When the directory is not there or the user has no watch left.
    pub fn add_written(&self, dir: &Path) -> io::Result<i32> {
        self.add_for(dir, WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO)
    }

    fn add_for(&self, dir: &Path, events: WatchFlags) -> io::Result<i32> {
        Ok(inotify::add_watch(
            &self.fd,
            dir,
            events | WatchFlags::ONLYDIR,
        )?)
    }

    /// Stops watching what [`Watch::add`] gave `watch` for.
    pub fn remove(&self, watch: i32) {
        let _ = inotify::remove_watch(&self.fd, watch);
    }

    /// Takes all waiting events without blocking.
    pub fn drain(&self) -> Vec<Woken> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
        let mut woken = Vec::new();
        while let Ok(event) = reader.next() {
            if event.events().contains(ReadFlags::IGNORED) {
                continue;
            }
            let file = event
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            // A child's changed attributes carry the child's name and mean nothing here.
            if file.is_none() || event.events().contains(ReadFlags::MOVED_TO) {
                woken.push(Woken {
                    watch: event.wd(),
                    file,
                });
            }
        }
        woken
    }
}

/// A directory that is watched for touches until this is dropped. The set stays: closing one waits
/// for the kernel to forget it, 10 ms and more.
#[derive(Debug)]
pub struct Touches<'a> {
    set: &'a Watch,
    watch: i32,
}

impl Touches<'_> {
    /// The set that it is in.
    pub fn set(&self) -> &Watch {
        self.set
    }
}

impl Drop for Touches<'_> {
    fn drop(&mut self) {
        self.set.remove(self.watch);
        // The kernel confirms it: that must not wake who watches something else next.
        self.set.drain();
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// A [`Watch`] that a tokio runtime waits on.
#[derive(Debug)]
pub struct AsyncWatch {
    watch: AsyncFd<Watch>,
}

impl AsyncWatch {
    /// An empty set. Needs a tokio runtime with I/O enabled.
    ///
    /// # Errors
    /// As for [`Watch::new`].
    pub fn new() -> io::Result<Self> {
        let watch = Watch::new()?;
        // SAFETY: a watch owns its descriptor and neither closes nor replaces it before it is dropped.
        let watch = unsafe { AsyncFd::register(watch) }.map_err(|error| error.into_parts().1)?;
        Ok(AsyncWatch { watch })
    }

    /// The set.
    pub fn set(&self) -> &Watch {
        self.watch.get_ref()
    }

    /// Waits for events and takes them.
    ///
    /// # Errors
    /// When the runtime is shutting down.
    pub async fn woken(&self) -> io::Result<Vec<Woken>> {
        let mut ready = self.watch.readable().await?;
        let woken = self.watch.get_ref().drain();
        ready.clear_ready();
        Ok(woken)
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Waits until one of `fds` is readable or `timeout` has passed; says which are readable.
pub fn wait_readable(fds: &[BorrowedFd<'_>], timeout: Duration) -> Vec<bool> {
    let mut polled: Vec<PollFd<'_>> = fds
        .iter()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    match rustix::event::poll(&mut polled, Some(&timeout)) {
        Ok(_) => polled.iter().map(|fd| !fd.revents().is_empty()).collect(),
        Err(_) => vec![false; fds.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_of_the_directory_wakes_its_watcher() {
        let dir = tempfile::tempdir().unwrap();
        let watch = Watch::new().unwrap();
        let wd = watch.add(dir.path()).unwrap();
        touch(dir.path());
        assert!(wait_readable(&[watch.as_fd()], Duration::from_secs(10))[0]);
        assert_eq!(
            watch.drain(),
            [Woken {
                watch: wd,
                file: None
            }]
        );
    }

    #[test]
    fn writing_a_watched_log_wakes() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("stdout.log");
        std::fs::write(&log, "").unwrap();
        let watch = Watch::new().unwrap();
        let wd = watch.add_log(&log).unwrap();
        std::fs::write(&log, "x").unwrap();
        assert!(watch.drain().contains(&Woken {
            watch: wd,
            file: None
        }));
    }

    #[test]
    fn writing_a_log_does_not_wake() {
        let dir = tempfile::tempdir().unwrap();
        let watch = Watch::new().unwrap();
        watch.add(dir.path()).unwrap();
        std::fs::write(dir.path().join("stdout.log"), "x").unwrap();
        assert_eq!(watch.drain(), []);
    }
}
