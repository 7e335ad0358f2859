//! Starting a supervisor that nothing ties to its starter, and the words that tell a new process
//! what it is for.

use std::ffi::{OsStr, OsString};

use crate::diagnostics::FILTER_VAR;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::job::id::MAX_TOOL_NAME;
use crate::store::data_dir::{DATA_DIR_VAR, DataDir};
use crate::store::files::open_append;
use crate::sys::process::spawn_detached;
use crate::sys::warm::ROOM_VAR;

/// The role word of a supervisor in argv.
pub const SUPERVISE: &str = "__supervise";
/// The role word of a worker in argv.
pub const WORK: &str = "__work";
/// The role word of a process that runs hooks in argv.
pub const HOOK: &str = "__hook";
/// How many supervisors there may be: one too many leaves at once.
pub const SEATS_VAR: &str = "BGJOB_SEATS";
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

/// Room for `BGJOB=<id>:<nonce>`, in bytes.
const MARK_ROOM: usize = 128;
/// What jobs get by themselves of what is read when a program is loaded.
pub(crate) const HANDED_ON: &[&str] = &[
    "LD_LIBRARY_PATH",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "OMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "CUDA_*",
    "NVIDIA_*",
    "ROCR_*",
    "HIP_*",
];
/// What they get only where `pass_env` names it.
const NEVER_HANDED_ON: &[&str] = &["LD_*", "GLIBC_TUNABLES", "MALLOC_*", "GOMP_*", "KMP_*"];

/// A supervisor's complaints are kept up to this size, then once more.
const LOG_LIMIT: u64 = 1 << 20;

/// Starts one supervisor on `data` and returns when it has detached. What it finds to do is its
/// own affair. If there are so many `seats`, one too many leaves at once; without a number it stays although
/// all seats are taken, since one of those who have them may stand still. A `warm` one is prepared to fork
/// its workers.
///
/// # Errors
/// `storage_error` when no process can be started; jobs then stay queued.
pub fn launch(data: &DataDir, warm: bool, seats: Option<u32>) -> Result<()> {
    let log = log(data)?;
    let (room, mut env) = match warm {
        true => (Some(" ".repeat(MAX_TOOL_NAME)), warm_environment(data)),
        false => (None, environment(data)),
    };
    env.extend(seats.map(|seats| (SEATS_VAR.into(), seats.to_string().into())));
    let arguments: Vec<&str> = [SUPERVISE].into_iter().chain(room.as_deref()).collect();
    failpoint!("launch.before_spawn", |error| Error::storage(
        "start a supervisor; the job stays queued",
        error
    ));
    spawn_detached(&arguments, env, log)
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
    spawn_detached(&[HOOK], environment(data), log)
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
fn environment(data: &DataDir) -> Vec<(OsString, OsString)> {
    let filter = std::env::var_os(FILTER_VAR).map(|filter| (FILTER_VAR.into(), filter));
    let place = (DATA_DIR_VAR.into(), data.root().into());
    filter.into_iter().chain([place]).collect()
}

/// That of a supervisor that forks its workers: with room for their marks, and what jobs get of their
/// submitter's environment that is read when a program is loaded, since workers are not loaded anew.
fn warm_environment(data: &DataDir) -> Vec<(OsString, OsString)> {
    let mut env = environment(data);
    env.push((ROOM_VAR.into(), "-".repeat(MARK_ROOM).into()));
    env.extend(std::env::vars_os().filter(|(name, _)| is_one_of(HANDED_ON, name)));
    env
}

/// Whether a variable is read when a program is loaded, before its `main`: by the dynamic linker, the C
/// library, or libraries that begin by themselves.
pub fn is_read_when_loaded(name: &OsStr) -> bool {
    is_one_of(HANDED_ON, name) || is_one_of(NEVER_HANDED_ON, name)
}

fn is_one_of(patterns: &[&str], name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    let mut patterns = patterns.iter();
    patterns.any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}
