//! Attempts that follow a failed one, and calls that are not done twice.

use std::time::{Duration, Instant};

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::until;
use serde_json::{Value, json};

use crate::sandbox;

/// The numbers and codes of the attempts before the last one.
fn history(view: &Value) -> Vec<(u64, String)> {
    let attempts = view["attempts"].as_array().cloned().unwrap_or_default();
    attempts
        .iter()
        .map(|attempt| {
            let code = attempt["error"]["code"].as_str().unwrap_or_default();
            (attempt["attempt"].as_u64().unwrap_or(0), code.to_owned())
        })
        .collect()
}

#[test]
fn a_listed_end_is_tried_again_until_it_succeeds_and_every_attempt_is_told() {
    let sandbox = sandbox();
    for (end, code) in [
        ("passing", "tool_error"),
        ("exit", "crashed"),
        ("sleep", "timed_out"),
    ] {
        let view = sandbox.finish("persevere", &json!({"end": end, "until": 3}));
        assert_eq!(view["state"], "completed", "{end}: {view}");
        assert_eq!(view["result"], json!({"attempt": 3}));
        assert_eq!(
            history(&view),
            [(1, code.to_owned()), (2, code.to_owned())],
            "{view}"
        );
        assert_eq!(view["state_patch"]["applied"], true, "patched once");
    }
    let shown = sandbox.json(["state", "show", "persevered"]);
    let versions = shown["fields"][0]["version"].clone();
    assert_eq!(versions, 3, "one version a job, not one an attempt");
}

#[test]
fn attempts_end_with_the_declared_number_and_the_last_error_is_the_jobs() {
    let sandbox = sandbox();
    let view = sandbox.finish("persevere", &json!({"end": "passing", "until": 9}));
    assert_eq!(view["state"], "failed");
    assert_eq!(
        (&view["attempt"], &view["error"]["code"]),
        (&json!(4), &json!("tool_error"))
    );
    assert_eq!(view["error"]["retryable"], true);
    assert_eq!(history(&view).len(), 3);
    let shown = sandbox.run(["jobs", "show", view["job_id"].as_str().unwrap()]);
    assert!(
        shown.stdout.contains("failed attempt"),
        "people see them too: {shown:?}"
    );
}

#[test]
fn a_lasting_error_and_a_panic_are_not_tried_again() {
    let sandbox = sandbox();
    for (end, code) in [("lasting", "tool_error"), ("boom", "panicked")] {
        let view = sandbox.finish("persevere", &json!({"end": end, "until": 3}));
        assert_eq!(view["error"]["code"], code);
        assert_eq!(
            (&view["attempt"], history(&view).len()),
            (&json!(1), 0),
            "{view}"
        );
    }
    let view = sandbox.finish("passing_trouble", &json!({}));
    assert_eq!(
        (&view["attempt"], &view["error"]["retryable"]),
        (&json!(1), &json!(true)),
        "without `retries` nothing is tried again"
    );
}

#[test]
fn a_retry_after_five_seconds_begins_on_time_with_nobody_else_alive() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("second_time", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    oracle.open();
    let began = Instant::now();
    oracle.wait_for_starts(2);
    let paused = began.elapsed();
    assert!(
        paused >= Duration::from_millis(4_900),
        "not before: {paused:?}"
    );
    // 5 s, up to a quarter at random, and the start of a process on a loaded machine.
    assert!(paused < Duration::from_secs(9), "on time: {paused:?}");
    sandbox.settle();
    assert_eq!(sandbox.show(&id)["result"], 2);
}

