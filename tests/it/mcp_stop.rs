//! Servers come and go; jobs stay.

use std::time::{Duration, Instant};

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::until;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::sandbox;

/// The rule; the best of a few tries must keep it, since the machine may be busy otherwise.
const SOON: Duration = Duration::from_millis(200);

#[test]
fn the_end_of_input_and_signals_end_the_server_at_once_while_jobs_go_on() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut first = Server::start(&sandbox);
    let started = first.call("gate", json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let ways: [fn(&mut Server); 3] = [
        Server::leave,
        |server| server.signal(Signal::TERM),
        |server| server.signal(Signal::INT),
    ];
    for end in ways {
        let tries = (0..3).map(|_| {
            let mut server = Server::start(&sandbox);
            let waiting = server.begin_call(
                "get_job_status",
                &json!({"job_id": started.id(), "wait_s": 50}),
            );
            server.request("ping", json!({}));
            end(&mut server);
            let (status, took) = server.ended();
            assert_eq!(status.code(), Some(0));
            // Nobody had cancelled it: it is answered with how things stand.
            let answer = server.answer(&json!(waiting));
            assert_eq!(server.reply("get_job_status", &answer)["state"], "running");
            took
        });
        let best = tries.min().unwrap();
        println!("gone after {best:?}, the best of three");
        assert!(best < SOON, "{best:?}");
    }
    assert_eq!(sandbox.state_of(&started.id()), "running");
    oracle.open();
    assert_eq!(sandbox.wait(&started.id())["state"], "completed");
}

#[test]
fn killing_the_server_s_process_group_after_the_handle_leaves_the_job_alone() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("note", json!({"text": "hello"}));
    server.signal_group(Signal::KILL);
    server.ended();
    let mut next = Server::start(&sandbox);
    let done = next.follow(&started);
    let done = next.finish(done);
    assert_eq!(
        (&done["state"], &done["result"]),
        (&json!("completed"), &json!({"text": "hello"}))
    );
    assert_eq!(
        next.call("get_state", json!({"field": "note"}))["value"],
        json!({"text": "hello"})
    );
}

#[test]
fn what_a_killed_server_left_queued_is_started_by_the_next_one() {
    let sandbox = sandbox();
    // Kill at once, several times: now and then before the launch.
    let mut ids = Vec::new();
    for n in 0..5 {
        let mut server = Server::start(&sandbox);
        let started = server.call("add", json!({"a": n, "b": 1}));
        server.signal_group(Signal::KILL);
        server.ended();
        ids.push(started.id());
    }
    let mut server = Server::start(&sandbox);
    let all = server.call("get_job_status", json!({"job_ids": ids, "wait_s": 50}));
    let results: Vec<Value> = all["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["result"].clone())
        .collect();
    assert_eq!(results, [1, 2, 3, 4, 5].map(Value::from));
}

#[test]
fn two_servers_share_jobs_and_never_exceed_the_limit() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut servers = [Server::start(&sandbox), Server::start(&sandbox)];
    let mut ids = Vec::new();
    for n in 0..6 {
        let started = servers[n % 2].call("gate", json!({"socket": oracle.path()}));
        ids.push(started.id());
    }
    oracle.wait_for(2);
    for server in &mut servers {
        assert_eq!(
            server.call("get_system_status", json!({}))["system"]["running"],
            2
        );
        assert_eq!(
            server.call("list_jobs", json!({}))["jobs"]
                .as_array()
                .unwrap()
                .len(),
            6
        );
    }
    oracle.open();
    for server in &mut servers {
        let all = server.call("get_job_status", json!({"job_ids": ids, "wait_s": 50}));
        assert!(
            all["jobs"]
                .as_array()
                .unwrap()
                .iter()
                .all(|job| job["state"] == "completed"),
            "{all:?}"
        );
    }
    assert!(oracle.most() <= 2, "{} at once", oracle.most());
}

#[test]
fn a_server_that_is_asked_nothing_does_nothing() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut first = Server::start(&sandbox);
    first.call("gate", json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let before = std::fs::metadata(sandbox.data().join("ledger.db-wal"))
        .map(|meta| meta.len())
        .unwrap_or(0);
    let mut probe = Server::spawn(sandbox.command(["serve"]));
    probe.leave();
    let (status, _) = probe.ended();
    assert_eq!(status.code(), Some(0));
    let after = std::fs::metadata(sandbox.data().join("ledger.db-wal"))
        .map(|meta| meta.len())
        .unwrap_or(0);
    assert_eq!(before, after, "a probing start wrote to the ledger");
    oracle.open();
}

#[test]
fn a_bare_call_over_a_pipe_serves() {
    let sandbox = sandbox();
    let mut server = Server::spawn(sandbox.command([] as [&str; 0]));
    server.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
    assert_eq!(server.answer(&json!(1))["result"], json!({}));
}

#[test]
fn a_server_has_few_threads_however_many_calls_there_are() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let calls: Vec<u64> = (0..200)
        .map(|_| server.begin_call("add", &json!({"a": 1, "b": 1})))
        .collect();
    for id in calls {
        server.answer(&json!(id));
    }
    // One that answers, and eight for the disk. None of these ends within ten seconds.
    let tasks = format!("/proc/{}/task", server.pid().as_raw_nonzero());
    let threads = std::fs::read_dir(tasks).unwrap().count();
    assert!((2..=9).contains(&threads), "{threads} threads");
    sandbox.settle();
}

#[test]
fn an_idle_server_uses_no_processor() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("add", json!({"a": 1, "b": 1}));
    server.finish(started);
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid().as_raw_nonzero()))
            .unwrap();
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    // The errand that follows the last look is over within about a second.
    let settled = Instant::now();
    until("the server has settled", || {
        settled.elapsed() > Duration::from_millis(1500)
    });
    let before = ticks();
    let begun = Instant::now();
    until("two seconds passed", || {
        begun.elapsed() > Duration::from_secs(2)
    });
    assert!(ticks() - before <= 1, "{} ticks in 2 s", ticks() - before);
}
