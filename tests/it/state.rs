//! State fields: patched once, versioned, mirrored.

use bgjob_tests::oracle::Oracle;
use serde_json::{Value, json};

use crate::sandbox;

#[test]
fn sixteen_jobs_patch_one_field_and_every_version_is_there() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "8");
    let ids: Vec<String> = (0..16)
        .map(|n| sandbox.submit("note", &json!({"text": n.to_string()})))
        .collect();
    let views: Vec<Value> = ids.iter().map(|id| sandbox.wait(id)).collect();
    let mut versions: Vec<i64> = views
        .iter()
        .map(|view| view["state_patch"]["version"].as_i64().unwrap())
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=16).collect::<Vec<_>>());
    let last = views
        .iter()
        .find(|view| view["state_patch"]["version"] == 16)
        .unwrap();
    let copy: Value =
        serde_json::from_slice(&std::fs::read(sandbox.data().join("state/note.json")).unwrap())
            .unwrap();
    assert_eq!(copy["version"], 16);
    assert_eq!(copy["value"], last["result"]);
    let gaps: i64 = sandbox
        .ledger()
        .query_row(
            "SELECT max(completion_seq) - count(*) FROM job WHERE completion_seq IS NOT NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(gaps, 0, "completion is numbered without gaps");
}

#[test]
fn a_job_that_ends_after_a_reset_does_not_write() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("note", &json!({"text": "stale", "socket": oracle.path()}));
    oracle.wait_for(1);
    assert_eq!(sandbox.run(["state", "reset", "note"]).code, Some(0));
    oracle.open();
    let view = sandbox.wait(&id);
    assert_eq!(view["state"], "completed");
    assert_eq!(view["state_patch"]["applied"], false);
    assert!(
        view["state_patch"]["reason"]
            .as_str()
            .unwrap()
            .contains("reset")
    );
    assert!(
        sandbox
            .run(["state", "show", "note"])
            .stderr
            .contains("no value")
    );
}

#[test]
fn a_patch_that_finds_nothing_is_told_and_does_not_fail_the_job() {
    let sandbox = sandbox();
    assert_eq!(
        sandbox.finish("part", &json!({"with": true}))["state_patch"]["version"],
        1
    );
    let view = sandbox.finish("part", &json!({"with": false}));
    assert_eq!(view["state"], "completed");
    assert_eq!(view["state_patch"]["applied"], false);
    assert_eq!(
        sandbox.json(["state", "show", "part"])["value"],
        json!([1, 2, 3])
    );
}

#[test]
fn a_value_too_large_for_the_ledger_is_read_all_the_same() {
    let sandbox = sandbox();
    sandbox.finish("big", &json!({"kib": 200}));
    let shown = sandbox.json(["state", "show", "big"]);
    assert_eq!(shown["value"]["text"].as_str().unwrap().len(), 200 << 10);
    assert_eq!(
        std::fs::read_dir(sandbox.data().join("values"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn a_missing_field_is_refused_with_the_tool_that_fills_it() {
    let sandbox = sandbox();
    let refused = sandbox.try_submit("read_note", &json!({}));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("`note`") && refused.stderr.contains("no value"),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_dir(sandbox.data().join("jobs"))
            .unwrap()
            .count(),
        0,
        "no job exists"
    );
}

#[test]
fn a_field_set_by_hand_is_checked_against_its_readers() {
    let sandbox = sandbox();
    assert_eq!(
        sandbox
            .run(["state", "set", "note", r#"{"text": "by hand"}"#])
            .code,
        Some(0)
    );
    assert_eq!(
        sandbox.finish("read_note", &json!({}))["result"]["note"]["text"],
        "by hand"
    );
    let refused = sandbox.run(["state", "set", "note", r#"{"text": 5}"#]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("/text"), "{refused:?}");
    assert!(
        sandbox
            .run(["state", "show", "nota"])
            .stderr
            .contains("note")
    );
}

#[test]
fn pruning_forgets_superseded_values_and_keeps_the_present_one() {
    let sandbox = sandbox();
    let first = sandbox.submit("big", &json!({"kib": 200}));
    sandbox.wait(&first);
    let second = sandbox.submit("big", &json!({"kib": 300}));
    sandbox.wait(&second);
    sandbox.settle();
    let values = || {
        std::fs::read_dir(sandbox.data().join("values"))
            .unwrap()
            .count()
    };
    assert_eq!(values(), 2);
    let pruned = sandbox.json(["jobs", "prune", "--older-than", "0s"]);
    assert_eq!(pruned["pruned"]["jobs"], 2, "{pruned}");
    assert_eq!(values(), 1);
    assert_eq!(
        std::fs::read_dir(sandbox.data().join("jobs"))
            .unwrap()
            .count(),
        0
    );
    let kept = sandbox.json(["state", "show", "big"]);
    assert_eq!(kept["value"]["text"].as_str().unwrap().len(), 300 << 10);
    assert_eq!(sandbox.run(["jobs", "show", &first]).code, Some(3));
}
