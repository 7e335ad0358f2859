//! An MCP client that trusts nothing: every line must be JSON-RPC, every id answered once, and every
//! tool result valid against the schema that the server listed for it.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jsonschema::Validator;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::{PATIENCE, Sandbox};

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// `initialize` and a session (2025-06-18).
    Session,
    /// `server/discover`, and requests that carry everything themselves (2026-07-28).
    SelfContained,
}

/// A server process and the client's end of its pipes.
pub struct Server {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    waiting: HashMap<String, Value>,
    answered: HashMap<String, u32>,
    schemas: HashMap<String, Validator>,
    notes: VecDeque<Value>,
    era: Era,
    last_id: u64,
}

/// What a tool replied.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The structured content, which the text repeats.
    pub value: Value,
    /// Whether the call did not do what it is for.
    pub is_error: bool,
    /// Length of the text, in bytes.
    pub bytes: usize,
}

impl std::ops::Index<&str> for Reply {
    type Output = Value;
    fn index(&self, name: &str) -> &Value {
        &self.value[name]
    }
}

impl Reply {
    /// The job's id.
    #[track_caller]
    pub fn id(&self) -> String {
        self["job_id"]
            .as_str()
            .unwrap_or_else(|| panic!("no job: {self:?}"))
            .to_owned()
    }
}

