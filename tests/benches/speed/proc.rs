//! What the kernel says of a process (proc(5)).

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

/// Processor time used, in ms.
pub fn cpu_ms(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten();
    let of_threads: f64 = threads
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .sum();
    let alone = text
        .split_whitespace()
        .next()
        .and_then(|ns| ns.parse().ok());
    of_threads.max(alone.unwrap_or(0.0)) / 1e6
}

/// Open descriptors.
#[expect(clippy::cast_precision_loss, reason = "a few dozen")]
pub fn descriptors(pid: u32) -> f64 {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(f64::NAN, |fds| fds.count() as f64)
}
