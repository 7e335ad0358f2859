//! What the kernel says of a process (proc(5), and its clock).

use std::fs;

/// The number behind `name` in a file of `/proc/<pid>`, in KiB.
fn kib(pid: u32, file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    text.lines()
        .find_map(|line| {
            line.strip_prefix(name)?
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })
        .unwrap_or(f64::NAN)
}

/// Resident memory, in MiB.
pub fn rss_mib(pid: u32) -> f64 {
    kib(pid, "status", "VmRSS:") / 1024.0
}

/// The most that was ever resident, in MiB.
pub fn peak_mib(pid: u32) -> f64 {
    kib(pid, "status", "VmHWM:") / 1024.0
}

/// The proportional share of memory, in MiB: what is shared is counted once.
pub fn pss_mib(pid: u32) -> f64 {
    kib(pid, "smaps_rollup", "Pss:") / 1024.0
}

/// Processor time used, in ms, by the process's own clock: threads that ended stay counted, and of each
/// the kernel keeps nanoseconds (clock_getcpuclockid(3)).
#[expect(clippy::cast_precision_loss, reason = "seconds")]
pub fn cpu_ms(pid: u32) -> f64 {
    let mut clock = 0;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: both write to what they are given and keep nothing of it.
    let read = unsafe {
        libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    if !read {
        return f64::NAN;
    }
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Open descriptors.
#[expect(clippy::cast_precision_loss, reason = "a few dozen")]
pub fn descriptors(pid: u32) -> f64 {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(f64::NAN, |fds| fds.count() as f64)
}
