//! Jobs survive whoever started them.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::{Sandbox, until};
use rustix::process::{Pid, Signal, geteuid, getpgid, getsid, kill_process_group};
use serde_json::json;

use crate::sandbox;

#[test]
fn killing_the_submitters_process_group_after_the_id_leaves_the_job_alone() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut command = sandbox.command([
        "run",
        "note",
        "--detach",
        "--text",
        "hello",
        "--socket",
        &oracle.path(),
    ]);
    let mut submitter = command
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut id = String::new();
    let mut told = BufReader::new(submitter.stdout.take().unwrap());
    told.read_line(&mut id).unwrap();
    let _ = kill_process_group(Pid::from_child(&submitter), Signal::KILL);
    submitter.wait().unwrap();
    oracle.wait_for(1);
    // While the job runs: nothing of it keeps the submitter's reader waiting.
    let (end, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || end.send(std::io::copy(&mut told, &mut std::io::sink()).is_ok()));
    let ended = ended.recv_timeout(bgjob_tests::PATIENCE);
    assert_eq!(ended, Ok(true), "the submitter's output is still open");
    oracle.open();
    let id = id.trim();
    let view = sandbox.wait(id);
    assert_eq!(
        view["state_patch"],
        json!({"field": "note", "version": 1, "applied": true})
    );
    assert_eq!(
        sandbox.run(["jobs", "result", id]).stdout.trim(),
        r#"{"text":"hello"}"#
    );
    assert_eq!(
        sandbox.json(["state", "show", "note"])["value"],
        json!({"text": "hello"})
    );
}

#[test]
fn a_killed_supervisor_is_noticed_and_its_slot_given_on() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let second = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    for found in sandbox
        .processes()
        .into_iter()
        .filter(|found| found.kind == Kind::Supervisor)
    {
        found.kill();
    }
    assert_eq!(sandbox.wait(&first)["error"]["code"], "supervisor_lost");
    oracle.wait_for_starts(2);
    oracle.open();
    assert_eq!(sandbox.wait(&second)["state"], "completed");
}

#[test]
fn a_worker_does_not_outlive_its_supervisor() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    for found in sandbox
        .processes()
        .into_iter()
        .filter(|found| found.kind == Kind::Supervisor)
    {
        found.kill();
    }
    // The parent-death signal, with nobody looking after anything.
    until("the worker is dead", || oracle.waiting().is_empty());
}

#[test]
fn a_worker_has_a_group_of_its_own_in_a_session_that_gives_way() {
    for warm in ["false", "true"] {
        let sandbox = sandbox();
        sandbox.set("warm_workers", warm);
        stands_apart(&sandbox);
    }
}

fn stands_apart(sandbox: &Sandbox) {
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let pid_of = |kind: Kind| {
        let all = sandbox.processes();
        let found = all.iter().find(|found| found.kind == kind);
        Pid::from_raw(found.expect("a process").pid)
    };
    let (supervisor, worker) = (pid_of(Kind::Supervisor), pid_of(Kind::Worker));
    assert_eq!(getpgid(worker).ok(), worker, "killing it kills nobody else");
    // Led by the supervisor, hence not the session of whoever submitted.
    assert_eq!(getsid(worker).ok(), supervisor);
    let pid = worker.expect("a worker").as_raw_nonzero();
    let told = std::fs::read_to_string(format!("/proc/{pid}/autogroup")).unwrap_or_default();
    // Not where the kernel has none; and others may be told to come later.
    if !told.is_empty() && geteuid().is_root() {
        assert!(told.trim_end().ends_with("nice 5"), "{told}");
    }
    oracle.open();
    sandbox.wait(&id);
}

#[test]
fn a_stopped_supervisor_does_not_keep_a_job_beyond_its_time() {
    let sandbox = sandbox();
    let id = sandbox.submit("stubborn", &json!({}));
    until("a worker runs", || {
        sandbox
            .processes()
            .iter()
            .any(|found| found.kind == Kind::Worker)
    });
    let supervisor = sandbox
        .processes()
        .into_iter()
        .find(|found| found.kind == Kind::Supervisor)
        .unwrap();
    supervisor.signal(Signal::STOP);
    // Timeout 1 s, grace 10 s, margin 5 s: the worker's own timer.
    until("the worker's own timer has killed it", || {
        sandbox
            .processes()
            .iter()
            .all(|found| found.kind != Kind::Worker)
    });
    supervisor.signal(Signal::CONT);
    assert_eq!(sandbox.wait(&id)["error"]["code"], "timed_out");
}

#[test]
fn results_of_ended_jobs_outlive_everybody() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 20, "b": 22}));
    sandbox.wait(&id);
    sandbox.settle();
    assert_eq!(sandbox.run(["jobs", "result", &id]).stdout.trim(), "42");
}

#[test]
fn a_job_that_nobody_started_is_started_by_the_next_look() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.set("max_jobs", "1");
    let holder = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let left = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    // The supervisor that would have gone on with it dies, and the one that ends the job too.
    for found in sandbox.processes() {
        found.kill();
    }
    until("nobody is left", || sandbox.processes().is_empty());
    assert_eq!(sandbox.wait(&holder)["error"]["code"], "supervisor_lost");
    until("a look has started it", || {
        sandbox.json(["jobs", "list"])["jobs"][0]["state"] == "completed"
    });
    assert_eq!(sandbox.show(&left)["result"], 3);
}

#[test]
fn the_queue_of_a_ledger_that_was_removed_is_not_worked_on() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    for _ in 0..3 {
        sandbox.submit("gate", &json!({"socket": oracle.path()}));
    }
    oracle.wait_for(1);
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        std::fs::remove_file(sandbox.data().join(file)).unwrap();
    }
    oracle.open();
    until("the supervisor leaves", || sandbox.processes().is_empty());
    assert_eq!(oracle.starts().len(), 1, "nobody would find the others");
}
