//! Ctrl-C (SIGINT) for a program that wants to say goodbye instead of dying.
//!
//! While nobody listens, SIGINT does what it does by default: it ends the process.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, eventfd};

static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Calls a function for every Ctrl-C until it is dropped.
#[derive(Debug)]
pub struct Listener {
    event: Arc<OwnedFd>,
    over: Arc<AtomicBool>,
    action: signal_hook_registry::SigId,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Calls `on_interrupt` for every Ctrl-C, on a thread of its own.
    ///
    /// # Errors
    /// When the process has no descriptor or thread left, or a handler cannot be installed.
    pub fn new(on_interrupt: impl Fn() + Send + 'static) -> io::Result<Self> {
        keep_the_default()?;
        // Semaphore: each read takes one of the signals, so that a second Ctrl-C is not lost.
        let event = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::SEMAPHORE)?);
        let over = Arc::new(AtomicBool::new(false));
        let thread = spawn_reader(&event, &over, on_interrupt)?;
        let raised = Arc::clone(&event);
        // SAFETY: the action only writes to an eventfd that it keeps open: async-signal-safe.
        let action =
            unsafe { signal_hook_registry::register(libc::SIGINT, move || post(&raised)) }?;
        LISTENERS.fetch_add(1, Ordering::AcqRel);
        Ok(Listener {
            event,
            over,
            action,
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::AcqRel);
        signal_hook_registry::unregister(self.action);
        self.over.store(true, Ordering::Release);
        post(&self.event);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn spawn_reader(
    event: &Arc<OwnedFd>,
    over: &Arc<AtomicBool>,
    on_interrupt: impl Fn() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let (event, over) = (Arc::clone(event), Arc::clone(over));
    std::thread::Builder::new()
        .name("interrupt".into())
        .spawn(move || {
            loop {
                let mut count = [0; 8];
                match rustix::io::read(&*event, &mut count) {
                    Err(rustix::io::Errno::INTR) => {}
                    Ok(_) if !over.load(Ordering::Acquire) => on_interrupt(),
                    _ => return,
                }
            }
        })
}

/// The first handler of the registry replaces the default action for good, so this one brings it
/// back for the times when nobody listens.
fn keep_the_default() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        // SAFETY: an atomic load, signal(2) and raise(3): all async-signal-safe.
        let registered =
            unsafe { signal_hook_registry::register(libc::SIGINT, default_when_nobody_listens) };
        registered
            .map(drop)
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    });
    installed.map_err(io::Error::from_raw_os_error)
}

fn default_when_nobody_listens() {
    if LISTENERS.load(Ordering::Acquire) == 0 {
        // SAFETY: both calls are async-signal-safe; the raised signal is delivered, with its default
        // action, when this handler returns.
        unsafe {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            libc::raise(libc::SIGINT);
        }
    }
}

fn post(event: &OwnedFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: write(2) of eight bytes to an open descriptor; called from a signal handler too.
    unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[test]
    fn every_interrupt_is_told_and_a_dropped_listener_is_silent() {
        let (tx, rx) = mpsc::channel();
        let listener = Listener::new(move || tx.send(()).unwrap()).unwrap();
        for _ in 0..2 {
            kill_process(getpid(), Signal::INT).unwrap();
            rx.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        drop(listener);
        assert_eq!(rx.recv(), Err(mpsc::RecvError));
    }
}
