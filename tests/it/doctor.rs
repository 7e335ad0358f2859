//! `doctor` finds what is wrong, mends what it can, and brings back what a lost ledger knew.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bgjob_tests::{Sandbox, finish, invariants};
use serde_json::{Value, json};

use crate::sandbox;

fn finding(sandbox: &Sandbox, check: &str) -> Value {
    let report = sandbox.json(["doctor"]);
    let findings = report["findings"].as_array().expect("a list").clone();
    findings
        .into_iter()
        .find(|finding| finding["check"] == check)
        .unwrap_or_else(|| panic!("no {check} in {report}"))
}

fn lose_the_ledger(sandbox: &Sandbox) {
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = fs::remove_file(sandbox.data().join(name));
    }
}

#[test]
fn a_healthy_directory_has_no_problem() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let ran = sandbox.run(["doctor"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        !ran.stdout.contains("PROBLEM") && !ran.stdout.contains("warning"),
        "{}",
        ran.stdout
    );
    for check in [
        "data_dir",
        "ledger",
        "jobs",
        "files",
        "queue",
        "resources",
        "permissions",
        "survival",
        "environment",
        "stdout",
    ] {
        assert!(ran.stdout.contains(check), "{check}: {}", ran.stdout);
    }
    assert_eq!(sandbox.json(["doctor"])["ok"], true);
}

#[test]
fn results_and_state_come_back_after_the_ledger_is_lost() {
    let sandbox = sandbox();
    let sum = sandbox.submit("add", &json!({"a": 20, "b": 22}));
    sandbox.wait(&sum);
    let failed = sandbox.submit("fail", &json!({"text": "no feed"}));
    sandbox.wait(&failed);
    let note = sandbox.submit("note", &json!({"text": "kept"}));
    sandbox.wait(&note);
    let large = sandbox.submit("big", &json!({"kib": 200}));
    sandbox.wait(&large);
    let before: Vec<Value> = [&sum, &failed, &note, &large]
        .map(|id| sandbox.show(id))
        .into();
    sandbox.settle();
    lose_the_ledger(&sandbox);
    assert_eq!(sandbox.run(["jobs", "show", &sum]).code, Some(3));
    let files = finding(&sandbox, "files");
    assert!(files["message"].as_str().unwrap().contains("4"), "{files}");
    for (id, before) in [&sum, &failed, &note, &large].into_iter().zip(before) {
        let after = sandbox.show(id);
        for fact in [
            "state",
            "result",
            "error",
            "exit",
            "submitted_at",
            "started_at",
            "ended_at",
            "bytes",
        ] {
            assert_eq!(after[fact], before[fact], "{fact} of {id}");
        }
    }
    assert_eq!(sandbox.run(["jobs", "result", &sum]).stdout.trim(), "42");
    assert_eq!(
        sandbox.json(["state", "show", "note"])["value"],
        json!({"text": "kept"})
    );
    assert_eq!(sandbox.json(["state", "show", "big"])["value"]["end"], true);
    assert_eq!(
        finding(&sandbox, "files")["level"],
        "ok",
        "twice is not needed"
    );
    // And life goes on.
    let read = sandbox.finish("read_note", &json!({}));
    assert_eq!(read["result"]["note"]["text"], "kept");
    assert_eq!(
        sandbox.run(["jobs", "retry", &sum, "--detach"]).code,
        Some(0)
    );
    sandbox.settle();
    assert_eq!(
        invariants::problems(&sandbox, &[sum, failed, note, large], None),
        Vec::<String>::new()
    );
}

#[test]
fn a_reader_that_stands_still_keeps_nobody_waiting_and_is_told_of_when_the_log_grows() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    // As a stopped process would, it keeps the log from being written back.
    let reader = sandbox.ledger();
    let jobs = |ledger: &rusqlite::Connection| -> i64 {
        let count = ledger.query_row("SELECT count(*) FROM job", [], |row| row.get(0));
        count.expect("the ledger reads")
    };
    reader.execute_batch("BEGIN").expect("a transaction");
    assert_eq!(jobs(&reader), 1);
    assert_eq!(finding(&sandbox, "resources")["level"], "ok");
    let writer = rusqlite::Connection::open(sandbox.data().join("ledger.db")).expect("it opens");
    writer
        .execute_batch("CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(70 << 20)); DROP TABLE filler")
        .expect("the log grows");
    drop(writer);
    let view = sandbox.finish("note", &json!({"text": "meanwhile"}));
    assert_eq!(view["state"], "completed", "{view}");
    let warned = finding(&sandbox, "resources");
    assert_eq!(warned["level"], "warning", "{warned}");
    let message = warned["message"].as_str().unwrap_or_default();
    assert!(message.contains("write-ahead log"), "{warned}");
    assert!(
        warned["remedy"]
            .as_str()
            .unwrap_or_default()
            .contains("stopped"),
        "{warned}"
    );
    assert_eq!(jobs(&reader), 1, "what it reads stands still, too");
    // Its death ends it, and the log with it.
    drop(reader);
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    sandbox.settle();
    assert_eq!(finding(&sandbox, "resources")["level"], "ok");
    let found = invariants::problems(&sandbox, &[], None);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_deleted_job_does_not_come_back_with_the_adopted_ones() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&id);
    sandbox.settle();
    // As a prune leaves it that dies before the directory goes.
    fs::write(sandbox.job_dir(&id).join("deleted"), "").unwrap();
    lose_the_ledger(&sandbox);
    sandbox.run(["doctor"]);
    assert_eq!(sandbox.run(["jobs", "show", &id]).code, Some(3));
}