#[test]
fn a_job_between_attempts_says_so_keeps_its_dependents_and_can_be_cancelled() {
    let sandbox = sandbox();
    let id = sandbox.submit("second_time", &json!({}));
    let ran = sandbox.run([
        "run", "add", "--a", "1", "--b", "2", "--detach", "--after", &id,
    ]);
    let dependent = ran.stdout.trim().to_owned();
    until("the first attempt failed", || {
        sandbox.show(&id)["waiting_because"].is_string()
    });
    let view = sandbox.show(&id);
    assert_eq!(view["state"], "queued");
    let why = view["waiting_because"].as_str().unwrap();
    assert!(
        why.contains("attempt 1 failed (tool_error); attempt 2 of 2"),
        "{why}"
    );
    let line = sandbox
        .run(["jobs", "list", "--tool", "second_time"])
        .stdout;
    assert!(
        line.contains("attempt 1 failed (tool_error); attempt"),
        "{line}"
    );
    assert_eq!(sandbox.show(&dependent)["waiting_for"], json!([id]));
    assert_eq!(
        sandbox.json(["jobs", "cancel", &id])["jobs"][0]["state"],
        "cancelled"
    );
    assert_eq!(
        sandbox.wait(&dependent)["error"]["code"],
        "dependency_failed"
    );
    sandbox.settle();
    let view = sandbox.show(&id);
    assert_eq!(
        (&view["state"], history(&view).len()),
        (&json!("cancelled"), 1)
    );
    assert!(
        !sandbox.job_dir(&id).join("env").exists(),
        "its secrets are gone"
    );
}

#[test]
fn a_lost_attempt_is_found_by_others_and_tried_again_with_files_of_its_own() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("second_time", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    for found in sandbox.processes() {
        if found.kind == Kind::Supervisor {
            found.kill();
        }
    }
    until("somebody noticed", || {
        sandbox.run(["jobs", "wait", &id, "--timeout", "1s"]);
        sandbox.show(&id)["waiting_because"].is_string()
    });
    assert_eq!(
        history(&sandbox.show(&id)),
        [(1, "supervisor_lost".to_owned())]
    );
    // Nobody waits any more: whoever noticed has left a sleeper.
    oracle.wait_for_starts(2);
    oracle.open();
    assert_eq!(sandbox.wait(&id)["result"], 2);
    let left: Vec<String> = std::fs::read_dir(sandbox.job_dir(&id))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".half") || name.matches('.').count() > 1)
        .collect();
    assert!(left.is_empty(), "nothing of an attempt is left: {left:?}");
}

#[test]
fn equal_calls_of_eight_processes_at_once_are_one_job() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let socket = oracle.path();
    let submitted: Vec<Value> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| sandbox.json(["run", "one_gate", "--detach", "--socket", &socket]))
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let id = submitted[0]["job_id"].as_str().unwrap();
    assert!(
        submitted.iter().all(|view| view["job_id"] == id),
        "{submitted:?}"
    );
    let replayed = submitted
        .iter()
        .filter(|view| view["replayed"] == true)
        .count();
    assert_eq!(replayed, 7, "{submitted:?}");
    oracle.wait_for(1);
    oracle.open();
    sandbox.wait(id);
    assert_eq!(oracle.starts().len(), 1);
    let again = sandbox.json(["run", "one_gate", "--detach", "--socket", &socket]);
    assert_ne!(again["job_id"], id, "only while it is in flight");
    sandbox.wait(again["job_id"].as_str().unwrap());
}

#[test]
fn equal_keys_of_eight_processes_at_once_are_one_job() {
    let sandbox = sandbox();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    sandbox.run([
                        "run", "add", "--a", "1", "--b", "2", "--detach", "--key", "one",
                    ])
                })
            })
            .collect();
        calls
            .into_iter()
            .map(|call| call.join().unwrap().stdout.trim().to_owned())
            .collect()
    });
    assert!(
        ids.iter().all(|id| *id == ids[0] && !id.is_empty()),
        "{ids:?}"
    );
    sandbox.wait(&ids[0]);
    let jobs: i64 = sandbox
        .ledger()
        .query_row("SELECT count(*) FROM job", [], |row| row.get(0))
        .unwrap();
    assert_eq!(jobs, 1);
}

#[test]
fn within_its_window_a_success_is_given_again_and_a_failure_is_not() {
    let sandbox = sandbox();
    let file = sandbox.path("file");
    let input = json!({"path": file});
    let failed = sandbox.finish("read_file", &input);
    assert_eq!(failed["state"], "failed");
    std::fs::write(&file, "content").unwrap();
    let done = sandbox.finish("read_file", &input);
    assert_eq!(
        done["result"], "content",
        "a failure does not stand for a new call"
    );
    assert_eq!(sandbox.submit("read_file", &input), done["job_id"]);
    let by_hand = sandbox.json([
        "jobs",
        "retry",
        done["job_id"].as_str().unwrap(),
        "--detach",
    ]);
    assert_ne!(
        by_hand["job_id"], done["job_id"],
        "a retry by hand is a new job: {by_hand}"
    );
}
