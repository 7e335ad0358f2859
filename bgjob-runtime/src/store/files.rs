//! Small files written so that a reader sees the old or the new content, never a part.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};

/// Whether a write must survive a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// The kernel writes it when it likes; a crash of the machine may lose it.
    Relaxed,
    /// On disk, with its name, when the call returns.
    Synced,
}

/// Replaces `path` by `bytes`: a new file of mode 0600 beside it, then a rename (rename(2)).
///
/// # Errors
/// When any step fails; `path` then still has its old content.
pub fn write_atomic(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let dir = parent(path)?;
    // tempfile creates with O_EXCL and 0600, and removes the file when a step fails.
    let mut file = tempfile::Builder::new().prefix(".tmp-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    if durability == Durability::Synced {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|error| error.error)?;
    if durability == Durability::Synced {
        sync_dir(dir)
    } else {
        Ok(())
    }
}

/// Creates `path` with `bytes`, mode 0600, in a directory that nobody reads yet.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    if durability == Durability::Synced {
        file.sync_all()?;
        sync_dir(parent(path)?)?;
    }
    Ok(())
}

/// Makes the names in `dir` durable.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates `dir` with mode 0700 whatever the umask; no error when it exists.
///
/// # Errors
/// When it cannot be created.
pub fn create_private_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Opens a log for appending, 0600, never through a symbolic link.
///
/// # Errors
/// When it cannot be opened.
pub fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Opens a regular file of a job for reading: not through a symbolic link, neither of the file nor of the
/// folder that it is in, and not a pipe or device that a hostile job may have put there.
///
/// # Errors
/// When it is missing or not a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let folder = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::open(parent(path)?, folder, Mode::empty())?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(folder, name, flags, Mode::empty())?;
    regular(File::from(file))
}

/// As [`open_regular`], but the folder may be a link: for files whose place somebody else chose.
///
/// # Errors
/// When it is missing or not a regular file.
pub fn open_anywhere(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)?;
    regular(file)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

/// Opens the directory `name` of `dir`, itself and not what a link points to.
///
/// # Errors
/// When it is missing or no directory.
pub fn open_dir_beneath(dir: &Path, name: &str) -> io::Result<OwnedFd> {
    beneath(dir, Path::new(name), OFlags::DIRECTORY)
}

/// Opens the regular file `name` in the directory `folder` of `dir` for reading. Nothing on the way may be
/// a link or lead out of `dir`: the kernel sees to it (openat2(2), `RESOLVE_BENEATH`).
///
/// # Errors
/// When it is missing or not a regular file.
pub fn open_beneath(dir: &Path, folder: &str, name: &str) -> io::Result<File> {
    let path = Path::new(folder).join(name);
    regular(File::from(beneath(dir, &path, OFlags::NONBLOCK)?))
}

fn beneath(dir: &Path, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let root = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::open(dir, root, Mode::empty())?;
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    Ok(rustix::fs::openat2(
        root,
        path,
        flags,
        Mode::empty(),
        resolve,
    )?)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open_regular`], and `FileTooLarge` past the limit.
pub fn read_capped(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    capped(open_regular(path)?, limit)
}

/// Reads an open file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read, and `FileTooLarge` past the limit.
pub fn capped(file: File, limit: u64) -> io::Result<Vec<u8>> {
    // With room for all of it, and the few bytes that show its end, it is read in one go.
    let expected = file.metadata()?.len().min(limit);
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0) + 64);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "the file is larger than expected",
        ));
    }
    Ok(bytes)
}

/// Reads the whole of a regular file.
///
/// # Errors
/// As [`open_regular`].
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads up to `bytes` bytes from `offset` on; fewer only where the file ends.
///
/// # Errors
/// When the file cannot be read.
pub fn read_at(file: &File, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64)? {
            0 => break,
            more => filled += more,
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// Passes the dropped middle of a capped log, which reads as zeroes, without reading it.
///
/// # Errors
/// When the file cannot be read.
pub fn skip_dropped(log: &mut BufReader<File>) -> io::Result<()> {
    loop {
        let buffer = log.fill_buf()?;
        let zeroes = buffer.iter().take_while(|byte| **byte == 0).count();
        if zeroes == 0 {
            return Ok(());
        }
        log.consume(zeroes);
        let at = log.stream_position()?;
        // No data behind it is the end of the file, where the next look finds nothing.
        if let Ok(data) = rustix::fs::seek(log.get_ref(), rustix::fs::SeekFrom::Data(at)) {
            log.seek(SeekFrom::Start(data))?;
        } else {
            log.seek(SeekFrom::Start(at))?;
        }
    }
}

/// Removes a file; no error when it is gone already.
///
/// # Errors
/// When it cannot be removed.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent()
        .ok_or_else(|| io::Error::other("the path has no directory"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn an_atomic_write_is_private_and_leaves_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        write_atomic(&path, b"1", Durability::Synced).unwrap();
        write_atomic(&path, b"2", Durability::Relaxed).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_planted_link_or_pipe_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/etc/passwd", dir.path().join("link")).unwrap();
        assert!(open_regular(&dir.path().join("link")).is_err());
        assert!(open_regular(dir.path()).is_err());
        let (folder, link) = (dir.path().join("folder"), dir.path().join("also"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("file"), b"1").unwrap();
        symlink(&folder, &link).unwrap();
        assert!(open_regular(&folder.join("file")).is_ok());
        assert!(open_regular(&link.join("file")).is_err());
        assert!(open_anywhere(&link.join("file")).is_ok());
    }

    #[test]
    fn a_read_stops_at_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, b"1234").unwrap();
        assert!(read_capped(&path, 4).is_ok());
        assert_eq!(
            read_capped(&path, 3).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
