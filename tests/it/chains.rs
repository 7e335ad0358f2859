//! Jobs that wait for jobs.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::until;
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
fn a_job_cannot_wait_for_what_is_not_there_or_has_failed() {
    let sandbox = sandbox();
    let failed = sandbox.finish("fail", &json!({"text": "x"}));
    let failed = failed["job_id"].as_str().unwrap();
    let after = |id: &str| {
        sandbox.run([
            "run", "add", "--a", "1", "--b", "2", "--detach", "--after", id,
        ])
    };
    let unknown = after("add-00000000000000000000");
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    assert!(unknown.stderr.contains("no such job"), "{unknown:?}");
    let doomed = after(failed);
    assert_eq!(doomed.code, Some(1), "{doomed:?}");
    assert!(doomed.stderr.contains("is failed already"), "{doomed:?}");
    let jobs = sandbox.json(["jobs", "list", "--all"])["jobs"].clone();
    assert_eq!(jobs.as_array().map(Vec::len), Some(1), "no job came of it");
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

#[test]
fn a_chain_of_five_runs_in_order_with_everybody_dead() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("note", &json!({"text": "1", "socket": oracle.path()}));
    oracle.wait_for(1);
    let mut chain = vec![first];
    for text in ["2", "3", "4", "5"] {
        let input = json!({"text": text, "socket": oracle.path()});
        chain.push(sandbox.submit("append", &input));
    }
    // From here on nobody but supervisors is alive.
    oracle.open();
    oracle.wait_for_starts(5);
    sandbox.settle();
    let started: Vec<String> = oracle.starts().into_iter().map(|(job, _)| job).collect();
    assert_eq!(started, chain, "each once, in order");
    let shown = sandbox.json(["state", "show", "note"]);
    assert_eq!(
        (&shown["fields"][0]["version"], &shown["value"]["text"]),
        (&json!(5), &json!("12345"))
    );
}

#[test]
fn a_fan_out_of_eight_behind_one_job_uses_the_whole_limit() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "4");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("note", &json!({"text": "x", "socket": oracle.path()}));
    oracle.wait_for(1);
    for text in 0..8 {
        let socket = oracle.path();
        let text = text.to_string();
        let ran = sandbox.run([
            "run", "note", "--text", &text, "--socket", &socket, "--detach", "--after", &first,
        ]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    oracle.release(&first);
    oracle.wait_for(4);
    oracle.open();
    oracle.wait_for_starts(9);
    sandbox.settle();
    assert_eq!(oracle.most(), 4, "the whole limit, and no more");
    assert_eq!(
        sandbox.json(["state", "show", "note"])["fields"][0]["version"],
        9
    );
}

#[test]
fn a_supervisor_killed_between_two_links_of_a_chain_loses_and_repeats_nothing() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("note", &json!({"text": "1", "socket": oracle.path()}));
    oracle.wait_for(1);
    let second = sandbox.submit("append", &json!({"text": "2", "socket": oracle.path()}));
    oracle.release(&first);
    // The downstream body stands at its gate or is about to: the kill comes wherever it comes.
    until("the first has ended", || {
        sandbox.state_of(&first) == "completed"
    });
    for found in sandbox.processes() {
        if found.kind == Kind::Supervisor {
            found.kill();
        }
    }
    oracle.open();
    let view = sandbox.wait(&second);
    let begun = oracle
        .starts()
        .iter()
        .filter(|(job, _)| *job == second)
        .count();
    match view["state"].as_str() {
        // Killed before the claim: it ran once, on the value that it was promised.
        Some("completed") => assert_eq!((begun, &view["result"]["text"]), (1, &json!("12"))),
        // Killed after it: lost, said so, and not begun a second time.
        _ => {
            assert_eq!(view["error"]["code"], "supervisor_lost", "{view}");
            assert!(begun <= 1, "{begun}");
        }
    }
    assert_eq!(sandbox.show(&first)["state_patch"]["version"], 1);
}
