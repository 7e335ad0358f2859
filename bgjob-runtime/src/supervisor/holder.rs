//! What a supervisor leaves in its job's lock file, for whoever finds the lock held or free.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::store::files;
use crate::sys::lock::Lock;

/// The last holder of a job's lock. Nothing is decided by the pid alone: a process is signalled only
/// while it holds the lock file open.
#[derive(Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The boot in which it ran.
    pub boot: String,
    /// The attempt that it was about to claim. Whoever writes it promises that its worker says in
    /// `tree.lock` when the body begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the worker must be gone, on the monotonic clock of that boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_ms: Option<u64>,
}

impl Holder {
    /// This process, about to claim the attempt `nonce`, or running it until `due_ms`.
    pub fn new(nonce: &str, boot: &str, due_ms: Option<u64>) -> Self {
        Holder {
            pid: std::process::id(),
            boot: boot.to_owned(),
            nonce: Some(nonce.to_owned()),
            due_ms,
        }
    }

    /// Notes it in `lock`. A failure costs only what others could have done with it.
    pub fn note(&self, lock: &Lock) {
        if let Ok(text) = serde_json::to_string(self) {
            let _ = lock.note(&text);
        }
    }

    /// What the lock file at `path` says of its last holder.
    pub fn read(path: &Path) -> Option<Self> {
        let bytes = files::read_capped(path, 4096).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}
