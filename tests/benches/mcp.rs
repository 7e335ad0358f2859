//! Latencies of the MCP server over stdio, beside a ping and an fdatasync of the same run.
//!
//! `cargo bench -p bgjob-tests --bench mcp`, or with `-- 500` for that many rounds. Data goes to the
//! system's temporary directory: set `TMPDIR` to measure another disk.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use bgjob_tests::Sandbox;
use serde_json::{Value, json};

/// The plainest client there is: one line out, one line in, on one thread.
struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    id: u64,
}

impl Client {
    fn start(sandbox: &Sandbox) -> Self {
        let mut child = sandbox
            .command(["serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut client = Client {
            child,
            input,
            output,
            id: 0,
        };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        client.ask("initialize", &hello);
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn say(&mut self, message: &Value) {
        self.input
            .write_all(format!("{message}\n").as_bytes())
            .expect("the server reads");
    }

    fn ask(&mut self, method: &str, params: &Value) -> (Value, Duration) {
        self.id += 1;
        let line = format!(
            "{}\n",
            json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        );
        let mut answer = String::new();
        let begun = Instant::now();
        self.input
            .write_all(line.as_bytes())
            .expect("the server reads");
        self.output
            .read_line(&mut answer)
            .expect("the server answers");
        let took = begun.elapsed();
        (serde_json::from_str(&answer).expect("JSON"), took)
    }

    fn call(&mut self, tool: &str, arguments: Value) -> (Value, Duration) {
        let (answer, took) = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        (answer["result"]["structuredContent"].clone(), took)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() {
    let rounds = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next()
        .unwrap_or(300);
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_fixture"));
    let mut client = Client::start(&sandbox);
    let mut rows: [(&str, Vec<Duration>); 8] = [
        ("ping", vec![]),
        ("one fdatasync of 4 KiB", vec![]),
        ("call -> handle, alone", vec![]),
        ("call -> handle, back to back", vec![]),
        ("poll of an ended job", vec![]),
        ("result of an ended job", vec![]),
        ("list of 20 jobs", vec![]),
        ("call -> done seen", vec![]),
    ];
    let probe = std::fs::File::create(sandbox.path("probe")).expect("a file");
    for round in 0..rounds + 20 {
        let mut took = [Duration::ZERO; 8];
        took[0] = client.ask("ping", &json!({})).1;
        let begun = Instant::now();
        (&probe)
            .write_all(&[7; 4096])
            .and_then(|()| probe.sync_data())
            .expect("a disk");
        took[1] = begun.elapsed();
        let begun = Instant::now();
        let (started, handle) = client.call("add", json!({"a": round, "b": 1}));
        let done = client
            .call("get_job_status", started["next"]["args"].clone())
            .0;
        took[7] = begun.elapsed();
        assert_eq!(done["result"], round + 1);
        took[2] = handle;
        let id = json!({"job_id": done["job_id"], "wait_s": 0});
        took[4] = client.call("get_job_status", id).1;
        took[5] = client
            .call("get_job_results", json!({"job_id": done["job_id"]}))
            .1;
        took[6] = client.call("list_jobs", json!({})).1;
        // The first rounds fill caches.
        for (row, took) in rows.iter_mut().zip(took).filter(|_| round >= 20) {
            row.1.push(took);
        }
    }
    let mut ids = Vec::new();
    rows[3].1.clear();
    for n in 0..rounds {
        let (started, took) = client.call("add", json!({"a": n, "b": 1}));
        rows[3].1.push(took);
        ids.push(started["job_id"].clone());
    }
    for ids in ids.chunks(50) {
        client.call("get_job_status", json!({"job_ids": ids, "wait_s": 50}));
    }
    println!(
        "{:<30} {:>9} {:>9} {:>9} {:>9}",
        format!("{rounds} rounds, in us"),
        "min",
        "p50",
        "p90",
        "p99"
    );
    for (name, mut times) in rows {
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        println!(
            "{name:<30} {:>9.0} {:>9.0} {:>9.0} {:>9.0}",
            at(0),
            at(50),
            at(90),
            at(99)
        );
    }
}
