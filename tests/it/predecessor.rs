//! The defects of the pattern's reference implementation, by the numbers of their list: each is shown
//! not to be ours.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::until;
use serde_json::json;

use crate::sandbox;

#[test]
fn defect_1_a_slot_is_held_for_the_whole_run_and_the_rest_queues() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let ids: Vec<String> = (0..6)
        .map(|_| sandbox.submit("gate", &json!({"socket": oracle.path()})))
        .collect();
    oracle.wait_for(1);
    assert_eq!(
        ids.iter()
            .filter(|id| sandbox.state_of(id) == "queued")
            .count(),
        5
    );
    oracle.open();
    oracle.wait_for_starts(6);
    sandbox.settle();
    assert_eq!(oracle.most(), 1);
}

#[test]
fn defect_2_completed_jobs_stay_completed_and_patched_after_everybody_died() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let done = sandbox.submit("note", &json!({"text": "done"}));
    sandbox.wait(&done);
    let running = sandbox.submit("note", &json!({"text": "later", "socket": oracle.path()}));
    oracle.wait_for(1);
    // Every front-end is gone; each command below is a restart.
    assert_eq!(sandbox.state_of(&done), "completed");
    assert_eq!(sandbox.state_of(&running), "running");
    oracle.open();
    sandbox.settle();
    assert_eq!(sandbox.state_of(&running), "completed");
    assert_eq!(
        sandbox.json(["state", "show", "note"])["value"]["text"],
        "later"
    );
    assert_eq!(
        sandbox.run(["jobs", "result", &done]).stdout.trim(),
        r#"{"text":"done"}"#
    );
}

#[test]
fn defect_3_liveness_is_a_lock_and_no_stranger_is_signalled() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    // Not one pid is stored: neither the ledger nor the job's files name the worker or supervisor.
    for found in sandbox.processes() {
        let pid = found.pid.to_string();
        let record = std::fs::read_to_string(sandbox.job_dir(&id).join("job.json")).unwrap();
        assert!(!record.contains(&format!(": {pid}")), "{record}");
    }
    let columns: Vec<String> = sandbox
        .ledger()
        .prepare("SELECT name FROM pragma_table_info('job')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(
        columns.iter().all(|column| !column.contains("pid")),
        "{columns:?}"
    );
    oracle.open();
    sandbox.wait(&id);
}

#[test]
fn defect_4_nothing_is_ever_seen_half_written() {
    let sandbox = sandbox();
    let nan = sandbox.finish("nan", &json!({}));
    assert_eq!(nan["error"]["code"], "bad_result");
    let id = sandbox.submit("sleep", &json!({"ms": 1000}));
    let record = sandbox.job_dir(&id).join("job.json");
    let progress = sandbox.job_dir(&id).join("progress.json");
    let mut reads = 0;
    while sandbox
        .processes()
        .iter()
        .any(|found| found.kind == Kind::Worker)
        || reads == 0
    {
        for path in [&record, &progress] {
            if let Ok(bytes) = std::fs::read(path) {
                serde_json::from_slice::<serde_json::Value>(&bytes)
                    .expect("whole JSON at every look");
                reads += 1;
            }
        }
    }
    assert_eq!(sandbox.wait(&id)["state"], "completed");
}

#[test]
fn defect_7_the_error_carries_the_tail_of_stderr() {
    let sandbox = sandbox();
    let view = sandbox.finish("flood", &json!({"kib": 100}));
    assert!(
        view["error"]["stderr_tail"]
            .as_str()
            .unwrap()
            .ends_with("the last line")
    );
}

#[test]
fn defect_8_any_result_counts_also_an_empty_one() {
    let sandbox = sandbox();
    for (tool, expected) in [
        ("empty", json!({})),
        ("nothing", json!(null)),
        ("add", json!(0)),
    ] {
        let input = if tool == "add" {
            json!({"a": 0, "b": 0})
        } else {
            json!({})
        };
        let id = sandbox.submit(tool, &input);
        assert_eq!(sandbox.wait(&id)["state"], "completed", "{tool}");
        let printed: serde_json::Value =
            serde_json::from_str(&sandbox.run(["jobs", "result", &id]).stdout).unwrap();
        assert_eq!(printed, expected, "{tool}");
    }
}

#[test]
fn defect_9_unknown_fields_are_refused_and_stale_patches_skipped_visibly() {
    let sandbox = sandbox();
    for command in [
        &["state", "show", "nte"][..],
        &["state", "set", "nte", "1"],
        &["state", "reset", "nte"],
    ] {
        let ran = sandbox.run(command);
        assert_ne!(ran.code, Some(0), "{command:?}");
        assert!(
            ran.stderr.contains("`nte`") && ran.stderr.contains("note"),
            "{ran:?}"
        );
    }
}

#[test]
fn defect_10_a_terminal_state_never_flips() {
    let sandbox = sandbox();
    let id = sandbox.submit("fail", &json!({"text": "x"}));
    sandbox.wait(&id);
    sandbox.run(["jobs", "cancel", &id]);
    assert_eq!(sandbox.state_of(&id), "failed");
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    let refused = ledger.execute("UPDATE job SET state = 'completed' WHERE id = ?1", [&id]);
    assert!(refused.unwrap_err().to_string().contains("never changes"));
}

#[test]
fn defect_11_a_job_whose_process_cannot_start_is_found_and_says_why() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let cwd = sandbox.path("gone");
    std::fs::create_dir(&cwd).unwrap();
    let ran = bgjob_tests::finish(
        sandbox
            .command(["run", "add", "--a", "1", "--b", "2", "--detach"])
            .current_dir(&cwd),
    );
    std::fs::remove_dir(&cwd).unwrap();
    oracle.open();
    sandbox.wait(&first);
    let view = sandbox.wait(ran.stdout.trim());
    assert_eq!(view["error"]["code"], "crashed", "{view}");
    assert!(
        view["error"]["message"].as_str().unwrap().contains("gone"),
        "{view}"
    );
}

#[test]
fn defect_13_a_stop_signal_ends_the_job_it_is_meant_for() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    for found in sandbox
        .processes()
        .into_iter()
        .filter(|found| found.kind == Kind::Worker)
    {
        found.signal(rustix::process::Signal::TERM);
    }
    let view = sandbox.wait(&id);
    assert_eq!(
        (&view["error"]["code"], &view["exit"]),
        (&json!("crashed"), &json!({"signal": 15}))
    );
}

#[test]
fn defect_14_nothing_depends_on_the_working_directory() {
    let sandbox = sandbox();
    let elsewhere = sandbox.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let id = sandbox.submit("note", &json!({"text": "here"}));
    sandbox.wait(&id);
    let seen = bgjob_tests::finish(
        sandbox
            .command(["jobs", "result", &id])
            .current_dir(&elsewhere),
    );
    assert_eq!(seen.stdout.trim(), r#"{"text":"here"}"#);
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn defect_15_every_argument_arrives() {
    let sandbox = sandbox();
    let view = sandbox.finish("surroundings", &json!({"secret": "12345"}));
    assert_eq!(view["result"]["secret_length"], 5);
    let refused = sandbox.try_submit("surroundings", &json!({"secrets": "12345"}));
    assert_eq!(refused.code, Some(2));
    until("no process is left", || sandbox.processes().is_empty());
}
