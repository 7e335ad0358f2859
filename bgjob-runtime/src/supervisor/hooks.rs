//! The supervisor's part in hooks and batons: starting a process that is not its own.

use super::log;
use crate::error::{Error, Result};
use crate::launcher;
use crate::store::data_dir::DataDir;
use crate::store::ledger::Ledger;
use crate::sys::process;

/// Has somebody run the hooks of jobs that have ended: our part is to start that process.
pub fn start(data: &DataDir, ledger: &Ledger) {
    match ledger.due_hooks(1) {
        Ok(due) if due.is_empty() => {}
        Ok(_) => apart(|| launcher::launch_hooks(data)),
        Err(error) => log(&error.to_string()),
    }
}

/// Starts a process that is not ours: while it detaches we must not be the one that adopts it, or it
/// would end with the next job's tree.
pub fn apart(start: impl FnOnce() -> Result<()>) {
    let started = process::adopt_orphans(false)
        .map_err(|error| Error::storage("stop being a subreaper", error))
        .and_then(|()| start());
    let again = process::adopt_orphans(true);
    let again = again.map_err(|error| Error::storage("become a subreaper", error));
    if let Some(error) = started.err().or(again.err()) {
        log(&error.to_string());
    }
}
