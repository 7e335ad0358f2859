//! Calls that wait for the result of a quick job.

use bgjob_tests::mcp::{Era, Server};
use bgjob_tests::oracle::Oracle;
use serde_json::{Value, json};

use crate::sandbox;

#[test]
fn a_quick_job_is_answered_by_the_call_itself() {
    let sandbox = sandbox();
    for era in [Era::Session, Era::SelfContained] {
        let mut server = Server::start_as(&sandbox, era);
        let done = server.call("quick", json!({}));
        assert_eq!(
            (&done["state"], &done["result"]),
            (&json!("completed"), &json!({"quick": true}))
        );
        assert!(
            !done.is_error && done.value.get("next").is_none(),
            "{done:?}"
        );
        assert_eq!(sandbox.show(&done.id())["state"], "completed");
        let failed = server.call("quick", json!({"error": "too quick"}));
        assert!(failed.is_error, "{failed:?}");
        assert_eq!(
            (&failed["state"], &failed["error"]["message"]),
            (&json!("failed"), &json!("too quick"))
        );
    }
}

#[test]
fn a_longer_job_is_answered_with_its_handle() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Server::start(&sandbox);
    let begun = std::time::Instant::now();
    let started = server.call("quick_or_not", json!({"socket": oracle.path()}));
    assert!(
        begun.elapsed() >= std::time::Duration::from_millis(300),
        "it was not waited for"
    );
    assert!(
        !started.is_error && started["state"] != "completed",
        "{started:?}"
    );
    assert_eq!(started["next"]["tool"], "get_job_status");
    oracle.wait_for(1);
    oracle.open();
    assert_eq!(server.finish(started)["result"], json!({"quick": false}));
}

#[test]
fn a_phase_is_no_answer_and_the_server_answers_others_meanwhile() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Server::start(&sandbox);
    let call = server.begin_call("quick", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    assert_eq!(server.request("ping", json!({}))["result"], json!({}));
    assert!(!server.answered().contains_key(&call.to_string()));
    oracle.open();
    let answer = server.answer(&json!(call));
    let done = server.reply("quick", &answer);
    assert_eq!(done["state"], "completed");
}

#[test]
fn a_call_that_is_given_up_before_its_answer_leaves_no_job_behind() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Server::start(&sandbox);
    let call = server.begin_call("quick", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    server.send(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": call, "reason": "the user changed their mind"}}),
    );
    bgjob_tests::until("the job is cancelled", || {
        sandbox.json(["jobs", "list"])["jobs"][0]["state"] == "cancelled"
    });
}

#[test]
fn the_command_line_and_the_description_are_as_ever() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("quick", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    oracle.open();
    assert_eq!(sandbox.wait(&id)["state"], "completed");
    let mut server = Server::start(&sandbox);
    let tools = server.tools();
    let described = |name: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name);
        tool.map(|tool| tool["description"].clone())
            .unwrap_or(Value::Null)
    };
    let text = described("quick");
    assert!(
        text.as_str()
            .unwrap()
            .contains("if it ends within 10s, else with its job_id"),
        "{text}"
    );
    assert!(described("add").as_str().unwrap().contains("at once"));
}
