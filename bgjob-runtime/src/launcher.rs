//! Starting a supervisor that nothing ties to its starter, and the words that tell a new process
//! what it is for.

use std::path::PathBuf;

use crate::diagnostics::FILTER_VAR;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::store::data_dir::{DATA_DIR_VAR, DataDir};
use crate::store::files::open_append;
use crate::sys::process::spawn_detached;

/// The role word of a supervisor in argv.
pub const SUPERVISE: &str = "__supervise";
/// The role word of a worker in argv.
pub const WORK: &str = "__work";
/// The role word of a process that runs hooks in argv.
pub const HOOK: &str = "__hook";
/// The job's directory.
pub const DIR_VAR: &str = "BGJOB_JOB_DIR";
/// The number of the attempt, from 1.
pub const ATTEMPT_VAR: &str = "BGJOB_ATTEMPT";
/// The hash of the tool's input schema.
pub const SCHEMA_VAR: &str = "BGJOB_SCHEMA";
/// The largest result, in bytes.
pub const MAX_RESULT_VAR: &str = "BGJOB_MAX_RESULT";
/// After how many ms the worker's own timer kills it.
pub const KILL_AFTER_VAR: &str = "BGJOB_KILL_AFTER_MS";

/// A supervisor's complaints are kept up to this size, then once more.
const LOG_LIMIT: u64 = 1 << 20;

/// Starts one supervisor on `data` and returns when it has detached. What it finds to do is its
/// own affair; one too many finds nothing and exits.
///
/// # Errors
/// `storage_error` when no process can be started; jobs then stay queued.
pub fn launch(data: &DataDir) -> Result<()> {
    let log = log(data)?;
    failpoint!("launch.before_spawn", |error| Error::storage(
        "start a supervisor; the job stays queued",
        error
    ));
    spawn_detached(SUPERVISE, &environment(data), log)
        .map_err(|error| Error::storage("start a supervisor; the job stays queued", error))?;
    failpoint!("launch.after_spawn");
    Ok(())
}

/// Starts a process that runs the hooks that are due, as detached as a supervisor, and in nobody's
/// tree. One too many finds nothing and exits.
///
/// # Errors
/// `storage_error` when no process can be started; the hooks stay due.
pub fn launch_hooks(data: &DataDir) -> Result<()> {
    let log = log(data)?;
    failpoint!("hook.before_launch");
    spawn_detached(HOOK, &environment(data), log)
        .map_err(|error| Error::storage("start a hook; it stays due", error))
}

fn log(data: &DataDir) -> Result<std::fs::File> {
    let log = data.supervisor_log();
    if std::fs::symlink_metadata(&log).is_ok_and(|meta| meta.len() > LOG_LIMIT) {
        // Two starters may race here: the loser's rename fails or moves an empty file.
        let _ = std::fs::rename(&log, log.with_extension("log.old"));
    }
    open_append(&log).map_err(|error| Error::storage("open supervisor.log", error))
}

/// The whole environment of the new process: where its data is, and what it tells.
fn environment(data: &DataDir) -> Vec<(&'static str, PathBuf)> {
    let filter = std::env::var_os(FILTER_VAR).map(PathBuf::from);
    let filter = filter.map(|filter| (FILTER_VAR, filter));
    let place = (DATA_DIR_VAR, data.root().to_owned());
    filter.into_iter().chain([place]).collect()
}
