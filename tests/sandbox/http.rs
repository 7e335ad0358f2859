//! A server on HTTP, and clients that write their requests by hand: nothing between the test and the
//! wire.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::{PATIENCE, Sandbox};

/// A server process that listens.
pub struct Listening {
    child: Child,
    words: Receiver<String>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The token that it printed, if it made one.
    pub token: Option<String>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// Two users, and the file that says so.
pub const TOKENS: [(&str, &str); 2] = [
    ("alice", "alice-token-0123456789abcdef0123456789"),
    ("bob", "bob-token-0123456789abcdef0123456789ab"),
];

impl Listening {
    /// A server for the local user, whose token it made itself.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::spawn(sandbox.command(["serve", "--http", "127.0.0.1:0"]))
    }

    /// A server for the users of [`TOKENS`].
    pub fn for_users(sandbox: &Sandbox) -> Self {
        let file = token_file(sandbox);
        let mut command = sandbox.command(["serve", "--http", "127.0.0.1:0", "--token-file"]);
        command.arg(file);
        Self::spawn(command)
    }

    /// Starts a server and reads where it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let (send, words) = mpsc::channel();
        std::thread::spawn(move || {
            stderr
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let line = words.recv_timeout(PATIENCE).expect("it says where it is");
        let url = line
            .strip_prefix("MCP is at http://")
            .and_then(|rest| rest.strip_suffix("/mcp"));
        let address = url.unwrap_or_else(|| panic!("not a place: {line}"));
        let address = address.parse().expect("an address");
        let mut server = Listening {
            child,
            words,
            address,
            token: None,
        };
        // Said before the first connection is accepted.
        server.get("/healthz");
        server.token = server.words.try_iter().find_map(|line| {
            let token = line.strip_prefix("token of this run, for the local user: ")?;
            Some(token.to_owned())
        });
        server
    }

    /// A client of the user of that name.
    pub fn user(&self, name: &str) -> User {
        let known = TOKENS.iter().find(|(user, _)| *user == name);
        User::new(self.address, known.expect("a user of the file").1)
    }

    /// The local user, by the token that was made.
    pub fn me(&self) -> User {
        User::new(
            self.address,
            self.token.as_deref().expect("a token was made"),
        )
    }

    /// A GET of a path without anything else.
    pub fn get(&self, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        send(self.address, head.as_bytes())
    }

    /// What it has said since on standard error.
    pub fn said(&self) -> Vec<String> {
        self.words.try_iter().collect()
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Whether a request waits for jobs: it watches their directories then.
    pub fn waits(&self) -> bool {
        let dir = format!("/proc/{}/fdinfo", self.pid().as_raw_nonzero());
        let infos = std::fs::read_dir(dir).expect("it runs").flatten();
        infos
            .filter_map(|info| std::fs::read_to_string(info.path()).ok())
            .any(|text| text.contains("inotify wd:"))
    }

    /// Sends a signal and waits for the end; how long that took.
    pub fn end(&mut self, signal: Signal) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        rustix::process::kill_process(self.pid(), signal).expect("it runs");
        let status = self.child.wait().expect("the child is ours");
        (status, begun.elapsed())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the file of [`TOKENS`].
pub fn token_file(sandbox: &Sandbox) -> std::path::PathBuf {
    let path = sandbox.path("tokens");
    let lines: String = TOKENS
        .iter()
        .map(|(user, token)| format!("{user} = {token}\n"))
        .collect();
    std::fs::write(&path, lines).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("our file");
    path
}

/// A client of 2026-07-28 that declares tasks, as one user.
#[derive(Clone)]
pub struct User {
    /// The server's.
    pub address: SocketAddr,
    token: String,
}

impl User {
    /// A client with a token.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        User {
            address,
            token: token.to_owned(),
        }
    }

    /// The bytes of a request; `tasks` says whether the extension is declared.
    pub fn request(&self, method: &str, mut params: Value, tasks: bool) -> Vec<u8> {
        let extensions = match tasks {
            true => json!({crate::rpc::TASKS: {}}),
            false => json!({}),
        };
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {"extensions": extensions}});
        let name = ["taskId", "name", "uri"]
            .iter()
            .find_map(|key| params[key].as_str());
        let name = name.filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic()));
        let name = name
            .map(|name| format!("Mcp-Name: {name}\r\n"))
            .unwrap_or_default();
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let length = body.len();
        let (address, token) = (self.address, &self.token);
        format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{name}\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// Sends a request; the whole answer.
    pub fn ask(&self, method: &str, params: Value) -> Answer {
        send(self.address, &self.request(method, params, true))
    }

    /// Sends a request as a client of an older protocol does; the whole answer.
    pub fn ask_as(&self, version: &str, method: &str, params: &Value) -> Answer {
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let (length, address, token) = (body.len(), self.address, &self.token);
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             MCP-Protocol-Version: {version}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        send(self.address, request.as_bytes())
    }

    /// Calls a tool as a client without tasks does; the whole answer.
    pub fn ask_tool(&self, tool: &str, arguments: &Value) -> Answer {
        let params = json!({"name": tool, "arguments": arguments});
        send(self.address, &self.request("tools/call", params, false))
    }

    /// Calls a tool; what it replied.
    #[track_caller]
    pub fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask_tool(tool, &arguments);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["result"]["structuredContent"].clone()
    }

    /// Starts a job; its id.
    #[track_caller]
    pub fn start(&self, tool: &str, arguments: Value) -> String {
        let reply = self.call(tool, arguments);
        let id = reply["job_id"].as_str();
        id.unwrap_or_else(|| panic!("no job: {reply}")).to_owned()
    }

    /// Waits for a job's end; the last reply.
    #[track_caller]
    pub fn finish(&self, id: &str) -> Value {
        let mut last = Value::Null;
        crate::until("the job ends", || {
            last = self.call("get_job_status", json!({"job_id": id, "wait_s": 20}));
            assert_ne!(last["state"], "rejected", "{last}");
            !["queued", "running"].contains(&last["state"].as_str().unwrap_or_default())
        });
        last
    }

    /// A connection for many requests.
    pub fn keep(&self) -> Kept {
        let stream = open(self.address, b"");
        stream.set_nodelay(true).expect("a socket");
        Kept {
            user: self.clone(),
            reader: BufReader::new(stream),
        }
    }

    /// Sends a request and leaves the connection open.
    pub fn begin(&self, method: &str, params: Value) -> TcpStream {
        open(self.address, &self.request(method, params, false))
    }
}

