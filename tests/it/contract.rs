//! What a job is promised of the state: its type, its version, and that both stay.

use bgjob_tests::oracle::Oracle;
use serde_json::json;

use crate::sandbox;

#[test]
fn a_value_that_no_longer_fits_is_refused_at_submit_with_its_place() {
    let sandbox = sandbox();
    sandbox.finish("note_of_another_type", &json!({"value": {"text": 5}}));
    let refused = sandbox.try_submit("read_note", &json!({}));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("`note`") && refused.stderr.contains("/text"),
        "{refused:?}"
    );
}

#[test]
fn an_awaited_value_that_does_not_fit_fails_the_job_before_its_body() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let writer = sandbox.submit(
        "note_of_another_type",
        &json!({"value": {"text": 5}, "socket": oracle.path()}),
    );
    oracle.wait_for(1);
    let input = json!({"text": "x", "socket": oracle.path()});
    let reader = sandbox.submit("append", &input);
    assert_eq!(sandbox.show(&reader)["waiting_for"], json!([writer]));
    oracle.open();
    let view = sandbox.wait(&reader);
    assert_eq!(view["error"]["code"], "invalid_state", "{view}");
    assert_eq!(view["error"]["at"], "/text", "{view}");
    assert_eq!(oracle.starts().len(), 1, "the body never began");
}

#[test]
fn the_history_lists_every_version_and_who_set_it() {
    let sandbox = sandbox();
    let file = sandbox.path("note.json");
    std::fs::write(&file, r#"{"text": "from a file"}"#).unwrap();
    let from_file = format!("@{}", file.display());
    assert_eq!(
        sandbox.run(["state", "set", "note", &from_file]).code,
        Some(0)
    );
    let job = sandbox.finish("note", &json!({"text": "by a job"}));
    let history = sandbox.json(["state", "history", "note"]);
    let versions = history["versions"].as_array().unwrap();
    let shown: Vec<_> = versions
        .iter()
        .map(|version| (&version["version"], &version["set_by"], &version["present"]))
        .collect();
    let (one, two, none) = (json!(1), json!(2), json!(null));
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(
        shown,
        [(&two, &job["job_id"], &yes), (&one, &none, &no)],
        "{history}"
    );
    let text = sandbox.run(["state", "history", "note"]).stdout;
    assert!(text.contains("hand") && text.contains("VERSION"), "{text}");
    let unknown = sandbox.run(["state", "history", "nota"]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    std::fs::write(&file, r#"{"text": 5}"#).unwrap();
    let refused = sandbox.run(["state", "set", "note", &from_file]);
    assert!(refused.stderr.contains("/text"), "{refused:?}");
}

#[test]
fn retention_keeps_a_version_that_a_live_job_was_promised() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.finish("note", &json!({"text": "promised"}));
    let blocker = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let reader = sandbox.submit("read_note", &json!({}));
    for text in ["superseded", "last"] {
        let value = json!({"text": text}).to_string();
        assert_eq!(sandbox.run(["state", "set", "note", &value]).code, Some(0));
    }
    let kept = || -> Vec<i64> {
        let history = sandbox.json(["state", "history", "note"]);
        let versions = history["versions"].as_array().unwrap();
        versions
            .iter()
            .map(|version| version["version"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(kept(), [3, 2, 1]);
    let pruned = sandbox.run(["jobs", "prune", "--older-than", "0s"]);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    assert_eq!(kept(), [3, 1], "only what nobody was promised goes");
    oracle.open();
    sandbox.wait(&blocker);
    assert_eq!(
        sandbox.wait(&reader)["result"],
        json!({"version": 1, "note": {"text": "promised"}})
    );
}
