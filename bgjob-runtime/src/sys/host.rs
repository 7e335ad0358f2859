//! Who and where we are: boot, binary, file system, environment of this process.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// The path that always runs the image of the calling process, even after it was replaced or
/// deleted on disk (proc(5), `/proc/pid/exe`).
pub const SELF_EXE: &str = "/proc/self/exe";

/// The id of this boot (`/proc/sys/kernel/random/boot_id`), or `unknown` where /proc lacks it.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| "unknown".into(), |id| id.trim().into())
}

/// Names the running binary: device, inode, size and modification time of its file, hashed.
/// A rebuilt binary has another id; nothing is read but one inode.
///
/// # Errors
/// When /proc is not mounted.
pub fn build_id() -> io::Result<String> {
    let meta = fs::metadata(SELF_EXE)?;
    let text = format!(
        "{}:{}:{}:{}:{}",
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.mtime(),
        meta.mtime_nsec()
    );
    let digest = Sha256::digest(text.as_bytes());
    Ok(digest.iter().take(16).map(|b| format!("{b:02x}")).collect())
}

/// Whether this process has one thread. The kernel says so by letting it leave a thread group in which it is
/// alone, which changes nothing (`CLONE_THREAD` of unshare(2)); where that is forbidden, /proc is read.
pub fn has_one_thread() -> bool {
    // SAFETY: of a process with one thread this flag unshares nothing; of any other it is refused.
    match unsafe { libc::unshare(libc::CLONE_THREAD) } {
        0 => true,
        _ if io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) => false,
        _ => thread_count() == 1,
    }
}

/// How many threads this process has.
pub fn thread_count() -> usize {
    fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// The name of the network file system that holds `path`, if it is one: `flock` and SQLite's WAL
/// are not reliable there.
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(path).ok()?.f_type as u64;
    [
        (0x6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB2"),
        (0x517b, "SMB"),
        (0x0102_1997, "9p"),
        (0x6573_5546, "FUSE"),
        (0x00c3_6400, "Ceph"),
        (0x5346_414f, "AFS"),
    ]
    .into_iter()
    .find_map(|(magic, name)| (kind & 0xffff_ffff == magic).then_some(name))
}

/// Memory that new work can use without swapping, in MiB (`MemAvailable` of proc(5)).
pub fn memory_available_mib() -> Option<u64> {
    let info = read_all("/proc/meminfo")?;
    let line = info
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? >> 10)
}

/// Whether so many MiB are available, as far as anybody knows.
pub fn has_memory(mib: u64) -> bool {
    // What is free altogether is counted already, while `MemAvailable` is added up for whoever asks. It is less
    // than that by no more than the kernel's reserves, a few hundredths of all memory.
    let info = rustix::system::sysinfo();
    let in_mib = |pages: u64| (pages * u64::from(info.mem_unit)) >> 20;
    let plenty = in_mib(info.freeram) >= mib.saturating_add(in_mib(info.totalram) / 8);
    plenty || memory_available_mib().is_none_or(|available| available >= mib)
}

/// How many processes the kernel has killed for want of memory, in whichever control group (`oom_kill`
/// in `/proc/vmstat`, proc(5)).
pub fn oom_kills() -> Option<u64> {
    let stat = read_all("/proc/vmstat")?;
    let count = stat.lines().find_map(|line| line.strip_prefix("oom_kill "));
    count?.trim().parse().ok()
}

/// A file of the kernel's that does not tell its size, in one go: `fs::read_to_string` begins with 32 bytes.
fn read_all(path: &str) -> Option<String> {
    let mut text = String::with_capacity(16 << 10);
    fs::File::open(path).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Milliseconds on the clock that never jumps; only comparable within one boot.
pub fn monotonic_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The effective user of this process.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Available cores, at least 1. Looked up once: the answer is spread over a dozen files of the
/// process's control groups.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, Into::into))
}

/// Lets the C library keep up to 1 MiB that was freed. `SQLite` empties its page cache whenever another
/// process has written; given back to the kernel each time (128 KiB is the default of mallopt(3)), those
/// pages are faulted in anew five times a job.
pub fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number in the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 20);
    }
}

/// Has all threads of a server share two parts of the allocator (`M_ARENA_MAX`, mallopt(3)), before it has threads:
/// else each thread has one of its own, and each grows for itself, to what [`keep_freed_memory`] lets it keep.
pub fn share_allocator() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets a number in the allocator, under its own lock.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_stable_build_id() {
        assert_eq!(build_id().unwrap(), build_id().unwrap());
        assert_eq!(build_id().unwrap().len(), 32);
    }

    #[test]
    fn there_is_some_memory_and_not_any_amount() {
        assert!(has_memory(0));
        assert!(has_memory(1));
        assert!(!has_memory(u64::MAX));
        let available = memory_available_mib().unwrap();
        assert!(!has_memory(available * 2 + 1024));
    }

    #[test]
    fn a_process_of_several_threads_has_not_one() {
        // That of the test runner.
        assert!(!has_one_thread());
        assert!(thread_count() > 1);
        // SAFETY: the child makes two system calls and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let alone = has_one_thread();
            // SAFETY: _exit(2) is always sound.
            unsafe { libc::_exit(i32::from(!alone)) };
        }
        let child = rustix::process::Pid::from_raw(child);
        let ended = rustix::process::waitpid(child, rustix::process::WaitOptions::empty());
        let status = ended.unwrap().map(|(_, status)| status.exit_status());
        assert_eq!(status, Some(Some(0)));
    }

    #[test]
    fn a_temporary_directory_is_not_on_the_network() {
        assert_eq!(network_file_system(&std::env::temp_dir()), None);
    }
}
