//! Starting the server as a client would: what it says of itself, and which tools it lists.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::edit::Entry;

/// What clients pass on of their own environment: the list of the MCP SDKs for TypeScript and Python
/// (`getDefaultEnvironment`, `get_default_environment`).
const PASSED: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to end once its standard input has.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// The server's name and version.
    pub server: String,
    /// How many tools it lists.
    pub tools: usize,
    /// How long it took from the start to the list.
    pub took: Duration,
}

/// Starts the server that `entry` names and asks it for its tools.
///
/// # Errors
/// What a client would have seen instead.
pub fn verify(entry: &Entry) -> Result<Seen, String> {
    let mut client = Client::start(entry)?;
    let seen = client.talk();
    client.end();
    seen
}

struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    began: Instant,
}

impl Client {
    fn start(entry: &Entry) -> Result<Self, String> {
        let mut command = Command::new(&entry.command);
        command
            .args(&entry.args)
            .env_clear()
            .envs(
                PASSED
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(&entry.env)
            // Desktop clients start servers anywhere.
            .current_dir(Path::new("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let began = Instant::now();
        let mut child = command
            .spawn()
            .map_err(|error| format!("`{}` cannot be started: {error}", entry.command))?;
        let stdin = child.stdin.take();
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Client {
            child,
            stdin,
            lines,
            began,
        })
    }

    fn talk(&mut self) -> Result<Seen, String> {
        let hello = self.call(
            1,
            "initialize",
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "bgjob-install", "version": env!("CARGO_PKG_VERSION") },
            }),
        )?;
        let of = |name: &str| hello["serverInfo"][name].as_str().unwrap_or("?").to_owned();
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        let listed = self.call(2, "tools/list", json!({}))?;
        let tools = listed["tools"].as_array().map_or(0, Vec::len);
        match tools {
            0 => Err("it lists no tools".to_owned()),
            tools => Ok(Seen {
                server: format!("{} {}", of("name"), of("version")),
                tools,
                took: self.began.elapsed(),
            }),
        }
    }

    fn call(&mut self, id: u32, method: &str, params: Value) -> Result<Value, String> {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let left = PATIENCE.saturating_sub(self.began.elapsed());
            let line = self.lines.recv_timeout(left).map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => format!("it does not answer `{method}`"),
                mpsc::RecvTimeoutError::Disconnected => {
                    format!("it ended before it answered `{method}`")
                }
            })?;
            let message: Value = serde_json::from_str(&line)
                .map_err(|_| format!("it prints what is no message: {line:.80}"))?;
            if message["id"] == id {
                return match message.get("error") {
                    Some(error) => Err(format!("it refuses `{method}`: {}", error["message"])),
                    None => Ok(message["result"].clone()),
                };
            }
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let gone = || "it ended before it was spoken to".to_owned();
        let stdin = self.stdin.as_mut().ok_or_else(gone)?;
        writeln!(stdin, "{message}")
            .and_then(|()| stdin.flush())
            .map_err(|_| gone())
    }

    /// The end of its standard input is the end of a server; a program that is none may need more.
    fn end(&mut self) {
        drop(self.stdin.take());
        let until = Instant::now() + END_PATIENCE;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
