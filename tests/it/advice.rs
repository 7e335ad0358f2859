//! `next` in a reply is a call that works as given, whatever the situation.

use bgjob_tests::Sandbox;
use bgjob_tests::mcp::{Reply, Server};
use bgjob_tests::oracle::Oracle;
use serde_json::json;

use crate::sandbox;

/// A client that makes every call that it is advised to make.
struct Walk {
    server: Server,
    /// The situations walked through, and the tool that was advised in each.
    seen: Vec<(String, String)>,
}

impl Walk {
    fn new(server: Server) -> Self {
        Walk {
            server,
            seen: Vec::new(),
        }
    }

    /// Makes the call that `reply` advises; fails if there is none or it does not work.
    #[track_caller]
    fn take(&mut self, situation: &str, reply: &Reply) -> Reply {
        let tool = reply["next"]["tool"].as_str();
        let tool = tool.unwrap_or_else(|| panic!("{situation}: no advice in {reply:?}"));
        let members = reply["next"].as_object().unwrap().len();
        assert_eq!(members, 2, "a tool and its arguments: {reply:?}");
        let answer = self.server.follow(reply);
        assert!(
            !answer.is_error,
            "{situation}: {reply:?} leads to {answer:?}"
        );
        assert_ne!(
            answer["state"], "rejected",
            "{situation}: {reply:?} leads to {answer:?}"
        );
        self.seen.push((situation.to_owned(), tool.to_owned()));
        answer
    }

    fn advised(&self, situation: &str) -> Vec<&str> {
        let seen = self.seen.iter().filter(|(name, _)| name == situation);
        seen.map(|(_, tool)| tool.as_str()).collect()
    }
}

/// The names of the two tools that follow a job.
fn pair(per_tool: bool, tool: &str) -> (String, String) {
    match per_tool {
        true => (format!("{tool}_status"), format!("{tool}_results")),
        false => ("get_job_status".into(), "get_job_results".into()),
    }
}

