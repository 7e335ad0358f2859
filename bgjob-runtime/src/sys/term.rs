//! SIGTERM as a flag, for tools that end themselves when asked to.
//!
//! The handler is installed at the first look only: a tool that never looks is ended by the
//! signal's default action at once instead of after the whole grace period.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Whether SIGTERM has arrived.
#[derive(Debug)]
pub struct TermFlag {
    set: AtomicBool,
    /// Readable from then on; `None` where no descriptor was left for it.
    event: Option<OwnedFd>,
}

/// The flag of this process, installing the handler the first time.
pub fn watch() -> &'static TermFlag {
    static FLAG: OnceLock<Option<TermFlag>> = OnceLock::new();
    static NEVER: OnceLock<TermFlag> = OnceLock::new();
    let flag = FLAG.get_or_init(|| new_flag().ok());
    install_once();
    match flag {
        Some(flag) => flag,
        // Out of descriptors: the flag still works for `is_set`.
        None => NEVER.get_or_init(|| TermFlag {
            set: AtomicBool::new(false),
            event: None,
        }),
    }
}

fn new_flag() -> io::Result<TermFlag> {
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    Ok(TermFlag {
        set: AtomicBool::new(false),
        event: Some(event),
    })
}

fn install_once() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return;
    }
    let on_term = || watch().raise();
    // SAFETY: the action stores an atomic and writes to an eventfd: both async-signal-safe; the
    // flag's cell is initialised before the handler exists.
    let installed = unsafe { signal_hook_registry::register(libc::SIGTERM, on_term) };
    if installed.is_err() {
        INSTALLED.store(false, Ordering::Release);
    }
}

impl TermFlag {
    /// Whether the signal has arrived.
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    fn raise(&self) {
        self.set.store(true, Ordering::Release);
        let Some(event) = &self.event else { return };
        let one = 1u64.to_ne_bytes();
        // SAFETY: write(2) of eight bytes to a descriptor that lives as long as the process.
        unsafe { libc::write(event.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }

    /// What becomes readable when the signal has arrived, and stays so.
    pub fn event(&self) -> Option<BorrowedFd<'_>> {
        self.event.as_ref().map(AsFd::as_fd)
    }

    /// Waits until the signal has arrived. Needs a tokio runtime with I/O enabled.
    pub async fn wait(&self) {
        while !self.is_set() {
            // SAFETY: the eventfd belongs to a flag that lives as long as the process, so the registered
            // descriptor stays open and ours.
            let registered = self
                .event()
                .map(|event| unsafe { AsyncFd::register_with_interest(event, Interest::READABLE) });
            let Some(Ok(fd)) = registered else {
                std::future::pending::<()>().await;
                return;
            };
            let _ = fd.readable().await;
        }
    }
}
