//! Attempts and retries that go on where the one before ended.

use bgjob_tests::Sandbox;
use bgjob_tests::oracle::Oracle;
use serde_json::{Value, json};

use crate::sandbox;

/// The numbers that a job has added, in order, over all its attempts.
fn added(sandbox: &Sandbox, id: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(sandbox.job_dir(id).join("stdout.log")).unwrap();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn log(sandbox: &Sandbox, id: &str) -> String {
    std::fs::read_to_string(sandbox.job_dir(id).join("stderr.log")).unwrap()
}

/// A job that was killed while it waited before adding 6; nothing retries it.
fn stopped_at_six(sandbox: &Sandbox, oracle: &Oracle) -> String {
    let input = json!({"upto": 9, "waits_at": 6, "socket": oracle.path()});
    let id = sandbox.submit("add_up", &input);
    oracle.wait_for(1);
    sandbox.run(["jobs", "cancel", &id, "--grace", "0s"]);
    assert_eq!(sandbox.wait(&id)["state"], "cancelled");
    assert_eq!(added(sandbox, &id), [1, 2, 3, 4, 5]);
    oracle.open();
    id
}

fn retried(sandbox: &Sandbox, args: &[&str]) -> Value {
    let view = sandbox.json(["jobs", "retry"].iter().chain(args).chain(&["--detach"]));
    sandbox.wait(view["job_id"].as_str().unwrap_or_default())
}

#[test]
fn the_attempt_after_a_kill_goes_on_from_the_last_checkpoint() {
    let sandbox = sandbox();
    let view = sandbox.finish("add_up", &json!({"upto": 10, "killed_at": 7}));
    assert_eq!((&view["result"], &view["attempt"]), (&json!(55), &json!(2)));
    let id = view["job_id"].as_str().unwrap();
    assert_eq!(added(&sandbox, id), (1..=10).collect::<Vec<_>>());
    assert!(
        !sandbox.job_dir(id).join("checkpoint.json").exists(),
        "nobody goes on from there"
    );
}

#[test]
fn a_retry_by_hand_goes_on_from_the_last_checkpoint() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = stopped_at_six(&sandbox, &oracle);
    let view = retried(&sandbox, &[&id]);
    assert_eq!(
        (&view["result"], &view["retry_of"]),
        (&json!(45), &json!(id))
    );
    let second = view["job_id"].as_str().unwrap();
    assert_eq!(added(&sandbox, second), [6, 7, 8, 9]);
}

#[test]
fn a_retry_with_other_arguments_begins_afresh_and_says_so() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = stopped_at_six(&sandbox, &oracle);
    let view = retried(&sandbox, &[&id, "--set", "upto=3"]);
    assert_eq!(view["result"], 6);
    let second = view["job_id"].as_str().unwrap();
    assert_eq!(added(&sandbox, second), [1, 2, 3]);
    let log = log(&sandbox, second);
    assert!(
        log.contains("the checkpoint is ignored") && log.contains("other arguments"),
        "{log}"
    );
}

#[test]
fn a_checkpoint_of_another_schema_is_ignored_with_a_warning_in_the_log() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = stopped_at_six(&sandbox, &oracle);
    let path = sandbox.job_dir(&id).join("checkpoint.json");
    let mut stored: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    stored["schema"] = "of an earlier version".into();
    std::fs::write(&path, stored.to_string()).unwrap();
    let view = retried(&sandbox, &[&id]);
    assert_eq!(view["result"], 45);
    let second = view["job_id"].as_str().unwrap();
    assert_eq!(added(&sandbox, second), (1..=9).collect::<Vec<_>>());
    let log = log(&sandbox, second);
    assert!(
        log.contains("another version of the tool's arguments"),
        "{log}"
    );
}
