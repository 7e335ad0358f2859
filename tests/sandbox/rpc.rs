//! Raw JSON-RPC lines to a server process: nothing between the test and the wire.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};

use serde_json::{Value, json};

use crate::PATIENCE;

/// The extension of SEP-2663.
pub const TASKS: &str = "io.modelcontextprotocol/tasks";

/// A server process and the client's end of its pipes.
pub struct Rpc {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    capabilities: Option<Value>,
    last_id: u64,
}

impl Rpc {
    /// A client that speaks 2026-07-28: every request carries its version and `capabilities`.
    pub fn modern(command: Command, capabilities: Value) -> Self {
        let mut client = Self::spawn(command);
        client.capabilities = Some(capabilities);
        client
    }

    /// A client of 2026-07-28 that declares tasks.
    pub fn with_tasks(command: Command) -> Self {
        Self::modern(command, json!({"extensions": {TASKS: {}}}))
    }

    /// A client that opens a session of 2025-11-25 with `capabilities`.
    pub fn session(command: Command, capabilities: &Value) -> Self {
        let mut client = Self::spawn(command);
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": capabilities,
            "clientInfo": {"name": "test", "version": "1"}});
        let answer = client.request("initialize", hello);
        assert_eq!(
            answer["result"]["protocolVersion"], "2025-11-25",
            "{answer}"
        );
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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
        Rpc {
            input: child.stdin.take(),
            child,
            lines,
            capabilities: None,
            last_id: 0,
        }
    }

    /// Writes one message.
    pub fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("the client is there");
        writeln!(input, "{message}").expect("the server reads");
    }

    /// Sends a request and waits for its answer; messages of the server's own are skipped.
    #[track_caller]
    pub fn request(&mut self, method: &str, mut params: Value) -> Value {
        self.last_id += 1;
        if let Some(capabilities) = &self.capabilities {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = "2026-07-28".into();
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
            meta["io.modelcontextprotocol/clientCapabilities"] = capabilities.clone();
        }
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{method} has no answer: {error}"));
            let message: Value = serde_json::from_str(&line).expect("a line of JSON");
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Calls a tool; the whole answer.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Calls a tool and takes the task that it answers with.
    #[track_caller]
    pub fn task(&mut self, tool: &str, arguments: &Value) -> String {
        let answer = self.call(tool, arguments);
        assert_eq!(answer["result"]["resultType"], "task", "{answer}");
        let id = answer["result"]["taskId"].as_str();
        id.unwrap_or_else(|| panic!("no id: {answer}")).to_owned()
    }

    /// `tasks/get`; the whole answer.
    #[track_caller]
    pub fn get(&mut self, task: &str) -> Value {
        self.request("tasks/get", json!({"taskId": task}))
    }

    /// Polls a task until it has ended; the last answer's result.
    #[track_caller]
    pub fn end_of(&mut self, task: &str) -> Value {
        let mut last = Value::Null;
        crate::until("the task ends", || {
            last = self.get(task)["result"].clone();
            assert!(last.is_object(), "no such task: {task}");
            !["working", "input_required"].contains(&last["status"].as_str().unwrap_or_default())
        });
        last
    }

    /// Kills the server where it stands.
    pub fn kill(mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// Closes the client's end and waits for the server to go.
    pub fn leave(mut self) -> std::process::ExitStatus {
        self.input = None;
        self.child.wait().expect("the child is ours")
    }
}

impl Drop for Rpc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
