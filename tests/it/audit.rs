//! What the engine asks of the kernel, as strace(1) sees it: whom it signals, what it writes, and what is
//! on the disk before it is promised. Two take long, so by hand:
//!
//! `cargo test -p bgjob-tests --test it -- --include-ignored audit::`
//!
//! Where strace is missing or may not trace, each says so and passes.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bgjob_tests::processes::Kind;
use bgjob_tests::{Sandbox, until};
use serde_json::json;

use crate::sandbox;

/// Signals, and what tells that a process is ours: strace is silent about one that makes no traced call.
const SIGNALS: &str =
    "kill,tkill,tgkill,pidfd_send_signal,clone,clone3,fork,vfork,execve,exit,exit_group";
/// The calls of these that signal.
const SIGNALLING: [&str; 4] = ["kill", "tkill", "tgkill", "pidfd_send_signal"];
const FILES: &str = "open,openat,openat2,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,\
    rmdir,link,linkat,symlink,symlinkat,mknod,mknodat,truncate,chmod,fchmodat,chown,fchownat,utimensat,setxattr";

/// Whether strace is here and may trace; says so where not.
pub(crate) fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        eprintln!("not tested: strace is missing or may not trace here");
    }
    can
}

/// A command of the program under strace, with all that it starts.
fn traced(sandbox: &Sandbox, calls: &str, log: &Path, args: &[&str]) -> Child {
    let plain = sandbox.command(args);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "--decode-fds=path,pidfd", "-e"])
        .arg(format!("trace={calls}"))
        .arg("-o")
        .arg(log)
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(plain.get_current_dir().expect("it has one"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().expect("strace starts")
}

/// The first line that it prints: an id.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let out = child.stdout.take().expect("stdout is a pipe");
    let _ = BufReader::new(out).read_line(&mut line);
    line.trim().to_owned()
}

/// The calls in a log: who made it, its name, and the rest of the line.
fn calls(log: &Path) -> Vec<(i32, String, String)> {
    let text = fs::read_to_string(log).expect("a log");
    let call = |line: &str| {
        let (pid, call) = line.split_once(' ')?;
        let (name, rest) = call.trim().split_once('(')?;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain.then_some((pid.parse().ok()?, name.to_owned(), rest.to_owned()))
    };
    text.lines().filter_map(call).collect()
}

/// Every process that a log has a line about, or that was forked in it.
fn members(log: &Path) -> BTreeSet<i32> {
    let text = fs::read_to_string(log).expect("a log");
    let forked = |line: &str| {
        let forks = ["clone", "fork"].iter().any(|call| line.contains(call));
        line.rsplit_once(" = ").filter(|_| forks)?.1.parse().ok()
    };
    text.lines()
        .flat_map(|line| {
            let pid = line.split(' ').next().and_then(|pid| pid.parse().ok());
            [pid, forked(line)]
        })
        .flatten()
        .collect()
}

/// Who is signalled: a process, or the group that it leads; unknown once a descriptor's process is dead.
fn target(name: &str, rest: &str) -> Option<i32> {
    if name == "pidfd_send_signal" {
        let (_, pid) = rest.split_once("<pid:")?;
        return pid.split('>').next()?.parse().ok();
    }
    let first = rest.split([',', ')']).next()?;
    first.trim().parse::<i32>().ok().map(i32::abs)
}