fn through_the_life_of_jobs(sandbox: &Sandbox, per_tool: bool) {
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut command = sandbox.command(["serve"]);
    if per_tool {
        command.env("FIXTURE_PER_TOOL", "1");
    }
    let mut walk = Walk::new(Server::greet(command));
    let started = walk.server.call("gate", json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let behind = walk.server.call("add", json!({"a": 1, "b": 2}));
    let (status, results) = pair(per_tool, "gate");
    let look = json!({"job_id": started.id(), "wait_s": 0});
    let running = walk.server.call(&status, look.clone());
    let queued = walk.server.call(
        &pair(per_tool, "add").0,
        json!({"job_id": behind.id(), "wait_s": 0}),
    );
    assert_eq!(queued["state"], "queued", "{queued:?}");
    let early = walk.server.call(&results, json!({"job_id": started.id()}));
    assert!(
        early.is_error && early["error"]["code"] == "not_finished",
        "{early:?}"
    );
    let logs = walk
        .server
        .call("get_job_logs", json!({"job_id": started.id()}));
    let several = (!per_tool).then(|| {
        let ids = json!({"job_ids": [started.id(), behind.id()], "wait_s": 0});
        walk.server.call(&status, ids)
    });
    oracle.open();
    let ended = walk.take("started", &started);
    assert_eq!(ended["state"], "completed", "{ended:?}");
    assert!(
        ended.value.get("next").is_none(),
        "nothing is left to do: {ended:?}"
    );
    for (situation, reply) in [("running", running), ("too early", early), ("logs", logs)] {
        walk.take(situation, &reply);
    }
    walk.take("queued", &queued);
    if let Some(several) = several {
        let ended = walk.take("several", &several);
        assert!(ended.value.get("next").is_none(), "{ended:?}");
    }
    assert_eq!(walk.advised("too early"), [status.as_str()]);

    let cancelled = walk.server.call("immortal", json!({}));
    let id = cancelled.id();
    bgjob_tests::until("it runs", || sandbox.recorded(&id) == "running");
    let asked = walk.server.call("cancel_job", json!({"job_id": id}));
    let mut reply = asked;
    while reply["state"] == "running" {
        reply = walk.take("cancelling", &reply);
    }
    assert_eq!(reply["state"], "cancelled");
    assert_eq!(walk.advised("cancelling")[0], pair(per_tool, "immortal").0);

    let late = walk
        .server
        .call("short_gate", json!({"socket": sandbox.path("nobody")}));
    let failed = walk.server.finish(late);
    assert_eq!(failed["state"], "failed", "{failed:?}");
    assert!(
        failed.value.get("next").is_none(),
        "the same call fails again: {failed:?}"
    );
    let stuck = walk.server.call("stubborn", json!({}));
    let timed_out = walk.server.finish(stuck);
    assert_eq!(timed_out["error"]["code"], "timed_out", "{timed_out:?}");
    let again = walk.take("retryable", &timed_out);
    assert_eq!(again["retry_of"], timed_out["job_id"]);
    walk.server.finish(again);
    assert_eq!(walk.advised("retryable"), ["retry_job"]);
}

#[test]
fn advice_works_through_the_life_of_jobs() {
    through_the_life_of_jobs(&sandbox(), false);
}

#[test]
fn advice_works_with_a_typed_pair_for_each_tool() {
    through_the_life_of_jobs(&sandbox(), true);
}

#[test]
fn advice_leads_through_every_page() {
    let sandbox = sandbox();
    let mut walk = Walk::new(Server::start(&sandbox));
    let started = walk.server.call("big", json!({"kib": 70}));
    let mut reply = walk.server.finish(started);
    assert_eq!(reply["state"], "completed");
    let parts = walk.take("outline", &reply);
    assert!(parts["outline"]["/text"].is_string(), "{parts:?}");
    let part = json!({"job_id": parts.id(), "pointer": "/text"});
    reply = walk.server.call("get_job_results", part);
    let mut text = reply["value"].as_str().map_or(0, str::len);
    while reply.value.get("next").is_some() {
        reply = walk.take("large result", &reply);
        text += reply["value"].as_str().map_or(0, str::len);
    }
    assert_eq!(text, 70 << 10, "every character once: {:?}", walk.seen);
    let mut state = walk
        .server
        .call("get_state", json!({"field": "big", "pointer": "/text"}));
    let mut text = state["value"].as_str().unwrap().len();
    while state.value.get("next").is_some() {
        state = walk.take("large state", &state);
        text += state["value"].as_str().unwrap().len();
    }
    assert_eq!(text, 70 << 10);
    for _ in 0..3 {
        let started = walk.server.call("add", json!({"a": 1, "b": 1}));
        walk.server.finish(started);
    }
    let mut list = walk
        .server
        .call("list_jobs", json!({"tool": "add", "limit": 1}));
    let mut jobs = 1;
    while list.value.get("next").is_some() {
        list = walk.take("list", &list);
        jobs += list["jobs"].as_array().unwrap().len();
    }
    assert_eq!(jobs, 3);
}

#[test]
fn a_job_that_waits_for_another_is_waited_for() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut walk = Walk::new(Server::start(&sandbox));
    let note = json!({"text": "x", "socket": oracle.path()});
    let writer = walk.server.call("note", note);
    let reader = walk.server.call("read_note", json!({}));
    assert_eq!(reader["waiting_for"], json!([writer.id()]));
    oracle.wait_for(1);
    oracle.open();
    let mut reply = reader;
    while reply["state"] != "completed" {
        reply = walk.take("waiting", &reply);
    }
    assert_eq!(reply["result"]["note"]["text"], "x");
    assert!(reply.value.get("next").is_none());
}

#[test]
fn a_typed_pair_takes_the_place_of_the_shared_one() {
    let sandbox = sandbox();
    let mut command = sandbox.command(["serve"]);
    command.env("FIXTURE_PER_TOOL", "1");
    let mut server = Server::greet(command);
    let listed = server.tools();
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert!(!names.contains(&"get_job_status") && !names.contains(&"get_job_results"));
    for name in [
        "add_status",
        "add_results",
        "list_jobs",
        "cancel_job",
        "get_job_logs",
        "retry_job",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    // The result is described: `server.call` checks each reply against what was listed.
    let typed = listed
        .iter()
        .find(|tool| tool["name"] == "add_results")
        .unwrap();
    assert_eq!(
        typed["outputSchema"]["properties"]["result"]["type"], "integer",
        "{typed}"
    );
    let started = server.call("add", json!({"a": 20, "b": 22}));
    assert_eq!(started["next"]["tool"], "add_status");
    let done = server.finish(started);
    assert_eq!(done["result"], 42);
    let read = server.call("add_results", json!({"job_id": done.id()}));
    assert_eq!(read["result"], 42);
    // A pair follows the jobs of its own tool.
    let other = server.call("sleep_status", json!({"job_id": done.id()}));
    assert!(other.is_error, "{other:?}");
    assert_eq!(other["error"]["remedy"], "Call add_status instead.");
    let gone = server.request(
        "tools/call",
        json!({"name": "get_job_status", "arguments": {}}),
    );
    assert_eq!(gone["error"]["code"], -32602, "{gone}");
}
