//! How a job can end, and what it says of it.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::until;
use serde_json::json;

use crate::sandbox;

fn code_of(tool: &str, input: serde_json::Value) -> (String, serde_json::Value) {
    let sandbox = sandbox();
    let view = sandbox.finish(tool, &input);
    (
        view["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        view,
    )
}

#[test]
fn a_result_comes_back_as_it_was_returned() {
    let sandbox = sandbox();
    assert_eq!(sandbox.finish("add", &json!({"a": 1, "b": 2}))["result"], 3);
    assert_eq!(sandbox.finish("empty", &json!({}))["result"], json!({}));
    assert_eq!(sandbox.finish("nothing", &json!({}))["state"], "completed");
}

#[test]
fn the_folder_of_a_job_says_soon_that_it_runs() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    until("job.json says that it runs", || {
        let record = std::fs::read(sandbox.job_dir(&id).join("job.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
        record["state"] == "running"
    });
    oracle.open();
    sandbox.wait(&id);
}

#[test]
fn an_error_is_the_tools_own_with_the_tail_of_stderr() {
    let (code, view) = code_of("fail", json!({"text": "no feed"}));
    assert_eq!(code, "tool_error");
    assert_eq!(view["error"]["message"], "no feed");
    assert!(
        view["error"]["stderr_tail"]
            .as_str()
            .unwrap()
            .contains("about to fail")
    );
}

#[test]
fn a_panic_is_told_with_its_place() {
    let (code, view) = code_of("panic", json!({"text": "tank is empty"}));
    assert_eq!(code, "panicked");
    let message = view["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("tank is empty") && message.contains("misdeeds.rs"),
        "{message}"
    );
}

#[test]
fn an_abort_names_its_signal_and_keeps_the_last_words() {
    let (code, view) = code_of("abort", json!({}));
    assert_eq!(code, "crashed");
    assert_eq!(view["exit"], json!({"signal": 6}));
    assert!(
        view["error"]["message"]
            .as_str()
            .unwrap()
            .contains("SIGABRT")
    );
    assert!(
        view["error"]["stderr_tail"]
            .as_str()
            .unwrap()
            .contains("last words")
    );
}

#[test]
fn a_full_stack_is_a_crash() {
    let (code, view) = code_of("overflow", json!({}));
    assert_eq!(code, "crashed");
    assert!(
        view["error"]["stderr_tail"]
            .as_str()
            .unwrap()
            .contains("overflowed its stack"),
        "{view}"
    );
}

#[test]
fn exiting_with_zero_is_not_success() {
    assert_eq!(code_of("exit", json!({"status": 0})).0, "no_result");
    assert_eq!(code_of("exit", json!({"status": 3})).0, "crashed");
}

#[test]
fn a_signal_from_outside_is_told_apart_from_timeout_and_cancel() {
    // Not SIGSEGV: Rust's stack-overflow handler swallows the first one that was merely sent.
    for signal in [9, 10, 15] {
        let (code, view) = code_of("suicide", json!({"signal": signal}));
        assert_eq!(
            (code.as_str(), &view["exit"]),
            ("crashed", &json!({"signal": signal})),
            "{view}"
        );
    }
}

#[test]
fn a_nan_is_refused_with_its_place() {
    let (code, view) = code_of("nan", json!({}));
    assert_eq!(code, "bad_result");
    assert_eq!(view["error"]["at"], "/1", "{view}");
}

#[test]
fn a_flooded_log_leaves_the_tail_in_the_error() {
    let (code, view) = code_of("flood", json!({"kib": 20_000}));
    assert_eq!(code, "crashed");
    let tail = view["error"]["stderr_tail"].as_str().unwrap();
    assert!(
        tail.ends_with("the last line") && tail.len() <= 2048,
        "{}",
        tail.len()
    );
}

#[test]
fn a_crash_after_the_result_is_a_warning() {
    let sandbox = sandbox();
    let view = sandbox.finish("crash_after_result", &json!({}));
    assert_eq!(view["state"], "completed");
    assert_eq!(view["result"], json!({"fine": true}));
    assert!(view["warning"].as_str().unwrap().contains("SIGABRT"));
}

#[test]
fn a_tool_that_ignores_everything_is_killed_at_its_timeout() {
    for tool in ["stubborn", "stopped"] {
        let (code, view) = code_of(tool, json!({}));
        assert_eq!(code, "timed_out", "{view}");
    }
}

#[test]
fn a_large_result_is_a_file_and_not_in_the_view() {
    let sandbox = sandbox();
    let id = sandbox.submit("big", &json!({"kib": 300}));
    let view = sandbox.wait(&id);
    assert!(view.get("result").is_none());
    assert!(view["bytes"].as_u64().unwrap() > 300 << 10);
    assert_eq!(
        sandbox
            .run(["jobs", "result", &id, "--pointer", "/end"])
            .stdout
            .trim(),
        "true"
    );
}

#[test]
fn a_stopped_tool_hears_that_it_shall_end() {
    // SIGTERM stays pending in a stopped process until it is continued; then it is what ends it.
    let (code, view) = code_of("stopped", json!({}));
    assert_eq!(
        (code.as_str(), &view["exit"]),
        ("timed_out", &json!({"signal": 15})),
        "{view}"
    );
}
