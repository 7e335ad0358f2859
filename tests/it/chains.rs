//! Jobs that wait for jobs.

use bgjob_tests::oracle::Oracle;
use serde_json::json;

use crate::sandbox;

#[test]
fn a_reader_waits_for_the_live_writer_and_gets_its_value() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.finish("note", &json!({"text": "old"}));
    let writer = sandbox.submit("note", &json!({"text": "new", "socket": oracle.path()}));
    oracle.wait_for(1);
    let reader = sandbox.submit("read_note", &json!({}));
    let view = sandbox.show(&reader);
    assert_eq!(
        (view["state"].as_str(), &view["waiting_for"]),
        (Some("queued"), &json!([writer]))
    );
    oracle.open();
    assert_eq!(
        sandbox.wait(&reader)["result"],
        json!({"version": 2, "note": {"text": "new"}})
    );
}

#[test]
fn a_reader_fails_with_its_writer() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let writer = sandbox.submit("note", &json!({"text": "x", "socket": oracle.path()}));
    oracle.wait_for(1);
    let reader = sandbox.submit("read_note", &json!({}));
    sandbox.run(["jobs", "cancel", &writer]);
    let view = sandbox.wait(&reader);
    assert_eq!(view["error"]["code"], "dependency_failed");
    assert!(view["error"]["message"].as_str().unwrap().contains(&writer));
}

#[test]
fn a_job_starts_after_the_one_it_names() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let ran = sandbox.run([
        "run", "add", "--a", "1", "--b", "2", "--detach", "--after", &first,
    ]);
    let second = ran.stdout.trim();
    assert_eq!(sandbox.state_of(second), "queued");
    oracle.open();
    assert_eq!(sandbox.wait(second)["result"], 3);
}

#[test]
fn one_key_is_one_job() {
    let sandbox = sandbox();
    let run = |a: &str| {
        sandbox.run([
            "run", "add", "--a", a, "--b", "2", "--detach", "--key", "k1",
        ])
    };
    let first = run("1").stdout;
    assert_eq!(run("1").stdout, first);
    let other = run("9");
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.stderr.contains("idempotency key"), "{other:?}");
}
