//! The guard of the hot paths: how many instructions each takes, as a multiple of what the bare protocol
//! library takes for an echo or for its own start, counted by callgrind in the same run. Instructions
//! repeat where seconds do not, and the quotient forgives another compiler.
//!
//! Runs where `BGJOB_COUNTS` is set, as the gate does; it needs valgrind.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use bgjob_tests::Sandbox;
use serde_json::{Value, json};

/// A path, what it may cost, and in multiples of what.
struct Limit {
    path: &'static str,
    most: f64,
    of: &'static str,
}

/// A tenth above what was measured when the path was last looked at: lower it with the path.
const LIMITS: [Limit; 6] = [
    Limit {
        path: "a look at an ended job",
        most: 2.5,
        of: "an echo of rmcp",
    },
    Limit {
        path: "an accepted call",
        most: 7.2,
        of: "an echo of rmcp",
    },
    Limit {
        path: "a server's start",
        most: 7.3,
        of: "a start of rmcp",
    },
    Limit {
        path: "the first list of tools",
        most: 120.0,
        of: "a start of rmcp",
    },
    Limit {
        path: "a worker's whole life",
        most: 4.1,
        of: "a plain re-exec",
    },
    Limit {
        path: "a line of a list",
        most: 0.17,
        of: "an echo of rmcp",
    },
];

fn request(id: usize, method: &str, mut params: Value, tasks: bool) -> String {
    let extensions = if tasks {
        json!({"io.modelcontextprotocol/tasks": {}})
    } else {
        json!({})
    };
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "counts", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"extensions": extensions},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string() + "\n"
}

/// A session of `n` calls of a tool, as a client would write it.
fn session(n: usize, tool: &str, arguments: &Value, tasks: bool) -> String {
    let mut lines = request(0, "server/discover", json!({}), tasks);
    for id in 1..=n {
        let params = json!({"name": tool, "arguments": arguments});
        lines.push_str(&request(id, "tools/call", params, tasks));
    }
    lines
}

/// Instructions of a command that answers each line of `input`, by callgrind.
fn count(mut command: Command, input: &str) -> f64 {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("valgrind starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // One at a time, and the pipe stays open: a server whose client has left does not finish what it was asked.
    for line in input.lines() {
        writeln!(stdin, "{line}").expect("it reads");
        let answer = answers.next().and_then(Result::ok).unwrap_or_default();
        assert!(answer.contains("\"result\""), "{line}: {answer}");
    }
    drop(stdin);
    // Whoever writes more than a pipe holds must not wait for a reader.
    answers.for_each(drop);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .unwrap_or_else(|| panic!("callgrind counted nothing: {said}"))
}

fn callgrind(dir: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .current_dir(dir);
    command
}

/// What one call costs: two sessions of different length, and the difference for each call.
fn each(start: impl Fn() -> Command, tool: &str, arguments: &Value, tasks: bool) -> (f64, f64) {
    const FEW: usize = 4;
    const MANY: usize = 100;
    let few = count(start(), &session(FEW, tool, arguments, tasks));
    let many = count(start(), &session(MANY, tool, arguments, tasks));
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    let each = (many - few) / (MANY - FEW) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    let start = few - each * FEW as f64;
    (each, start)
}

/// The worker of a trivial job, started as a supervisor would.
fn worker(sandbox: &Sandbox) -> f64 {
    let id = "add-00000000000000000001";
    let dir = sandbox.path("work").join(id);
    std::fs::create_dir_all(&dir).expect("a directory");
    std::fs::write(dir.join("input.json"), r#"{"a":1,"b":2}"#).expect("an input");
    // Where a worker notes that its body begins; the supervisor makes it.
    std::fs::write(dir.join("tree.lock"), "-").expect("a lock");
    // The role is told by the name of the program, which callgrind takes from the path.
    let bin = sandbox.path("bin");
    std::fs::create_dir_all(&bin).expect("a directory");
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fixture"), bin.join("bgjob"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = callgrind(&dir);
    command
        .args(["bgjob", "__work", "add"])
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("BGJOB", format!("{id}:n1"))
        .env("BGJOB_JOB_DIR", &dir)
        .env("BGJOB_ATTEMPT", "1")
        .env("BGJOB_SCHEMA", "h")
        .env("BGJOB_MAX_RESULT", "1000000");
    let counted = count(command, "");
    let result = std::fs::read_to_string(dir.join("results.n1.json"));
    assert_eq!(result.expect("the worker left a result"), "3");
    counted
}

/// What `jobs list -a` takes for each of its jobs, ended ones: two lists of different length, and the
/// difference for each line.
fn line(sandbox: &Sandbox, ledger: &rusqlite::Connection) -> f64 {
    const MORE: u32 = 400;
    let list = || {
        let mut command = callgrind(&sandbox.path("scratch"));
        command
            .arg(env!("CARGO_BIN_EXE_fixture"))
            .arg("--data-dir")
            .arg(sandbox.data())
            .args(["jobs", "list", "-a"]);
        count(command, "")
    };
    copy_ended(ledger, 100);
    let few = list();
    copy_ended(ledger, MORE);
    (list() - few) / f64::from(MORE)
}

/// Copies the row of an ended job `n` times.
fn copy_ended(ledger: &rusqlite::Connection, n: u32) {
    let mut names = ledger
        .prepare("SELECT name FROM pragma_table_info('job') WHERE name <> 'seq'")
        .expect("the columns");
    let names = names.query_map([], |row| row.get(0)).expect("the columns");
    let names: Vec<String> = names.collect::<Result<_, _>>().expect("the columns");
    let values = names.iter().map(|name| match name.as_str() {
        "id" => "'add-' || substr(lower(hex(randomblob(10))), 1, 20)",
        "completion_seq" => "(SELECT max(completion_seq) FROM job) + n.n",
        other => other,
    });
    let values: Vec<&str> = values.collect();
    let sql = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {n})
         INSERT INTO job ({}) SELECT {} FROM n, (SELECT * FROM job WHERE state = 'completed' LIMIT 1)",
        names.join(", "),
        values.join(", ")
    );
    ledger.execute(&sql, []).expect("the rows");
}

