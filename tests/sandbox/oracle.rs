//! A socket that every gated body connects to. The kernel closes a dead worker's connection before
//! anybody can see its exit, so the count of open connections is exact: never too high.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::PATIENCE;

/// Listens for bodies.
pub struct Oracle {
    path: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    /// Bodies that wait at the gate, by job id.
    waiting: BTreeMap<String, UnixStream>,
    /// Every start, in order: job id and attempt.
    starts: Vec<(String, String)>,
    /// The most bodies that ran at once.
    most: usize,
    /// Whether bodies are let through as they come.
    open: bool,
}

impl Oracle {
    /// Listens at `path`.
    pub fn listen(path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("the socket is bound");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                accepting.admit(stream);
            }
        });
        Oracle {
            path: path.to_owned(),
            shared,
        }
    }

    /// The socket's path, as an argument.
    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Waits until `count` bodies wait at the gate.
    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        self.wait_until(|counts| counts.waiting.len() >= count);
    }

    /// Waits until `count` bodies have started since the beginning.
    #[track_caller]
    pub fn wait_for_starts(&self, count: usize) {
        self.wait_until(|counts| counts.starts.len() >= count);
    }

    #[track_caller]
    fn wait_until(&self, holds: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut counts = self.shared.state.lock().expect("nobody panicked");
        while !holds(&counts) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "bodies at the gate: {:?}, starts: {}",
                counts.waiting.keys(),
                counts.starts.len()
            );
            counts = self
                .shared
                .changed
                .wait_timeout(counts, left)
                .expect("nobody panicked")
                .0;
        }
    }

    /// Lets one body through.
    pub fn release(&self, job: &str) {
        let stream = self
            .shared
            .state
            .lock()
            .expect("nobody panicked")
            .waiting
            .remove(job);
        let _ = stream.expect("the job is at the gate").write_all(b"g");
    }

    /// Lets one body through if it is still there.
    pub fn let_go(&self, job: &str) {
        let counts = self.shared.state.lock().expect("nobody panicked");
        if let Some(mut stream) = counts.waiting.get(job) {
            let _ = stream.write_all(b"g");
        }
    }

    /// Lets everybody through who is there, and all who come.
    pub fn open(&self) {
        let mut counts = self.shared.state.lock().expect("nobody panicked");
        counts.open = true;
        for mut stream in counts.waiting.values() {
            let _ = stream.write_all(b"g");
        }
    }

    /// The jobs at the gate.
    pub fn waiting(&self) -> Vec<String> {
        self.shared
            .state
            .lock()
            .expect("nobody panicked")
            .waiting
            .keys()
            .cloned()
            .collect()
    }

    /// Every body start: job and attempt, in order.
    pub fn starts(&self) -> Vec<(String, String)> {
        self.shared
            .state
            .lock()
            .expect("nobody panicked")
            .starts
            .clone()
    }

    /// The most bodies that ran at the same time.
    pub fn most(&self) -> usize {
        self.shared.state.lock().expect("nobody panicked").most
    }
}

impl Shared {
    fn admit(self: &Arc<Self>, stream: UnixStream) {
        let mut line = String::new();
        let Ok(mut reading) = stream.try_clone().map(BufReader::new) else {
            return;
        };
        // Whoever died before it said its name has not begun.
        if reading.read_line(&mut line).is_err() || !line.ends_with('\n') {
            return;
        }
        let (job, attempt) = line.trim().split_once(' ').unwrap_or(("", ""));
        let job = job.to_owned();
        let mut counts = self.state.lock().expect("nobody panicked");
        counts.starts.push((job.clone(), attempt.to_owned()));
        if counts.open {
            let _ = (&stream).write_all(b"g");
        }
        counts.waiting.insert(job.clone(), stream);
        // Who has gone may not have been taken out yet; the kernel knows.
        let here = counts.waiting.values().filter(|stream| !has_gone(stream));
        counts.most = counts.most.max(here.count());
        self.changed.notify_all();
        drop(counts);
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            // Ends when the worker closes its side, by returning or by dying.
            let _ = reading.read(&mut [0u8; 1]);
            shared
                .state
                .lock()
                .expect("nobody panicked")
                .waiting
                .remove(&job);
            shared.changed.notify_all();
        });
    }
}

/// Whether the other side has closed.
fn has_gone(stream: &UnixStream) -> bool {
    let mut byte = 0u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: `byte` is one writable byte, and the descriptor is open.
    unsafe { libc::recv(stream.as_raw_fd(), (&raw mut byte).cast(), 1, flags) == 0 }
}
