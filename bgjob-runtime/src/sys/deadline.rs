//! The worker's own end: a kernel timer that delivers SIGKILL to it, which nothing can block and
//! which fires while the process is stopped (timer_create(2)).

use std::io;
use std::time::Duration;

/// Arms a one-shot timer on `CLOCK_MONOTONIC` that kills this process after `after`.
/// The timer is not inherited by children and ends with an `exec`.
///
/// # Errors
/// When the kernel refuses the timer.
pub fn kill_self_after(after: Duration) -> io::Result<()> {
    // SAFETY: `event` and `timer` are plain data that live across the calls; a zeroed sigevent is valid.
    unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGKILL;
        let mut timer: libc::timer_t = std::ptr::null_mut();
        if libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut when: libc::itimerspec = std::mem::zeroed();
        when.it_value.tv_sec = i64::try_from(after.as_secs()).unwrap_or(i64::MAX);
        when.it_value.tv_nsec = after.subsec_nanos().max(1).into();
        if libc::timer_settime(timer, 0, &raw const when, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}
