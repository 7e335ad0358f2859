//! What the tests stand on: a data directory of one's own, the fixture server's command line, a
//! socket that counts running bodies, and a look at the processes that belong to the directory.

pub mod dataflow;
pub mod http;
pub mod invariants;
pub mod mcp;
pub mod oracle;
pub mod orders;
pub mod processes;
pub mod rpc;
pub mod terminal;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes on a loaded machine; only a defect lets it pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory and the program that works on it. Dropped, it insists that nothing of it runs.
pub struct Sandbox {
    dir: tempfile::TempDir,
    program: PathBuf,
}

/// What a command printed and returned.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// The standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl Sandbox {
    /// A sandbox for `program`, with the shared fixture's limits at their defaults.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("bgjob-")
            .tempdir()
            .expect("a temporary directory");
        Sandbox {
            dir,
            program: program.into(),
        }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A path beside the data directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The directory of a job.
    pub fn job_dir(&self, id: &str) -> PathBuf {
        self.data().join("jobs").join(id)
    }

    /// A command of the program on this data directory.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--data-dir")
            .arg(self.data())
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// A supervisor of this data directory, started by hand as the launcher would.
    pub fn supervisor(&self) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(&self.program);
        command
            .arg0("bgjob")
            .arg("__supervise")
            .env_clear()
            .env("BGJOB_DATA_DIR", self.data())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        finish(&mut self.command(args))
    }

    /// Runs a command with `--json` and reads what it prints.
    pub fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Value {
        let mut command = self.command(args);
        finish(command.arg("--json")).json()
    }

    /// Changes a binding setting.
    pub fn set(&self, name: &str, value: &str) {
        let ran = self.run(["config", "set", name, value]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    /// Submits a job and leaves it; its id.
    pub fn submit(&self, tool: &str, input: &Value) -> String {
        let ran = self.try_submit(tool, input);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim().to_owned()
    }

    /// Submits a job, or is refused.
    pub fn try_submit(&self, tool: &str, input: &Value) -> Ran {
        let mut command = self.command(["run", tool, "--detach", "--input", "-"]);
        feed(&mut command, input.to_string().as_bytes())
    }

    /// Waits for a job's end; its full view.
    pub fn wait(&self, id: &str) -> Value {
        let ran = self.run(["jobs", "wait", id, "--timeout", "60s"]);
        assert_ne!(
            ran.code,
            Some(4),
            "{id} did not end: {} {ran:?}",
            self.show(id)
        );
        self.show(id)
    }

    /// Submits a job and waits for its end; its full view.
    pub fn finish(&self, tool: &str, input: &Value) -> Value {
        let id = self.submit(tool, input);
        self.wait(&id)
    }

    /// The full view of a job.
    pub fn show(&self, id: &str) -> Value {
        self.json(["jobs", "show", id])
    }

    /// The state of a job.
    pub fn state_of(&self, id: &str) -> String {
        self.show(id)["state"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The state of a job as the ledger has it. Asking a front-end would also start what waits.
    pub fn recorded(&self, id: &str) -> String {
        let sql = "SELECT state FROM job WHERE id = ?1";
        let state = self.ledger().query_row(sql, [id], |row| row.get(0));
        state.expect("the job is in the ledger")
    }

    /// The ledger, for checking invariants. Read-only.
    pub fn ledger(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = rusqlite::Connection::open_with_flags(self.data().join("ledger.db"), flags)
            .expect("the ledger opens");
        conn.busy_timeout(PATIENCE).expect("a timeout is set");
        conn
    }

    /// Processes that belong to this data directory: supervisors, workers and what they started.
    pub fn processes(&self) -> Vec<processes::Found> {
        processes::of(&self.data())
    }

    /// Waits until no process of this data directory is left.
    pub fn settle(&self) {
        until("every process of the data directory is gone", || {
            self.processes().is_empty()
        });
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for found in self.processes() {
                found.kill();
            }
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.processes().is_empty() && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let left = self.processes();
        for found in &left {
            found.kill();
        }
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Ran {
    let output = command.output().expect("the program starts");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a command to its end with `input` on its standard input.
pub fn feed(command: &mut Command, input: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that refuses early may not read it all.
    let _ = child
        .stdin
        .take()
        .expect("stdin is a pipe")
        .write_all(input);
    let output = child.wait_with_output().expect("the program ends");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Waits for a condition: looks again and again, pausing a little, and fails after a minute.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "this did not come true: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Every file and directory below `dir` with its mode bits.
pub fn modes_below(dir: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.path().symlink_metadata() else {
                continue;
            };
            found.push((entry.path(), meta.permissions().mode() & 0o777));
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
    }
    found
}

/// Insists that no file below `dir` contains `word`.
#[track_caller]
pub fn nowhere_below(dir: &Path, word: &str) {
    for (path, _) in modes_below(dir) {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let found = bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes());
        assert!(!found, "{} contains {word}", path.display());
    }
}

/// The greatest resident size of a process so far, in KiB (`VmHWM` of proc(5)).
pub fn peak_kib(pid: rustix::process::Pid) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero()));
    let status = status.expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .expect("a number")
}