fn measure(sandbox: &Sandbox) -> [f64; LIMITS.len()] {
    let ended = sandbox.finish("add", &json!({"a": 1, "b": 2}));
    sandbox.settle();
    // No slot, so no process is started while instructions are counted.
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).expect("a ledger");
    ledger
        .execute("UPDATE setting SET value = '0' WHERE name = 'max_jobs'", [])
        .expect("a setting");
    let dir = sandbox.path("scratch");
    std::fs::create_dir_all(&dir).expect("a directory");
    let ours = || {
        let mut command = callgrind(&dir);
        command
            .arg(env!("CARGO_BIN_EXE_fixture"))
            .arg("--data-dir")
            .arg(sandbox.data())
            .arg("serve");
        command
    };
    let peer = || {
        let mut command = callgrind(&dir);
        command.arg(env!("CARGO_BIN_EXE_peer"));
        command
    };
    let bare = || {
        let mut command = peer();
        command.arg("--work").arg(&dir);
        command
    };
    // The first start of a build records what it can run, which each later one finds.
    count(ours(), &session(0, "", &json!({}), false));
    let (echo, peer_start) = each(peer, "echo", &json!({}), true);
    // Before the calls: their jobs stay queued, and a list walks over the queue for each page.
    let line = line(sandbox, &ledger);
    let look = json!({"job_id": ended["job_id"], "wait_s": 0});
    let (look, start) = each(ours, "get_job_status", &look, false);
    let (call, _) = each(ours, "add", &json!({"a": 1, "b": 2}), false);
    let listing = session(0, "", &json!({}), false) + &request(1, "tools/list", json!({}), false);
    let list = count(ours(), &listing) - start;
    [
        look / echo,
        call / echo,
        start / peer_start,
        list / peer_start,
        worker(sandbox) / count(bare(), ""),
        line / echo,
    ]
}

fn main() -> ExitCode {
    if std::env::var_os("BGJOB_COUNTS").is_none() {
        println!("not run: set BGJOB_COUNTS, and have valgrind");
        return ExitCode::SUCCESS;
    }
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_fixture"));
    let mut said = String::new();
    let mut over = false;
    for (limit, ratio) in LIMITS.iter().zip(measure(&sandbox)) {
        let verdict = if ratio <= limit.most { "" } else { "TOO MUCH" };
        over |= ratio > limit.most;
        let _ = writeln!(
            said,
            "{:<24} {ratio:>8.2} x {:<18} at most {:>7.2}  {verdict}",
            limit.path, limit.of, limit.most
        );
    }
    print!("{said}");
    if over {
        println!(
            "a hot path takes more instructions than it did: find out why, or say why it must"
        );
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