impl Server {
    /// Starts a server on the sandbox's data directory and opens a session.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::start_as(sandbox, Era::Session)
    }

    /// Starts a server and begins as a client of that era does.
    pub fn start_as(sandbox: &Sandbox, era: Era) -> Self {
        Self::spawn(sandbox.command(["serve"])).opened(era)
    }

    /// Starts a server from a command and opens a session.
    pub fn greet(command: std::process::Command) -> Self {
        Self::spawn(command).opened(Era::Session)
    }

    fn opened(mut self, era: Era) -> Self {
        self.era = era;
        match era {
            Era::Session => {
                let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"}});
                let answer = self.request("initialize", hello);
                assert_eq!(
                    answer["result"]["protocolVersion"], "2025-06-18",
                    "{answer}"
                );
                self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
            }
            Era::SelfContained => {
                let answer = self.request("server/discover", json!({}));
                assert!(answer["result"]["supportedVersions"].is_array(), "{answer}");
            }
        }
        self.learn_schemas();
        self
    }

    /// Starts a server from a command, which writes its diagnostics to `log`, and opens a session.
    pub fn greet_with_stderr(command: std::process::Command, log: std::fs::File) -> Self {
        Self::spawn_with(command, log.into()).opened(Era::Session)
    }

    /// Starts a server from a command and says nothing to it. It leads a process group of its own.
    pub fn spawn(command: std::process::Command) -> Self {
        Self::spawn_with(command, Stdio::null())
    }

    fn spawn_with(mut command: std::process::Command, stderr: Stdio) -> Self {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        Server {
            input: child.stdin.take(),
            child,
            lines,
            waiting: HashMap::new(),
            answered: HashMap::new(),
            schemas: HashMap::new(),
            notes: VecDeque::new(),
            era: Era::Session,
            last_id: 0,
        }
    }

    /// The server's process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The tools as listed.
    pub fn tools(&mut self) -> Vec<Value> {
        let answer = self.request("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array();
        tools
            .unwrap_or_else(|| panic!("no tools: {answer}"))
            .clone()
    }

    fn learn_schemas(&mut self) {
        for tool in self.tools() {
            let name = tool["name"].as_str().expect("a name").to_owned();
            let validator = jsonschema::validator_for(&tool["outputSchema"]).expect("a schema");
            jsonschema::validator_for(&tool["inputSchema"]).expect("a schema");
            self.schemas.insert(name, validator);
        }
    }

    /// Writes a line; a server that has left is no error here.
    pub fn say(&mut self, line: &[u8]) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(&[line, b"\n"].concat());
        }
    }

    /// Writes a message.
    pub fn send(&mut self, message: &Value) {
        self.say(message.to_string().as_bytes());
    }

    /// Sends a request and returns its id without waiting.
    pub fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.last_id += 1;
        if self.era == Era::SelfContained {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
        }
        self.send(
            &json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}),
        );
        self.last_id
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(&json!(id))
    }

    /// Waits for the answer to a request.
    #[track_caller]
    pub fn answer(&mut self, id: &Value) -> Value {
        let id = id.to_string();
        loop {
            if let Some(answer) = self.waiting.remove(&id) {
                return answer;
            }
            assert!(self.hear(PATIENCE), "no answer to {id}");
        }
    }

    /// Takes in the next line; false when none comes in time or ever.
    #[track_caller]
    pub fn hear(&mut self, patience: Duration) -> bool {
        let line = match self.lines.recv_timeout(patience) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
        };
        let message: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("not JSON ({error}) on stdout: {line}"));
        assert_eq!(message["jsonrpc"], "2.0", "not JSON-RPC on stdout: {line}");
        if message.get("method").is_none() {
            let id = message["id"].to_string();
            *self.answered.entry(id.clone()).or_default() += 1;
            self.waiting.insert(id, message);
        } else if message.get("id").is_none() {
            self.notes.push_back(message);
        }
        true
    }

    /// Waits for the next notification.
    #[track_caller]
    pub fn notified(&mut self) -> Value {
        loop {
            if let Some(note) = self.notes.pop_front() {
                return note;
            }
            assert!(self.hear(PATIENCE), "no notification");
        }
    }

    /// The notifications that have come and were not asked for yet.
    pub fn notes(&mut self) -> Vec<Value> {
        self.notes.drain(..).collect()
    }

    /// How often each id was answered so far; `null` counts lines without one.
    pub fn answered(&self) -> &HashMap<String, u32> {
        &self.answered
    }

    /// Sends a tool call and returns its id without waiting.
    pub fn begin_call(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.begin("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: Value) -> Reply {
        let id = self.begin_call(tool, &arguments);
        let answer = self.answer(&json!(id));
        self.reply(tool, &answer)
    }

    /// Reads and checks the answer to a tool call.
    #[track_caller]
    pub fn reply(&self, tool: &str, answer: &Value) -> Reply {
        let result = &answer["result"];
        let value = result["structuredContent"].clone();
        let text = result["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("no text: {answer}"));
        assert_eq!(
            text,
            value.to_string(),
            "the text is not the structured content"
        );
        if let Some(schema) = self.schemas.get(tool) {
            let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(
                errors.is_empty(),
                "{tool} replied against its schema: {errors:?} in {value}"
            );
        }
        let is_error = result["isError"].as_bool().unwrap_or(false);
        Reply {
            is_error,
            bytes: text.len(),
            value,
        }
    }

    /// Makes the call that a reply advises.
    #[track_caller]
    pub fn follow(&mut self, reply: &Reply) -> Reply {
        let next = reply["next"].clone();
        let tool = next["tool"]
            .as_str()
            .unwrap_or_else(|| panic!("no next: {reply:?}"));
        self.call(tool, next["args"].clone())
    }

    /// Follows a job's replies to its end.
    #[track_caller]
    pub fn finish(&mut self, mut reply: Reply) -> Reply {
        let deadline = Instant::now() + PATIENCE;
        while ["queued", "running"].contains(&reply["state"].as_str().unwrap_or_default()) {
            assert!(Instant::now() < deadline, "no end: {reply:?}");
            reply = self.follow(&reply);
        }
        reply
    }

    /// Closes the client's end of the input.
    pub fn leave(&mut self) {
        self.input = None;
    }

    /// Sends a signal to the server alone.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process(self.pid(), signal);
    }

    /// Sends a signal to the server's whole process group.
    pub fn signal_group(&self, signal: Signal) {
        let _ = rustix::process::kill_process_group(self.pid(), signal);
    }

    /// Waits for the server's end; how long that took.
    #[track_caller]
    pub fn ended(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not end");
            std::thread::park_timeout(Duration::from_micros(200));
        }
    }

    /// The greatest resident size of the server so far, in KiB (`VmHWM` of proc(5)).
    pub fn peak_kib(&self) -> u64 {
        crate::peak_kib(self.pid())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
