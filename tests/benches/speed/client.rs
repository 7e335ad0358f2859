//! The plainest client there is: one line out, one line in, on one thread, without an SDK. It costs
//! the same few microseconds for every server.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The server that is measured, `tests/plain`, built as its users would build it: by itself, so that it has no
/// feature that only its neighbours in the workspace ask for.
pub fn plain() -> &'static Path {
    static PLAIN: LazyLock<PathBuf> = LazyLock::new(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--package", "bgjob-plain"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.is_ok_and(|status| status.success()), "it builds");
        let myself = std::env::current_exe().expect("this program has a path");
        let folder = myself.ancestors().nth(2).expect("the folder of programs");
        folder.join("plain")
    });
    &PLAIN
}

/// A server process and the client's end of its pipes.
pub struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    meta: Value,
    id: u64,
    /// From its start to its first answer.
    pub first_answer: Duration,
}

impl Client {
    /// A server of ours on the data directory below `dir`.
    pub fn ours(dir: &Path) -> Self {
        let mut command = Command::new(plain());
        command.arg("--data-dir").arg(dir.join("data")).arg("serve");
        Self::start(command, dir, false)
    }

    /// The rmcp peer.
    pub fn peer(dir: &Path) -> Self {
        Self::start(Command::new(env!("CARGO_BIN_EXE_peer")), dir, true)
    }

    fn start(mut command: Command, dir: &Path, tasks: bool) -> Self {
        let extensions = if tasks {
            json!({"io.modelcontextprotocol/tasks": {}})
        } else {
            json!({})
        };
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "speed", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {"extensions": extensions},
        });
        let begun = Instant::now();
        let mut child = command
            .current_dir(dir)
            // Cargo's, not a server's: each job would look for its libraries in there first.
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::with_capacity(1 << 16, child.stdout.take().expect("a pipe"));
        let mut client = Client {
            child,
            input,
            output,
            meta,
            id: 0,
            first_answer: Duration::ZERO,
        };
        client.ask("server/discover", &json!({}));
        client.first_answer = begun.elapsed();
        client
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn line(&mut self, method: &str, params: &Value) -> String {
        self.id += 1;
        let mut params = params.clone();
        params["_meta"] = self.meta.clone();
        json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}).to_string()
            + "\n"
    }

    fn send(&mut self, line: &str) {
        self.input
            .write_all(line.as_bytes())
            .expect("the server reads");
    }

    fn receive(&mut self) -> String {
        let mut answer = String::new();
        let read = self.output.read_line(&mut answer);
        assert!(matches!(read, Ok(n) if n > 0), "the server left: {read:?}");
        answer
    }

    /// One request and how long its answer took.
    pub fn ask(&mut self, method: &str, params: &Value) -> (Value, Duration) {
        let line = self.line(method, params);
        let begun = Instant::now();
        self.send(&line);
        let answer = self.receive();
        let took = begun.elapsed();
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        (answer["result"].clone(), took)
    }

    /// Calls a tool; its whole result.
    pub fn call_raw(&mut self, tool: &str, arguments: Value) -> (Value, Duration) {
        self.ask("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool of ours; its envelope.
    pub fn call(&mut self, tool: &str, arguments: Value) -> (Value, Duration) {
        let (mut result, took) = self.call_raw(tool, arguments);
        (result["structuredContent"].take(), took)
    }

    /// Starts a trivial job; its id.
    pub fn submit(&mut self) -> (String, Duration) {
        let (started, took) = self.call("add", json!({"a": 1, "b": 1}));
        let id = started["job_id"].as_str();
        (id.unwrap_or_else(|| panic!("{started}")).to_owned(), took)
    }

    /// Waits for a job's end; its envelope.
    pub fn wait(&mut self, id: &str) -> Value {
        let done = self
            .call("get_job_status", json!({"job_id": id, "wait_s": 50}))
            .0;
        assert_eq!(done["state"], "completed", "{done}");
        done
    }

    /// One look at a job.
    pub fn poll(&mut self, id: &str) -> (Value, Duration) {
        self.call("get_job_status", json!({"job_id": id, "wait_s": 0}))
    }

    /// `n` calls of a tool, `window` of them under way at once.
    pub fn pipeline(
        &mut self,
        n: usize,
        window: usize,
        tool: &str,
        arguments: &Value,
    ) -> Vec<Value> {
        let params = json!({"name": tool, "arguments": arguments});
        let mut answers = Vec::with_capacity(n);
        let mut sent = 0;
        while answers.len() < n {
            while sent < n && sent - answers.len() < window {
                let line = self.line("tools/call", &params);
                self.send(&line);
                sent += 1;
            }
            let answer: Value = serde_json::from_str(&self.receive()).expect("JSON");
            answers.push(answer["result"]["structuredContent"].clone());
        }
        answers
    }

    /// A task of the peer, polled every 0.1 ms until it has ended; how long that took, and how long
    /// its handle.
    pub fn task(&mut self, tool: &str) -> (Duration, Duration) {
        let begun = Instant::now();
        let (started, handle) = self.call_raw(tool, json!({}));
        let id = json!({"taskId": started["taskId"]});
        while self.ask("tasks/get", &id).0["status"] != "completed" {
            std::thread::sleep(Duration::from_micros(100));
        }
        (begun.elapsed(), handle)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