#[test]
#[ignore = "needs strace, and takes a minute"]
fn no_foreign_process_is_ever_signalled() {
    if !can_trace() {
        return;
    }
    let sandbox = sandbox();
    // Strangers of the same user, one with a mark such as our jobs have.
    let mut canaries: Vec<Child> = ["BGJOB=add-00000000000000000000:0123", "SOME=thing"]
        .iter()
        .map(|entry| {
            let (name, value) = entry.split_once('=').expect("a variable");
            let mut canary = Command::new("sleep");
            canary
                .arg("1000")
                .env(name, value)
                .spawn()
                .expect("a canary")
        })
        .collect();
    let mut logs: Vec<PathBuf> = Vec::new();
    for escape in ["plain", "setsid", "daemon", "respawn", "unmarked"] {
        for end in ["cancel", "timeout", "lost"] {
            let log = sandbox.path(&format!("{escape}.{end}"));
            let line: &[&str] = match end {
                "timeout" => &["litter", "--stay", "true"],
                _ => &["litter_for_ever"],
            };
            let args = [
                &["run"],
                line,
                &["--escape", escape, "--count", "3", "--detach"],
            ]
            .concat();
            let mut tracer = traced(&sandbox, SIGNALS, &log, &args);
            let id = first_line(&mut tracer);
            // A look would start what is queued, unseen.
            until("the traced supervisor has the job", || {
                sandbox.recorded(&id) != "queued"
            });
            until("the job has littered", || {
                end == "timeout" || sandbox.show(&id)["phase"] == "littered"
            });
            if end == "cancel" {
                sandbox.run(["jobs", "cancel", &id, "--grace", "0s"]);
            }
            if end == "lost" {
                let found = sandbox.processes().into_iter();
                for found in found.filter(|found| found.kind == Kind::Supervisor) {
                    found.kill();
                }
                let sweep = sandbox.path(&format!("{escape}.sweep"));
                let mut doctor = traced(&sandbox, SIGNALS, &sweep, &["doctor"]);
                doctor.wait().expect("the doctor ends");
                logs.push(sweep);
            }
            sandbox.wait(&id);
            sandbox.settle();
            tracer.wait().expect("the tracer ends");
            logs.push(log);
        }
    }
    let ours: BTreeSet<i32> = logs.iter().flat_map(|log| members(log)).collect();
    let mut signals = 0;
    for log in &logs {
        for (pid, name, rest) in calls(log) {
            if !SIGNALLING.contains(&name.as_str()) {
                continue;
            }
            // A thread that aborts signals itself; who else is a process of ours.
            let whom = target(&name, &rest);
            let nobody = name == "pidfd_send_signal" && whom.is_none() && rest.contains("ESRCH");
            assert!(
                nobody || whom.is_some_and(|whom| whom > 1 && ours.contains(&whom)),
                "{pid} called {name}({rest} in {}",
                log.display()
            );
            assert!(rest.contains(", SIG"), "liveness is no signal: {rest}");
            signals += 1;
        }
    }
    assert!(signals > 30, "{signals} signals were seen");
    for canary in &mut canaries {
        assert_eq!(canary.try_wait().expect("it is ours"), None);
        canary.kill().expect("it is ours");
        canary.wait().expect("it ends");
    }
}

/// Whether a call may change a file, and which: the last path in it for what makes a new name.
fn changed(name: &str, rest: &str) -> Option<String> {
    let opens = name.starts_with("open");
    let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"]
        .iter()
        .any(|flag| rest.contains(flag));
    if opens && !writes {
        return None;
    }
    let quoted: Vec<&str> = rest.split('"').collect();
    let path = match name {
        "rename" | "renameat" | "renameat2" | "link" | "linkat" => quoted.get(3),
        "symlink" | "symlinkat" => quoted.get(3),
        _ => quoted.get(1),
    };
    let path = path.copied().unwrap_or_default();
    let folder = rest
        .split_once('<')
        .and_then(|(_, dir)| dir.split('>').next());
    Some(match folder {
        Some(dir) if !path.starts_with('/') => format!("{dir}/{path}"),
        _ => path.to_owned(),
    })
}

