//! What jobs say of themselves: the history, and what saying it costs.

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use serde_json::{Value, json};

use crate::sandbox;

fn events(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn the_history_has_each_phase_and_is_read_live_and_afterwards() {
    let sandbox = sandbox();
    let gates = ["first", "second"].map(|name| Oracle::listen(&sandbox.path(name)));
    let input = json!({"first": gates[0].path(), "second": gates[1].path()});
    let id = sandbox.submit("phases", &input);
    gates[0].wait_for(1);
    let logs = |sandbox: &bgjob_tests::Sandbox| {
        events(
            &sandbox
                .run(["jobs", "logs", &id, "--stream", "events"])
                .stdout,
        )
    };
    let live = logs(&sandbox);
    assert_eq!(
        (live.len(), &live[0]["phase"]),
        (1, &json!("first")),
        "{live:?}"
    );
    let mut server = Server::start(&sandbox);
    let told = server.call("get_job_logs", json!({"job_id": id, "stream": "events"}));
    assert_eq!(told["log"]["stream"], "events");
    assert!(
        told["log"]["text"]
            .as_str()
            .unwrap()
            .contains(r#""event":"phase","phase":"first"}"#)
    );
    let mut command = sandbox.command(["jobs", "logs", &id, "--stream", "events", "-f"]);
    let follower = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    gates[0].open();
    gates[1].wait_for(1);
    gates[1].open();
    assert_eq!(sandbox.wait(&id)["state"], "completed");
    let followed = follower.wait_with_output().unwrap();
    let followed = events(&String::from_utf8(followed.stdout).unwrap());
    let phases: Vec<&Value> = followed.iter().map(|event| &event["phase"]).collect();
    assert_eq!(phases, ["first", "second"]);
    assert_eq!(followed, logs(&sandbox));
    assert!(
        followed
            .iter()
            .all(|event| event["attempt"] == 1 && event["at"].is_string())
    );
}

#[test]
fn a_job_that_says_nothing_has_no_history() {
    let sandbox = sandbox();
    let done = sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let id = done["job_id"].as_str().unwrap();
    let shown = sandbox.run(["jobs", "logs", id, "--stream", "events"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (Some(0), ""));
    assert!(!sandbox.job_dir(id).join("events.jsonl").exists());
}

#[test]
fn progress_costs_next_to_nothing() {
    let sandbox = sandbox();
    let done = sandbox.finish("cost_of_progress", &json!({}));
    let cost = &done["result"];
    // The budgets are 100 ns and 50 us in memory; the bench of this name measures them.
    assert!(cost["dropped_ns"].as_f64().unwrap() < 1000.0, "{done}");
    assert!(cost["written_us"].as_f64().unwrap() < 2000.0, "{done}");
}
