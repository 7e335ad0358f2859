//! What this process is: a front-end, a supervisor or a worker.

use std::process::ExitCode;

use crate::launcher::{SUPERVISE, WORK};
use crate::sys::host;
use crate::{supervisor, worker};

/// Does the work of a supervisor or a worker if this process was started as one, and says with what
/// status to exit; `None` in every other process, which goes on as usual.
///
/// Call it first thing in a plain `fn main`, before any runtime or thread: a worker's parent-death
/// signal and a supervisor's fork need a process of one thread. `App::run` and `main!` do so.
///
/// # Panics
/// In a supervisor or worker that has more than one thread: a programmer's error.
pub fn enter() -> Option<ExitCode> {
    let mut args = std::env::args_os();
    if args.next()? != "bgjob" {
        return None;
    }
    let role = args.next()?;
    if role == SUPERVISE {
        assert_single_thread();
        return Some(match supervisor::run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                supervisor::log(&error.to_string());
                ExitCode::FAILURE
            }
        });
    }
    if role == WORK {
        assert_single_thread();
        return Some(worker::run());
    }
    None
}

fn assert_single_thread() {
    let threads = host::thread_count();
    assert!(
        threads == 1,
        "bgjob_runtime::enter() must be the first thing in a plain `fn main`, before any runtime: \
         this process has {threads} threads already"
    );
}
