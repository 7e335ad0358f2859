//! The standard streams of a server that speaks its protocol over them.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{FileType, Mode, OFlags};

/// The copies: not made, or made and perhaps taken.
static CLAIMED: Mutex<Option<Option<(OwnedFd, OwnedFd)>>> = Mutex::new(None);

/// Keeps descriptors 0 and 1 for the protocol, for [`take`]: from here on 0 is `/dev/null` and 1 is
/// standard error (or `/dev/null` where there is none). Again is harmless.
///
/// # Errors
/// When `/dev/null` cannot be opened or no descriptor is left.
pub fn claim() -> io::Result<()> {
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    if claimed.is_none() {
        *claimed = Some(Some(divert()?));
    }
    Ok(())
}

/// The private copies of descriptors 0 and 1, claimed now if they were not before.
///
/// # Errors
/// As for [`claim`], and when they were taken before.
pub fn take() -> io::Result<(OwnedFd, OwnedFd)> {
    claim()?;
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    claimed
        .as_mut()
        .and_then(Option::take)
        .ok_or_else(|| io::Error::other("standard input and output already carry a protocol"))
}

fn divert() -> io::Result<(OwnedFd, OwnedFd)> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    if rustix::stdio::dup2_stdout(io::stderr()).is_err() {
        rustix::stdio::dup2_stdout(&null)?;
    }
    Ok((input, output))
}

/// What is behind a descriptor, as far as waiting for it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pipe or FIFO.
    Pipe,
    /// A socket, which is what Node gives its children.
    Socket,
    /// A file, a terminal, a device.
    Other,
}

/// What is behind `fd`.
///
/// # Errors
/// When fstat(2) fails.
pub fn kind(fd: &impl AsFd) -> io::Result<Kind> {
    Ok(
        match FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) {
            FileType::Fifo => Kind::Pipe,
            FileType::Socket => Kind::Socket,
            _ => Kind::Other,
        },
    )
}

/// Opens a pipe's end anew without blocking: the flag belongs to the open file, which the parent and
/// its other children may share.
///
/// # Errors
/// When `/proc` is not there.
pub fn reopen(fd: &OwnedFd, write: bool) -> io::Result<OwnedFd> {
    let access = if write {
        OFlags::WRONLY
    } else {
        OFlags::RDONLY
    };
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    Ok(rustix::fs::open(
        path,
        access | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

/// A pipe that a thread of its own fills from `input`, until that ends or nobody reads.
///
/// # Errors
/// When the pipe or the thread cannot be made.
pub fn pump(input: OwnedFd) -> io::Result<OwnedFd> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // Only this end: the thread must block when the pipe is full.
    rustix::io::ioctl_fionbio(&read, true)?;
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            let _ = io::copy(&mut File::from(input), &mut File::from(write));
        })?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_pipe_end_opened_anew_leaves_the_old_one_blocking() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        assert_eq!(kind(&read).unwrap(), Kind::Pipe);
        let mut again = File::from(reopen(&read, false).unwrap());
        assert_eq!(
            again.read(&mut [0; 8]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        assert!(
            !rustix::fs::fcntl_getfl(&read)
                .unwrap()
                .contains(OFlags::NONBLOCK)
        );
        File::from(write).write_all(b"x").unwrap();
        assert_eq!(again.read(&mut [0; 8]).unwrap(), 1);
    }

    #[test]
    fn a_file_is_pumped_into_a_pipe() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![b'x'; 200_000]).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let fd = OwnedFd::from(file);
        assert_eq!(kind(&fd).unwrap(), Kind::Other);
        let pipe = pump(fd).unwrap();
        rustix::io::ioctl_fionbio(&pipe, false).unwrap();
        let mut all = Vec::new();
        File::from(pipe).read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 200_000);
    }
}
