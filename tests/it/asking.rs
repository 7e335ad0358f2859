//! Questions of running jobs: asked durably, answered once, by whichever way, through deaths and retries.

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

use crate::sandbox;

/// Waits until the job asks; its full view.
#[track_caller]
pub fn asks(sandbox: &Sandbox, id: &str) -> Value {
    let mut view = Value::Null;
    until("the job asks", || {
        view = sandbox.show(id);
        view["state"] == "input_required"
    });
    view
}

#[test]
fn a_question_is_shown_and_answered_on_the_command_line() {
    let sandbox = sandbox();
    let id = sandbox.submit("confirm_delete", &json!({"filename": "a.txt"}));
    let view = asks(&sandbox, &id);
    let question = &view["questions"][0];
    assert_eq!(question["key"], "confirm", "{view}");
    assert_eq!(question["message"], "Delete a.txt?");
    assert_eq!(
        question["schema"]["properties"]["confirm"]["type"],
        "boolean"
    );
    let shown = sandbox.run(["jobs", "show", &id]);
    assert!(
        shown.stdout.contains("asks confirm: Delete a.txt?"),
        "{shown:?}"
    );
    assert!(
        shown.stderr.contains(&format!("jobs answer {id}")),
        "{shown:?}"
    );

    let answered = sandbox.run(["jobs", "answer", &id, r#"{"confirm": true}"#]);
    assert_eq!(answered.code, Some(0), "{answered:?}");
    let view = sandbox.wait(&id);
    assert_eq!(
        view["result"],
        json!({"deleted": true, "filename": "a.txt"}),
        "{view}"
    );
    assert!(view.get("questions").is_none(), "{view}");
    let again = sandbox.run(["jobs", "answer", &id, r#"{"confirm": true}"#, "--json"]);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert_eq!(
        again.json()["error"]["code"],
        "no_open_question",
        "{again:?}"
    );
}

#[test]
fn an_answer_that_does_not_fit_is_refused_with_its_place_and_the_question_stays() {
    let sandbox = sandbox();
    let id = sandbox.submit("confirm_delete", &json!({"filename": "a.txt"}));
    asks(&sandbox, &id);
    let refused = [
        (r#"{"confirm": "perhaps"}"#, "/confirm"),
        (r#"{}"#, "/confirm"),
        (r#"{"confirm": true, "confirmed": 1}"#, "/confirmed"),
        (r#"7"#, ""),
    ];
    for (answer, place) in refused {
        let ran = sandbox.run(["jobs", "answer", &id, answer, "--json"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let error = &ran.json()["error"];
        assert_eq!(
            (&error["code"], &error["at"]),
            (&json!("invalid_argument"), &json!(place)),
            "{ran:?}"
        );
    }
    for key in ["other", "../../x", "", "confirm\0"] {
        let mut command = sandbox.command(["jobs", "answer", &id, "--decline", "--json"]);
        if key.contains('\0') {
            continue;
        }
        let ran = bgjob_tests::finish(command.args(["--key", key]));
        assert_eq!(
            ran.json()["error"]["code"],
            "no_open_question",
            "{key}: {ran:?}"
        );
    }
    assert_eq!(sandbox.state_of(&id), "input_required");
    // Text for an object: some clients hand everything over as a text.
    let ran = sandbox.run([
        "jobs",
        "answer",
        &id,
        "--key",
        "confirm",
        r#"{"confirm":false}"#,
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(sandbox.wait(&id)["result"]["deleted"], false);
}

#[test]
fn several_questions_are_open_at_once_and_answered_in_any_order() {
    let sandbox = sandbox();
    let id = sandbox.submit("multi_input", &json!({}));
    until("both are asked", || {
        sandbox.show(&id)["questions"].as_array().map(Vec::len) == Some(2)
    });
    let unclear = sandbox.run(["jobs", "answer", &id, "{}"]);
    assert!(unclear.stderr.contains("first, second"), "{unclear:?}");
    let ran = sandbox.run(["jobs", "answer", &id, "--key", "second", r#"{"name":"B"}"#]);
    assert!(ran.stdout.contains("asks one more question"), "{ran:?}");
    let view = sandbox.show(&id);
    assert_eq!(view["state"], "input_required");
    assert_eq!(
        view["questions"].as_array().map(Vec::len),
        Some(1),
        "{view}"
    );
    let ran = sandbox.run(["jobs", "answer", &id, r#"{"name":"A"}"#]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(sandbox.wait(&id)["result"]["names"], json!(["A", "B"]));
}

#[test]
fn an_agent_answers_with_a_tool_and_a_wait_returns_on_a_question() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("confirm_delete", json!({"filename": "b.txt"}));
    let reply = server.finish(started);
    assert_eq!(reply["state"], "input_required", "{reply:?}");
    let next = json!({"tool": "answer_job", "args": {"job_id": reply.id(), "key": "confirm"}});
    assert_eq!(reply["next"], next, "{reply:?}");
    assert_eq!(reply["questions"][0]["message"], "Delete b.txt?");

    let id = reply.id();
    let refused = server.call("answer_job", json!({"job_id": id, "value": {"confirm": 3}}));
    assert!(refused.is_error, "{refused:?}");
    assert_eq!(refused["error"]["at"], "/value/confirm", "{refused:?}");
    let refused = server.call("answer_job", json!({"job_id": id}));
    assert_eq!(refused["error"]["code"], "missing_argument");
    let refused = server.call(
        "answer_job",
        json!({"job_id": id, "key": "../x", "decline": true}),
    );
    assert_eq!(refused["error"]["code"], "no_open_question", "{refused:?}");

    let going = server.call(
        "answer_job",
        json!({"job_id": id, "key": "confirm", "value": "{\"confirm\":true}"}),
    );
    assert_eq!(going["state"], "running", "{going:?}");
    let done = server.finish(going);
    assert_eq!(done["result"]["deleted"], true, "{done:?}");
    let late = server.call(
        "answer_job",
        json!({"job_id": id, "value": {"confirm": true}}),
    );
    assert_eq!(late["error"]["code"], "no_open_question", "{late:?}");
}

#[test]
fn a_question_and_its_answer_outlive_every_server() {
    let sandbox = sandbox();
    let mut first = Server::start(&sandbox);
    let started = first.call("confirm_delete", json!({"filename": "c.txt"}));
    let id = started.id();
    asks(&sandbox, &id);
    first.signal(rustix::process::Signal::KILL);
    first.ended();
    let mut second = Server::start(&sandbox);
    let seen = second.call("get_job_status", json!({"job_id": id}));
    assert_eq!(seen["questions"][0]["key"], "confirm", "{seen:?}");
    // The job's supervisor stands still, so that the answer is only in the ledger when this server dies too.
    let supervisors: Vec<_> = sandbox
        .processes()
        .into_iter()
        .filter(|p| p.kind == Kind::Supervisor)
        .collect();
    supervisors
        .iter()
        .for_each(|p| p.signal(rustix::process::Signal::STOP));
    let answered = second.call(
        "answer_job",
        json!({"job_id": id, "value": {"confirm": true}}),
    );
    assert_eq!(answered["state"], "running", "{answered:?}");
    second.signal(rustix::process::Signal::KILL);
    second.ended();
    supervisors
        .iter()
        .for_each(|p| p.signal(rustix::process::Signal::CONT));
    assert_eq!(sandbox.wait(&id)["result"]["deleted"], true);
}

#[test]
fn a_retry_is_told_what_was_answered_and_asks_the_rest_anew() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit(
        "ask_in_turn",
        &json!({"keys": ["a", "b"], "socket": oracle.path()}),
    );
    asks(&sandbox, &id);
    assert_eq!(sandbox.run(["jobs", "answer", &id, "1"]).code, Some(0));
    oracle.wait_for(1);
    kill_worker(&sandbox);
    // The second attempt passes `a` without a question and waits at its gate again.
    oracle.wait_for_starts(2);
    assert_eq!(sandbox.state_of(&id), "running");
    until("the second attempt waits", || {
        oracle.let_go(&id);
        sandbox.state_of(&id) == "input_required"
    });
    assert_eq!(sandbox.show(&id)["questions"][0]["key"], "b");
    // Killed while it asks: the question goes with its attempt, and comes back with the next.
    kill_worker(&sandbox);
    until("the third attempt asks", || {
        oracle.let_go(&id);
        let view = sandbox.show(&id);
        view["state"] == "input_required" && view["attempt"] == 3
    });
    oracle.open();
    assert_eq!(sandbox.run(["jobs", "answer", &id, "2"]).code, Some(0));
    assert_eq!(
        sandbox.wait(&id)["result"],
        json!({"answers": [1, 2], "attempt": 3})
    );
}

#[track_caller]
fn kill_worker(sandbox: &Sandbox) {
    let workers: Vec<_> = sandbox
        .processes()
        .into_iter()
        .filter(|p| p.kind == Kind::Worker)
        .collect();
    assert_eq!(workers.len(), 1, "{workers:?}");
    workers[0].kill();
}

#[test]
fn an_answer_that_only_the_type_refuses_is_asked_for_again() {
    let sandbox = sandbox();
    let id = sandbox.submit("ask_even", &json!({}));
    asks(&sandbox, &id);
    assert_eq!(sandbox.run(["jobs", "answer", &id, "3"]).code, Some(0));
    let mut view = Value::Null;
    until("it asks again and says why", || {
        view = sandbox.show(&id);
        view["questions"][0]["refused"].is_string()
    });
    let refused = view["questions"][0]["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("3 is odd"), "{view}");
    assert_eq!(sandbox.run(["jobs", "answer", &id, "4"]).code, Some(0));
    assert_eq!(sandbox.wait(&id)["result"], json!({"even": true}));
}

#[test]
fn nobody_has_to_answer() {
    let sandbox = sandbox();
    let id = sandbox.submit("ask_even", &json!({}));
    asks(&sandbox, &id);
    assert_eq!(
        sandbox.run(["jobs", "answer", &id, "--decline"]).code,
        Some(0)
    );
    let view = sandbox.wait(&id);
    assert_eq!(view["result"]["code"], "declined", "{view}");
}

#[test]
fn a_question_goes_with_its_time_its_job_and_its_asker() {
    let sandbox = sandbox();
    let hurried = sandbox.submit("ask_in_a_hurry", &json!({}));
    let cancelled = sandbox.submit("confirm_delete", &json!({"filename": "x"}));
    asks(&sandbox, &cancelled);
    assert_eq!(sandbox.run(["jobs", "cancel", &cancelled]).code, Some(0));
    assert_eq!(sandbox.wait(&cancelled)["state"], "cancelled");
    assert_eq!(sandbox.wait(&hurried)["error"]["code"], "timed_out");
    for id in [hurried, cancelled] {
        let ran = sandbox.run(["jobs", "answer", &id, "true", "--json"]);
        assert_eq!(ran.json()["error"]["code"], "no_open_question", "{ran:?}");
    }

    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("ask_briefly", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    asks(&sandbox, &id);
    oracle.open();
    assert_eq!(sandbox.wait(&id)["result"], json!({"answer": null}));
}

#[test]
fn a_job_that_asks_keeps_its_slot() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let id = sandbox.submit("confirm_delete", &json!({"filename": "x"}));
    asks(&sandbox, &id);
    let next = sandbox.submit("add", &json!({"a": 1, "b": 1}));
    assert_eq!(sandbox.show(&next)["queue_position"], 1);
    assert_eq!(
        sandbox
            .run(["jobs", "answer", &id, r#"{"confirm":true}"#])
            .code,
        Some(0)
    );
    assert_eq!(sandbox.wait(&next)["result"], 2);
}
