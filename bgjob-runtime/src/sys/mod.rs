//! The kernel's side: processes, locks, limits, watches. The only `unsafe` of the crate is here.
//!
//! Linux alone is supported, because the guarantees rest on child subreapers, pidfds, parent-death
//! signals and inotify; elsewhere compiling fails with a sentence instead of a job being lost.

#[cfg(not(target_os = "linux"))]
compile_error!(
    "bgjob-runtime runs on Linux only: its guarantees rest on subreapers, pidfds and parent-death signals"
);

pub mod deadline;
pub mod host;
pub mod interrupt;
pub mod lock;
pub mod process;
pub mod schedule;
pub mod seats;
pub mod spawn;
pub mod stdio;
pub mod sweep;
pub mod term;
mod title;
pub mod tree;
pub mod warm;
pub mod watch;

/// Fills `bytes` from the kernel's random source (getrandom(2)), which cannot fail once booted.
pub fn random(bytes: &mut [u8]) {
    let mut filled = 0;
    while filled < bytes.len() {
        if let Ok(n) =
            rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())
        {
            filled += n;
        }
    }
}

/// `N` bytes from the kernel's random source.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

/// 128 random bits in hex: the nonce of one attempt.
pub fn nonce() -> String {
    random_bytes::<16>()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}
