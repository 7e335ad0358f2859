//! What past runs tell of a running job, and how a stuck one shows.

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{PATIENCE, Sandbox};
use serde_json::{Value, json};

use crate::sandbox;

/// Writes the ledger as time would.
fn alter(sandbox: &Sandbox, sql: &str) {
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger.busy_timeout(PATIENCE).unwrap();
    ledger.execute_batch(sql).unwrap();
}

/// As if twenty jobs of `tool` had taken `ms` each.
fn pretend_past(sandbox: &Sandbox, tool: &str, ms: u64) {
    alter(
        sandbox,
        &format!(
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20)
             INSERT INTO run_time (owner, tool, n, ms) SELECT 'local', '{tool}', n, {ms} FROM n"
        ),
    );
}

#[test]
fn past_runs_outlive_their_jobs() {
    let sandbox = sandbox();
    let takes = || sandbox.json(["tools", "add"])["tools"][0]["takes"].clone();
    assert_eq!(takes(), json!({"runs": 0}));
    assert!(!sandbox.data().exists(), "looking makes no data directory");
    for _ in 0..3 {
        sandbox.finish("add", &json!({"a": 1, "b": 2}));
    }
    sandbox.finish("fail", &json!({"text": "no"}));
    let pruned = sandbox.run(["jobs", "prune", "--older-than", "0s"]);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    assert_eq!(sandbox.json(["jobs", "list"])["jobs"], json!([]));
    let takes = takes();
    assert_eq!(takes["runs"], 3);
    assert!(
        takes["median_s"].as_f64() <= takes["p95_s"].as_f64(),
        "{takes}"
    );
    let shown = sandbox.run(["tools", "add"]).stdout;
    assert!(shown.contains("(3 runs)"), "{shown}");
    let shown = sandbox.run(["tools", "fail"]).stdout;
    assert!(shown.contains("no runs yet"), "{shown}");
}

#[test]
fn the_past_tells_what_is_left_and_what_is_slow() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    pretend_past(&sandbox, "gate", 100_000);
    let mut server = Server::start(&sandbox);
    let started = server.call("gate", json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let mut look = || {
        server.call(
            "get_job_status",
            json!({"job_id": started.id(), "wait_s": 0}),
        )
    };
    let early = look();
    let eta = early["eta_s"].as_u64().unwrap();
    assert!((40..=100).contains(&eta), "{early:?}");
    assert_eq!(
        (&early["slow"], &early["next"]["args"]["wait_s"]),
        (&Value::Null, &json!(20))
    );
    alter(
        &sandbox,
        "UPDATE job SET started_at = started_at - 97000 WHERE tool = 'gate'",
    );
    let near = look();
    assert!(near["eta_s"].as_u64().unwrap() <= 3, "{near:?}");
    assert_eq!(
        near["next"]["args"]["wait_s"], 5,
        "no longer than it is worth"
    );
    alter(
        &sandbox,
        "UPDATE job SET started_at = started_at - 97000 WHERE tool = 'gate'",
    );
    let late = look();
    assert_eq!(
        (&late["slow"], &late["eta_s"]),
        (&json!(true), &Value::Null)
    );
    let list = sandbox.run(["jobs", "list"]).stdout;
    assert!(
        list.lines()
            .any(|line| line.contains("gate-") && line.contains("SLOW")),
        "{list}"
    );
    oracle.open();
    assert_eq!(server.finish(late)["state"], "completed");
}

#[test]
fn a_short_past_shortens_the_wait_that_a_start_advises() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let mut server = Server::start(&sandbox);
    let started = server.call("add", json!({"a": 1, "b": 1}));
    assert_eq!(started["next"]["args"]["wait_s"], 5, "{started:?}");
    assert_eq!(server.finish(started)["result"], 2);
}

#[test]
fn a_job_that_does_not_move_says_for_how_long() {
    let sandbox = sandbox();
    let gates = ["first", "second"].map(|name| Oracle::listen(&sandbox.path(name)));
    let input = json!({"first": gates[0].path(), "second": gates[1].path()});
    let id = sandbox.submit("phases", &input);
    gates[0].wait_for(1);
    let fresh = sandbox.show(&id);
    assert_eq!(
        (&fresh["phase"], &fresh["no_progress_s"]),
        (&json!("first"), &Value::Null)
    );
    assert!(fresh["silent_s"].as_u64().unwrap() < 60, "{fresh}");
    // Three minutes go by.
    let path = sandbox.job_dir(&id).join("progress.json");
    let mut said: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    said["changed_at_ms"] = json!(said["changed_at_ms"].as_i64().unwrap() - 200_000);
    // The checksum is of what the job wrote.
    said.as_object_mut().unwrap().remove("sum");
    std::fs::write(&path, said.to_string()).unwrap();
    let still = sandbox.show(&id);
    assert!(
        (200..260).contains(&still["no_progress_s"].as_u64().unwrap()),
        "{still}"
    );
    assert!(
        still["silent_s"].as_u64().unwrap() < 60,
        "it is alive: {still}"
    );
    for command in [&["jobs", "list"][..], &["jobs", "show", &id]] {
        let shown = sandbox.run(command).stdout;
        assert!(shown.contains("no progress for 3 min"), "{shown}");
    }
    gates[0].open();
    gates[1].wait_for(1);
    let moved = sandbox.show(&id);
    assert_eq!(
        (&moved["phase"], &moved["no_progress_s"]),
        (&json!("second"), &Value::Null)
    );
    gates[1].open();
    assert_eq!(sandbox.wait(&id)["state"], "completed");
}
