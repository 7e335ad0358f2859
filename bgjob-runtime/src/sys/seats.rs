//! Seats: at most so many processes do the same at a time, and whoever would start one more can see it.
//!
//! A seat is one byte of a file, locked by an open file description (`F_OFD_SETLK`, fcntl_locking(2)): the
//! kernel frees it when the holder dies, and no other descriptor of that file does when it is closed.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::lock;

/// A taken seat; free again when it is dropped and no child holds the same open file.
#[derive(Debug)]
pub struct Seat(#[expect(dead_code, reason = "it holds the lock")] File);

impl Seat {
    /// Takes the first free one of so many seats in the file at `path`, which is created (0600); `None` if
    /// all are taken.
    ///
    /// # Errors
    /// When the file cannot be opened or locked.
    pub fn take(path: &Path, among: u32) -> io::Result<Option<Self>> {
        let file = lock::open(path)?;
        for number in 0..among {
            let mut seat = byte(number);
            // SAFETY: the structure lives until the call returns.
            if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw mut seat) } == 0 {
                return Ok(Some(Seat(file)));
            }
            let error = io::Error::last_os_error();
            if !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) {
                return Err(error);
            }
        }
        Ok(None)
    }

    /// Whether each of so many seats is taken. Where nobody can tell, it is not.
    pub fn are_all_taken(path: &Path, among: u32) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        (0..among).all(|number| {
            let mut seat = byte(number);
            // SAFETY: the kernel writes to the structure within the call.
            let asked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_GETLK, &raw mut seat) };
            asked == 0 && i32::from(seat.l_type) != libc::F_UNLCK
        })
    }
}

/// An exclusive lock on the byte of that number.
fn byte(number: u32) -> libc::flock {
    // SAFETY: plain data, for which zeroes are valid; `l_pid` must be zero here.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = number.into();
    lock.l_len = 1;
    lock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_seats_as_were_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seats");
        assert!(!Seat::are_all_taken(&path, 2), "nobody has made the file");
        let first = Seat::take(&path, 2).unwrap().unwrap();
        assert!(!Seat::are_all_taken(&path, 2));
        let second = Seat::take(&path, 2).unwrap().unwrap();
        assert!(Seat::are_all_taken(&path, 2));
        assert!(Seat::take(&path, 2).unwrap().is_none());
        assert!(!Seat::are_all_taken(&path, 3), "there may be more by now");
        drop(first);
        assert!(!Seat::are_all_taken(&path, 2));
        assert!(Seat::take(&path, 2).unwrap().is_some());
        drop(second);
    }

    #[test]
    fn looking_gives_no_seat_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seats");
        let _seat = Seat::take(&path, 1).unwrap();
        for _ in 0..2 {
            assert!(Seat::are_all_taken(&path, 1));
        }
    }
}
