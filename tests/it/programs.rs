//! Programs that jobs run: where their output goes, how they fail, how they end.

use std::path::Path;

use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

use crate::sandbox;

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A program that says when it is up, and is told to go on by a file.
const GATE: &str = "echo begun; echo up > up; while [ ! -e go ]; do sleep 0.01; done; ";

fn submit(sandbox: &Sandbox, tool: &str, script: &str, more: &Value) -> String {
    let mut input = json!({"script": script});
    if let (Some(input), Some(more)) = (input.as_object_mut(), more.as_object()) {
        input.extend(more.clone());
    }
    sandbox.submit(tool, &input)
}

fn wait_for_up(sandbox: &Sandbox, id: &str) {
    let up = sandbox.job_dir(id).join("up");
    until("the program is up", || up.exists());
}

#[test]
fn output_is_in_the_logs_while_the_program_runs_and_through_no_pipe() {
    let sandbox = sandbox();
    let script = format!("readlink /proc/self/fd/1; {GATE} echo done >&2");
    let id = submit(&sandbox, "script", &script, &json!({}));
    wait_for_up(&sandbox, &id);
    let log = sandbox.job_dir(&id).join("stdout.log");
    assert_eq!(text(&log), format!("{}\nbegun\n", log.display()));
    std::fs::write(sandbox.job_dir(&id).join("go"), "").unwrap();
    assert_eq!(sandbox.wait(&id)["state"], "completed");
    assert_eq!(text(&sandbox.job_dir(&id).join("stderr.log")), "done\n");
}

#[test]
fn output_that_is_watched_is_in_the_logs_as_soon() {
    let sandbox = sandbox();
    let script = format!("{GATE} printf 'no end of line'");
    let id = submit(&sandbox, "script", &script, &json!({"printed": true}));
    wait_for_up(&sandbox, &id);
    let log = sandbox.job_dir(&id).join("stdout.log");
    until("the first line is in the log", || text(&log) == "begun\n");
    std::fs::write(sandbox.job_dir(&id).join("go"), "").unwrap();
    sandbox.wait(&id);
    assert_eq!(text(&log), "begun\nno end of line");
}

#[test]
fn progress_is_seen_from_outside_while_the_program_runs() {
    let sandbox = sandbox();
    let printed = format!("echo '45.5% (3 of 10)'; {GATE}");
    let written =
        format!("echo '{{\"percent\": 45.5, \"message\": \"3 of 10\"}}' > p.json; {GATE}");
    for (script, from) in [
        (printed, json!({"printed": true})),
        (written, json!({"progress_file": "p.json"})),
    ] {
        let id = submit(&sandbox, "script", &script, &from);
        until("the progress is seen", || {
            let view = sandbox.show(&id);
            view["progress"] == 0.455 && view["message"] == "3 of 10"
        });
        std::fs::write(sandbox.job_dir(&id).join("go"), "").unwrap();
        assert_eq!(sandbox.wait(&id)["state"], "completed");
    }
}

#[test]
fn a_failure_carries_the_status_and_the_last_words() {
    let sandbox = sandbox();
    for tool in ["script", "script_async"] {
        let script = "echo Traceback >&2; echo 'ValueError: no feed' >&2; exit 3";
        let view = sandbox.finish(tool, &json!({"script": script}));
        let error = &view["error"];
        assert_eq!(error["code"], "tool_error");
        assert_eq!(
            error["message"],
            "`sh` exited with status 3: ValueError: no feed"
        );
        assert_eq!(
            error["details"],
            json!({"program": "sh", "reason": "exited", "status": 3})
        );
        assert_eq!(error["stderr_tail"], "Traceback\nValueError: no feed");
    }
    let killed = sandbox.finish("script", &json!({"script": "kill -ABRT $$"}));
    assert_eq!(killed["error"]["details"]["signal"], 6);
    let missing = sandbox.finish("program", &json!({"name": "no-such-program"}));
    let message = missing["error"]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("on the job's PATH") && message.contains("install it"),
        "{missing}"
    );
    let noise = sandbox.finish("script_async", &json!({"script": "echo no json"}));
    let message = noise["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("not JSON"), "{noise}");
}

#[test]
fn what_is_printed_becomes_the_result() {
    let sandbox = sandbox();
    let view = sandbox.finish("script_async", &json!({"script": "echo '{\"a\": [1, 2]}'"}));
    assert_eq!(view["result"], json!({"a": [1, 2]}));
}

#[test]
fn a_cancelled_program_has_the_grace_to_end_itself() {
    let sandbox = sandbox();
    for tool in ["script", "script_async"] {
        // The worker has to live on for as long as the program tidies up.
        let script = "trap 'sleep 0.3; echo bye > bye; exit 0' TERM; echo up > up; while :; do sleep 0.01; done";
        let id = submit(&sandbox, tool, script, &json!({}));
        wait_for_up(&sandbox, &id);
        assert_eq!(sandbox.run(["jobs", "cancel", &id]).code, Some(0));
        let view = sandbox.wait(&id);
        assert_eq!(view["state"], "cancelled", "{tool}: {view}");
        assert_eq!(text(&sandbox.job_dir(&id).join("bye")), "bye\n", "{tool}");
    }
}

#[test]
fn a_program_that_ignores_the_request_dies_with_all_it_started() {
    let sandbox = sandbox();
    let script =
        "trap '' TERM; sleep 1000 & setsid sleep 1000 & echo up > up; while :; do sleep 1; done";
    let id = submit(&sandbox, "script", script, &json!({}));
    wait_for_up(&sandbox, &id);
    sandbox.run(["jobs", "cancel", &id, "--grace", "100ms"]);
    assert_eq!(sandbox.wait(&id)["state"], "cancelled");
    sandbox.settle();
}

#[test]
fn a_program_that_runs_too_long_is_timed_out() {
    let sandbox = sandbox();
    let view = sandbox.finish("short_script", &json!({"script": "sleep 1000"}));
    assert_eq!(view["error"]["code"], "timed_out", "{view}");
    sandbox.settle();
}

#[test]
fn what_a_program_leaves_running_ends_with_the_job() {
    let sandbox = sandbox();
    let script = "sleep 1000 & setsid sleep 1000 &";
    let view = sandbox.finish("script", &json!({"script": script, "printed": true}));
    assert_eq!(view["state"], "completed");
    let warning = view["warning"].as_str().unwrap_or_default();
    assert!(warning.contains("left running"), "{view}");
    sandbox.settle();
}
