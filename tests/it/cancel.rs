//! Cancelling, at every point of a job's life.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::until;
use serde_json::json;

use crate::sandbox;

#[test]
fn a_queued_job_is_cancelled_at_once_and_never_starts() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let second = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    assert_eq!(
        sandbox.json(["jobs", "cancel", &second])["jobs"][0]["state"],
        "cancelled"
    );
    oracle.open();
    sandbox.wait(&first);
    sandbox.settle();
    assert_eq!(oracle.starts().len(), 1);
    assert_eq!(sandbox.state_of(&second), "cancelled");
}

#[test]
fn cancelling_twice_and_after_the_end_changes_nothing() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    for _ in 0..2 {
        assert_eq!(sandbox.run(["jobs", "cancel", &id]).code, Some(0));
    }
    assert_eq!(sandbox.wait(&id)["state"], "cancelled");
    let done = sandbox.submit("add", &json!({"a": 1, "b": 1}));
    sandbox.wait(&done);
    sandbox.run(["jobs", "cancel", &done]);
    assert_eq!(sandbox.state_of(&done), "completed");
}

#[test]
fn a_polite_tool_ends_itself_and_an_immortal_one_is_killed() {
    let sandbox = sandbox();
    let polite = sandbox.submit("polite", &json!({}));
    until("it listens", || {
        sandbox.show(&polite)["phase"] == "listening"
    });
    sandbox.run(["jobs", "cancel", &polite]);
    assert_eq!(sandbox.wait(&polite)["state"], "cancelled");
    assert!(sandbox.job_dir(&polite).join("goodbye").exists());

    let immortal = sandbox.submit("immortal", &json!({}));
    until("it ignores", || {
        sandbox.show(&immortal)["phase"] == "ignoring signals"
    });
    sandbox.run(["jobs", "cancel", &immortal, "--grace", "100ms"]);
    let view = sandbox.wait(&immortal);
    assert_eq!(
        (view["state"].as_str(), &view["exit"]),
        (Some("cancelled"), &json!({"signal": 9}))
    );
}