#[test]
fn open_files_are_told_with_the_command_that_closes_them() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&id);
    // An editor made it, with the umask that people have; the folder keeps others out.
    let config = sandbox.data().join("config.toml");
    fs::write(&config, "").unwrap();
    fs::set_permissions(&config, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(finding(&sandbox, "permissions")["level"], "ok");
    let input = sandbox.job_dir(&id).join("input.json");
    fs::set_permissions(&input, fs::Permissions::from_mode(0o644)).unwrap();
    let found = finding(&sandbox, "permissions");
    assert_eq!(found["level"], "warning");
    let remedy = found["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("chmod -R go= "), "{found}");
    let words: Vec<&str> = remedy.split(' ').collect();
    assert!(
        std::process::Command::new(words[0])
            .args(&words[1..])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(finding(&sandbox, "permissions")["level"], "ok");
}

#[test]
fn a_damaged_ledger_is_a_problem_with_a_way_out() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&id);
    sandbox.settle();
    lose_the_ledger(&sandbox);
    fs::write(
        sandbox.data().join("ledger.db"),
        "this is not a database".repeat(100),
    )
    .unwrap();
    let ran = sandbox.run(["doctor"]);
    assert_eq!(ran.code, Some(8), "{ran:?}");
    assert!(
        ran.stdout.contains("PROBLEM") && ran.stdout.contains("move it away"),
        "{}",
        ran.stdout
    );
    fs::remove_file(sandbox.data().join("ledger.db")).unwrap();
    assert_eq!(sandbox.run(["doctor"]).code, Some(0));
    assert_eq!(sandbox.show(&id)["result"], 3);
}

#[test]
fn queued_jobs_that_nobody_here_can_run_are_told() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    sandbox.settle();
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger
        .execute(
            "INSERT INTO job (id, owner, tool, schema_hash, build, state, submitted_at, submit_boot, input_hash, cwd)
             VALUES ('melt-00000000000000000000', 'local', 'melt', 'x', 'x', 'queued', 0, 'x', 'x', x'2f')",
            [],
        )
        .unwrap();
    drop(ledger);
    let found = finding(&sandbox, "queue");
    assert_eq!(found["level"], "warning");
    assert!(
        found["message"].as_str().unwrap().contains("1 of `melt`"),
        "{found}"
    );
}

#[test]
fn a_directory_that_cannot_be_used_is_a_problem_and_not_a_crash() {
    let sandbox = sandbox();
    let file = sandbox.path("file");
    fs::write(&file, "").unwrap();
    let ran = finish(
        std::process::Command::new(env!("CARGO_BIN_EXE_fixture"))
            .arg("--data-dir")
            .arg(&file)
            .arg("doctor"),
    );
    assert_eq!(ran.code, Some(8), "{ran:?}");
    assert!(ran.stdout.contains("not a directory"), "{ran:?}");
}

#[test]
fn a_job_that_cannot_be_recovered_keeps_no_other_from_it() {
    use bgjob_tests::oracle::Oracle;
    use bgjob_tests::processes::Kind;
    let sandbox = sandbox();
    sandbox.set("max_jobs", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let ids: Vec<String> = (0..2)
        .map(|_| sandbox.submit("gate", &json!({"socket": oracle.path()})))
        .collect();
    oracle.wait_for(2);
    for found in sandbox.processes() {
        if found.kind == Kind::Supervisor {
            found.kill();
        }
    }
    bgjob_tests::until("the workers are dead", || oracle.waiting().is_empty());
    // Something stands where the first job's lock should be.
    let lock = sandbox.job_dir(&ids[0]).join("lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    bgjob_tests::until("the second is recovered", || {
        sandbox.run(["doctor"]);
        sandbox.state_of(&ids[1]) == "failed"
    });
    fs::remove_dir(&lock).unwrap();
    assert_eq!(sandbox.run(["doctor"]).code, Some(0));
    assert_eq!(sandbox.state_of(&ids[0]), "failed");
}
