//! What this process is: a front-end, a supervisor or a worker.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::launcher::{HOOK, SUPERVISE, WORK};
use crate::sys::host;
use crate::{hook, supervisor, worker};

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Whether [`enter`] was called: where it was not, a job's processes would go on as servers.
pub(crate) fn is_entered() -> bool {
    ENTERED.load(Ordering::Relaxed)
}

/// Does the work of a supervisor or a worker if this process was started as one, and says with what
/// status to exit; `None` in every other process, which goes on as usual.
///
/// Call it first thing in a plain `fn main`, before any runtime or thread: a worker's parent-death
/// signal and a supervisor's fork need a process of one thread. `App::run` and `main!` do so.
///
/// # Panics
/// When the process has more than one thread: a programmer's error. `#[tokio::main]` belongs on the
/// function behind this call, not on `main`.
pub fn enter() -> Option<ExitCode> {
    // In a front-end too: in a job's processes nobody would see it.
    assert_single_thread();
    ENTERED.store(true, Ordering::Relaxed);
    let mut args = std::env::args_os();
    if args.next()? != "bgjob" {
        return None;
    }
    let role = args.next()?;
    if role == SUPERVISE || role == HOOK {
        let ended = match role == HOOK {
            true => hook::run(),
            false => supervisor::run(worker::run),
        };
        return Some(match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                supervisor::log(&error.to_string());
                ExitCode::FAILURE
            }
        });
    }
    if role == WORK {
        return Some(worker::run().into());
    }
    None
}

fn assert_single_thread() {
    assert!(
        host::has_one_thread(),
        "bgjob_runtime::enter() must be the first thing in a plain `fn main`, before any runtime: \
         this process has {} threads already",
        host::thread_count()
    );
}