/// Opens a connection and sends bytes; the answer can be read from it.
pub fn open(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    // The server may have answered and hung up before it has read everything.
    let _ = stream.write_all(bytes);
    stream
}

/// Sends bytes and reads the answer.
#[track_caller]
pub fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    read(open(address, bytes))
}

/// A connection that is kept for many requests, one after the other.
pub struct Kept {
    user: User,
    reader: BufReader<TcpStream>,
}

impl Kept {
    /// Sends a request and reads the answer.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Answer {
        let tasks = method.starts_with("tasks/");
        let request = self.user.request(method, params, tasks);
        let request = String::from_utf8(request).expect("text");
        let request = request.replacen("Connection: close\r\n", "", 1);
        let stream = self.reader.get_mut();
        stream.write_all(request.as_bytes()).expect("it listens");
        read_from(&mut self.reader)
    }
}

/// Reads the answer on a connection, up to its end or its length.
#[track_caller]
pub fn read(stream: TcpStream) -> Answer {
    read_from(&mut BufReader::new(stream))
}

#[track_caller]
fn read_from(reader: &mut BufReader<TcpStream>) -> Answer {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        let n = reader
            .read_line(&mut line)
            .unwrap_or_else(|error| panic!("{error} after {head:?}"));
        match line.trim_end() {
            "" if n > 0 => break,
            _ if n == 0 => panic!("no answer, only {head:?}"),
            line => head.push(line.to_owned()),
        }
    }
    let status = head[0].split(' ').nth(1).and_then(|code| code.parse().ok());
    let headers: BTreeMap<String, String> = head[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    match length {
        Some(_) => reader.read_exact(&mut body).expect("a whole body"),
        None => drop(reader.read_to_end(&mut body)),
    }
    Answer {
        status: status.expect("a status line"),
        headers,
        text: String::from_utf8(body).expect("text"),
    }
}
