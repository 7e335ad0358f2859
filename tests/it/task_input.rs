//! Questions as the input requests of tasks (SEP-2663), and tools for clients that have tasks.

use bgjob_tests::rpc::{Rpc, TASKS};
use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

use crate::sandbox;

fn modern(sandbox: &Sandbox) -> Rpc {
    Rpc::with_tasks(sandbox.command(["serve"]))
}

/// A client of 2026-07-28 that declares tasks and can ask its user.
fn asking(sandbox: &Sandbox) -> Rpc {
    let capabilities = json!({"elicitation": {}, "extensions": {TASKS: {}}});
    Rpc::modern(sandbox.command(["serve"]), capabilities)
}

/// Waits until the task asks `count` things.
#[track_caller]
fn requests(client: &mut Rpc, task: &str, count: usize) -> Value {
    let mut seen = Value::Null;
    until("the task asks", || {
        seen = client.get(task)["result"].clone();
        let asked = seen["inputRequests"].as_object();
        asked.is_some_and(|asked| asked.len() == count)
    });
    assert_eq!(seen["status"], "input_required", "{seen}");
    seen["inputRequests"].clone()
}

fn update(client: &mut Rpc, task: &str, responses: Value) -> Value {
    let params = json!({"taskId": task, "inputResponses": responses});
    client.request("tasks/update", params)
}

#[test]
fn a_question_is_an_input_request_and_its_response_the_answer() {
    let sandbox = sandbox();
    let mut first = asking(&sandbox);
    let task = first.task("confirm_delete", &json!({"filename": "a.txt"}));
    let asked = requests(&mut first, &task, 1);
    let request = &asked["confirm"];
    assert_eq!(request["method"], "elicitation/create", "{asked}");
    assert_eq!(request["params"]["message"], "Delete a.txt?");
    let form = &request["params"]["requestedSchema"];
    assert_eq!(form["properties"]["confirm"]["type"], "boolean", "{asked}");

    // Another server process, after the first was killed.
    first.kill();
    let mut second = asking(&sandbox);
    assert_eq!(requests(&mut second, &task, 1), asked);
    for unfit in [
        json!({"confirm": {"action": "accept", "content": {"confirm": "perhaps"}}}),
        json!({"confirm": {"action": "accept"}}),
        json!({"confirm": 7}),
    ] {
        let refused = update(&mut second, &task, unfit);
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
        assert_eq!(refused["error"]["data"]["code"], "invalid_argument");
    }
    // What is not asked is not answered (SEP-2663).
    for unasked in [
        json!({"../../confirm": {"action": "accept", "content": {"confirm": true}}}),
        json!({"confirm:2": {"action": "decline"}}),
    ] {
        let ignored = update(&mut second, &task, unasked);
        assert_eq!(ignored["result"]["resultType"], "complete", "{ignored}");
        assert_eq!(requests(&mut second, &task, 1), asked);
    }
    let yes = json!({"confirm": {"action": "accept", "content": {"confirm": true}}});
    let done = update(&mut second, &task, yes);
    assert_eq!(done["result"], json!({"resultType": "complete"}), "{done}");
    // Killed at once: the answer is on record.
    second.kill();
    let mut third = asking(&sandbox);
    let no = json!({"confirm": {"action": "accept", "content": {"confirm": false}}});
    let late = update(&mut third, &task, no);
    assert_eq!(late["result"]["resultType"], "complete", "{late}");
    let ended = third.end_of(&task);
    assert_eq!(
        ended["result"]["structuredContent"]["result"]["deleted"], true,
        "{ended}"
    );
}

#[test]
fn a_task_that_asks_twice_at_once_is_answered_one_by_one() {
    let sandbox = sandbox();
    let (mut one, mut two) = (asking(&sandbox), asking(&sandbox));
    let task = one.task("multi_input", &json!({}));
    requests(&mut one, &task, 2);
    let answer =
        |name: &str| json!({"action": "accept", "content": {"name": name, "confirm": true}});
    update(&mut one, &task, json!({"first": answer("A")}));
    let left = requests(&mut two, &task, 1);
    assert!(left.get("second").is_some(), "{left}");
    update(&mut two, &task, json!({"second": answer("B")}));
    let ended = one.end_of(&task);
    assert_eq!(
        ended["result"]["structuredContent"]["result"]["names"],
        json!(["A", "B"]),
        "{ended}"
    );
}

#[test]
fn a_question_that_is_asked_again_has_another_name() {
    let sandbox = sandbox();
    let mut client = asking(&sandbox);
    let task = client.task("ask_even", &json!({}));
    requests(&mut client, &task, 1);
    let number = |number: u8| json!({"action": "accept", "content": {"value": number}});
    update(&mut client, &task, json!({"number": number(3)}));
    let mut again = Value::Null;
    until("it asks again", || {
        again = client.get(&task)["result"]["inputRequests"]["number:2"].clone();
        again.is_object()
    });
    let message = again["params"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("3 is odd"), "{again}");
    update(&mut client, &task, json!({"number:2": number(4)}));
    let ended = client.end_of(&task);
    assert_eq!(
        ended["result"]["structuredContent"]["result"],
        json!({"even": true})
    );
}

#[test]
fn a_client_that_cannot_ask_its_user_is_not_asked() {
    let sandbox = sandbox();
    let mut client = modern(&sandbox);
    let task = client.task("confirm_delete", &json!({"filename": "a.txt"}));
    let mut seen = Value::Null;
    until("the task says that it asks", || {
        seen = client.get(&task)["result"].clone();
        seen["statusMessage"] == "asks: Delete a.txt?"
    });
    assert_eq!(seen["status"], "working", "{seen}");
    assert!(seen.get("inputRequests").is_none(), "{seen}");
    client.call(
        "answer_job",
        &json!({"job_id": task, "value": {"confirm": false}}),
    );
    let ended = client.end_of(&task);
    assert_eq!(
        ended["result"]["structuredContent"]["result"]["deleted"],
        false
    );
}

#[test]
fn a_tool_for_tasks_alone_refuses_everybody_else() {
    let sandbox = sandbox();
    let declared = json!({"extensions": {TASKS: {}}});
    let undeclared = Rpc::modern(sandbox.command(["serve"]), json!({}));
    let older = Rpc::session(sandbox.command(["serve"]), &declared);
    for mut client in [undeclared, older] {
        let answer = client.call("failing_job", &json!({}));
        assert_eq!(answer["error"]["code"], -32021, "{answer}");
        let required = &answer["error"]["data"]["requiredCapabilities"]["extensions"];
        assert_eq!(required[TASKS], json!({}), "{answer}");
    }
    assert_eq!(sandbox.json(["jobs", "list"])["jobs"], json!([]));
    let mut client = modern(&sandbox);
    let task = client.task("failing_job", &json!({}));
    let ended = client.end_of(&task);
    assert_eq!(ended["result"]["isError"], true, "{ended}");
    // The command line is for everybody.
    assert_eq!(
        sandbox.finish("failing_job", &json!({}))["error"]["code"],
        "tool_error"
    );
}
