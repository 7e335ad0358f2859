//! What the scheduler is told about jobs.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far jobs give way, on the scale of nice(1): -20 to 19, 0 is usual. At 5 a session that competes with
/// a usual one for a core has a third of its share, and where nobody competes all of it.
const NICE: &str = "5";
/// Of the session of whoever reads or writes it; only where the kernel groups sessions (sched(7), "The
/// autogroup feature").
const AUTOGROUP: &str = "/proc/self/autogroup";

/// Whether there is nothing more to tell: it has been told, or this kernel does not group sessions.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Lets those go first who wait for this core, if any do (sched_yield(2)); between the steps of a job, each of
/// which would else keep them waiting until it ends: the scheduler looks again at a tick, 1 to 10 ms apart,
/// and a job's processes seldom run for so long.
pub fn let_others_go_first() {
    std::thread::yield_now();
}

/// Tells the scheduler that the session of this process gives way to others, and with it all that is started
/// in it. Ask for it again now and then, which costs nothing once it is done: those without privileges may
/// tell it ten times a second, all of the machine together.
///
/// Without that, a server and its client have together the share of one of its jobs. And it can be taken
/// back without a privilege, which nice(2) cannot.
pub fn give_way() {
    if !IS_TOLD.load(Ordering::Relaxed) {
        let told = std::fs::write(AUTOGROUP, NICE);
        let later = told.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        IS_TOLD.store(!later, Ordering::Relaxed);
    }
}
