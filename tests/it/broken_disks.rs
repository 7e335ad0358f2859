//! Disks that fail once at any call, or are slow, as strace(1) plays them to the whole engine, SQLite
//! included. Long, so by hand:
//!
//! `cargo test -p bgjob-tests --test it -- --include-ignored broken_disks::`

use std::fs;
use std::process::{Command, Stdio};

use bgjob_tests::{Sandbox, invariants};
use serde_json::{Value, json};

use crate::audit::can_trace;
use crate::sandbox;

/// Runs a command, and all that it starts, with `what` done to its system calls; its exit code, its
/// output and the calls that were tampered with.
fn tampered(sandbox: &Sandbox, what: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let plain = sandbox.command(args);
    let log = sandbox.path("strace.log");
    let calls = what.split(':').next().unwrap_or_default();
    let mut command = Command::new("strace");
    let output = command
        .args(["-f", "-qq", "--seccomp-bpf", "-o"])
        .arg(&log)
        .args(["-e", &format!("trace={calls}"), "-e"])
        .arg(format!("inject={what}"))
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(plain.get_current_dir().expect("it has one"))
        .stdin(Stdio::null())
        .output()
        .expect("strace starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = fs::read_to_string(&log).unwrap_or_default();
    (output.status.code(), told, log)
}

/// Every job has ended as its files say, and the directory is sound.
fn settle(sandbox: &Sandbox, what: &str) {
    sandbox.settle();
    let ran = sandbox.run(["doctor"]);
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
    sandbox.settle();
    // Once more for what the first look has started.
    assert_eq!(sandbox.run(["doctor"]).code, Some(0), "{what}");
    sandbox.settle();
    let found = invariants::problems(sandbox, &[], None);
    assert!(found.is_empty(), "{what}: {found:?}");
}

#[test]
#[ignore = "needs strace, and takes some minutes"]
fn an_error_at_any_call_loses_no_promise() {
    if !can_trace() {
        return;
    }
    let mut tampered_with = 0;
    for error in ["EIO", "ENOSPC"] {
        for call in [
            "fsync",
            "fdatasync",
            "pwrite64",
            "write",
            "rename",
            "openat",
            "mkdir",
            "fallocate",
            "ftruncate",
        ] {
            // Counted in each process.
            for n in [1, 2, 3, 4, 5, 7, 9, 12, 16, 24, 40] {
                if call == "openat" && n < 24 {
                    continue; // the dynamic linker's
                }
                let sandbox = sandbox();
                sandbox.finish("part", &json!({"with": true}));
                sandbox.settle();
                let what = format!("{call}:error={error}:when={n}");
                let line = ["run", "part", "--with", "true", "--detach"];
                let (code, told, log) = tampered(&sandbox, &what, &line);
                if !log.contains("INJECTED") {
                    break;
                }
                tampered_with += 1;
                assert_ne!(code, Some(101), "{what}: nobody panics");
                if let Some(id) = told.lines().next().filter(|_| code == Some(0)) {
                    assert_ne!(sandbox.recorded(id), "", "{what}: {id} was promised");
                    let view = sandbox.wait(id);
                    // The worker's own sync of its result failed: that is no success.
                    let failed = log
                        .lines()
                        .any(|line| line.contains(".half") && line.contains("INJECTED"));
                    assert!(
                        !(failed && call == "fsync" && view["state"] == "completed"),
                        "{what}: {view}"
                    );
                }
                settle(&sandbox, &what);
            }
        }
    }
    assert!(tampered_with > 50, "{tampered_with} calls failed");
}

#[test]
#[ignore = "needs strace, and takes a minute"]
fn a_disk_that_takes_two_seconds_to_sync_is_slow_and_nothing_else() {
    if !can_trace() {
        return;
    }
    let sandbox = sandbox();
    let what = "fsync,fdatasync:delay_exit=2000000";
    for line in [
        ["run", "note", "--text", "slow", "--json"],
        ["run", "add_up", "--upto", "2", "--json"],
    ] {
        let (code, told, log) = tampered(&sandbox, what, &line);
        assert_eq!(code, Some(0), "{told}");
        assert!(log.contains("fsync("), "{log}");
        let view: Value = serde_json::from_str(&told).expect("a view");
        assert_eq!(
            (&view["state"], &view["attempt"]),
            (&json!("completed"), &json!(1)),
            "{view}"
        );
    }
    settle(&sandbox, what);
}