#[test]
#[ignore = "needs strace, and takes some seconds"]
fn nothing_outside_the_data_directory_is_written() {
    if !can_trace() {
        return;
    }
    let sandbox = sandbox();
    let data = sandbox.data().display().to_string();
    let mut seen = 0;
    let lines: [&[&str]; 12] = [
        &["run", "add", "--a", "1", "--b", "2"],
        &["run", "note", "--text", "x"],
        &["run", "read_note"],
        &["run", "big", "--kib", "200"],
        &["run", "surroundings"],
        &["run", "panic", "--text", "x"],
        &["run", "add_up", "--upto", "9", "--killed-at", "5"],
        &["state", "set", "note", "{\"text\": \"y\"}"],
        &["state", "reset", "note"],
        &["jobs", "list"],
        &["jobs", "prune", "--older-than", "0s"],
        &["doctor"],
    ];
    for (number, line) in lines.iter().enumerate() {
        let log = sandbox.path(&format!("{number}.log"));
        let mut tracer = traced(&sandbox, FILES, &log, line);
        let mut out = BufReader::new(tracer.stdout.take().expect("stdout is a pipe"));
        std::io::copy(&mut out, &mut std::io::sink()).expect("it prints");
        tracer.wait().expect("the tracer ends");
        for (pid, name, rest) in calls(&log) {
            let Some(path) = changed(&name, &rest) else {
                continue;
            };
            seen += 1;
            // The folders above it are made where they are missing.
            let known = path == "/dev/null"
                || ["/proc/self/oom_score_adj", "/proc/self/autogroup"].contains(&path.as_str())
                || name == "mkdir" && Path::new(&data).starts_with(&path);
            assert!(
                known || Path::new(&path).starts_with(&data),
                "{line:?}: {pid} called {name}({rest}"
            );
        }
    }
    assert!(seen > 100, "{seen} changes were seen");
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    // Its supervisor stays a moment and would take the next job, unseen.
    sandbox.settle();
}

/// Where in a log the first call is whose name is one of `names` and whose line has all `parts`.
fn first(calls: &[(i32, String, String)], from: usize, names: &[&str], parts: &[&str]) -> usize {
    let found = calls.iter().skip(from).position(|(_, name, rest)| {
        names.contains(&name.as_str()) && parts.iter().all(|part| rest.contains(part))
    });
    let missing = || panic!("no {names:?} with {parts:?} after call {from}");
    from + found.unwrap_or_else(missing)
}

/// A file system may forget what was not synced; so this order is what a power cut leaves of a promise.
#[test]
fn what_is_promised_is_synced_before() {
    if !can_trace() {
        return;
    }
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    // Its supervisor stays a moment and would take the next job, unseen.
    sandbox.settle();
    let log = sandbox.path("log");
    let wanted = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2";
    let mut tracer = traced(
        &sandbox,
        wanted,
        &log,
        &["run", "part", "--with", "true", "--detach"],
    );
    let id = first_line(&mut tracer);
    // Nobody else looks before all that is traced has ended: a look starts what is queued, unseen.
    tracer.wait().expect("the tracer ends");
    sandbox.wait(&id);
    let calls = calls(&log);
    let sync = ["fsync", "fdatasync"];
    let rename = ["rename", "renameat", "renameat2"];
    // A job is told of when its row is on the disk.
    let told = first(&calls, 0, &["write"], &[&format!("\"{id}")]);
    let submitter = calls[told].0;
    let synced = calls[..told]
        .iter()
        .rposition(|(pid, name, rest)| {
            *pid == submitter && sync.contains(&name.as_str()) && rest.contains("ledger.db-wal")
        })
        .expect("the ledger is synced before the id is told");
    let last_row = calls[..told]
        .iter()
        .rposition(|(pid, name, rest)| {
            *pid == submitter && name == "pwrite64" && rest.contains("ledger.db-wal")
        })
        .expect("a row is written");
    assert!(
        last_row < synced,
        "nothing of the row is written after that"
    );
    // The patch, then the result, each whole on the disk before it gets its name, and then the name.
    // (A command tells the id when the supervisor has detached: all this may be done by then.)
    let accepted = first(&calls, 0, &sync, &["ledger.db-wal"]);
    let patch = first(&calls, accepted, &rename, &["patch."]);
    first(&calls[..patch], accepted, &sync, &[".tmp"]);
    let result = first(&calls, patch, &rename, &[".half", "results."]);
    let half = first(&calls, patch, &sync, &[".half"]);
    assert!(half < result, "the result is synced before it is renamed");
    let named = first(&calls, result, &sync, &[&format!("jobs/{id}>")]);
    // Then the evidence of the end, then the ledger.
    let evidence = first(&calls, named, &sync, &["exit.rec"]);
    first(&calls, evidence, &sync, &["ledger.db-wal"]);
}
