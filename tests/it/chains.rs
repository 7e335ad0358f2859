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

#[test]
fn a_chain_as_long_as_a_queue_ends_with_its_first_job() {
    const LENGTH: usize = 3000;
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let holder = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let first = sandbox.submit("add", &json!({"a": 1, "b": 1}));
    // Rows as submissions make them, each waiting for the one before; as many calls would take minutes.
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger
        .execute_batch(&format!(
            "BEGIN IMMEDIATE;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {LENGTH})
             INSERT INTO job (id, owner, tool, schema_hash, build, state, submitted_at, submit_boot, input, input_hash, cwd)
             SELECT 'add-' || printf('%020d', i), owner, tool, schema_hash, build, 'queued', submitted_at, submit_boot,
                    input, input_hash, cwd FROM n, job WHERE job.id = '{first}';
             INSERT INTO wait (job, on_job) SELECT seq, seq - 1 FROM job WHERE id LIKE 'add-0000000000%';
             COMMIT;"
        ))
        .unwrap();
    drop(ledger);
    assert_eq!(sandbox.run(["jobs", "cancel", &first]).code, Some(0));
    let failed: usize = sandbox
        .ledger()
        .query_row(
            "SELECT count(*) FROM job WHERE state = 'failed'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(failed, LENGTH);
    oracle.open();
    sandbox.wait(&holder);
}
