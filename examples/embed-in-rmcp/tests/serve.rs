//! Both ways to join: the server's own tools answer as before, the background tools beside them, as
//! handles and as tasks.

use std::process::Command;
use std::time::{Duration, Instant};

use bgjob_tests::Sandbox;
use bgjob_tests::rpc::{Rpc, TASKS};
use serde_json::{Value, json};

const DECORATED: &str = env!("CARGO_BIN_EXE_decorated");
const MERGED: &str = env!("CARGO_BIN_EXE_merged");

fn serve(sandbox: &Sandbox, program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("BGJOB_DATA_DIR", sandbox.data());
    command
}

/// Four corners of a square, in an order that crosses itself.
fn holes() -> Value {
    json!({"holes": [{"x_mm": 0, "y_mm": 0}, {"x_mm": 9, "y_mm": 9}, {"x_mm": 9, "y_mm": 0},
        {"x_mm": 0, "y_mm": 9}]})
}

fn names(answer: &Value) -> Vec<String> {
    let tools = answer["result"]["tools"].as_array().expect("tools");
    let names = tools.iter().filter_map(|tool| tool["name"].as_str());
    names.map(str::to_owned).collect()
}

#[test]
fn both_servers_list_and_call_their_own_tools_and_ours() {
    for program in [DECORATED, MERGED] {
        let sandbox = Sandbox::new(program);
        let mut client = Rpc::session(serve(&sandbox, program), &json!({}));
        let listed = names(&client.request("tools/list", json!({})));
        for name in ["machines", "order_cuts", "get_job_status", "get_state"] {
            let count = listed.iter().filter(|listed| *listed == name).count();
            assert_eq!(count, 1, "{name} in {listed:?}");
        }
        let own = client.call("machines", &json!({}));
        assert_eq!(own["result"]["content"][0]["text"], "mill, lathe, laser");
        let started = client.call("order_cuts", &holes());
        let next = &started["result"]["structuredContent"]["next"];
        assert_eq!(next["tool"], "get_job_status", "{started}");
        let ended = client.call("get_job_status", &next["args"]);
        assert_eq!(
            ended["result"]["structuredContent"]["result"]["way_mm"], 27.0,
            "{ended}"
        );
        let nothing = client.call("order_cutz", &json!({}));
        assert!(nothing["error"]["code"].is_i64(), "{nothing}");
        assert!(client.leave().success());
    }
}

#[test]
fn both_servers_answer_with_tasks_and_for_them() {
    for program in [DECORATED, MERGED] {
        let sandbox = Sandbox::new(program);
        let mut client = Rpc::with_tasks(serve(&sandbox, program));
        let hello = client.request("server/discover", json!({}));
        let extensions = &hello["result"]["capabilities"]["extensions"];
        assert_eq!(extensions[TASKS], json!({}), "{hello}");
        let instructions = hello["result"]["instructions"].as_str().unwrap_or_default();
        assert!(
            instructions.starts_with("Plans work on steel plates. "),
            "{instructions}"
        );
        let task = client.task("order_cuts", &holes());
        client.kill();
        // Another process of the same server.
        let mut client = Rpc::with_tasks(serve(&sandbox, program));
        let ended = client.end_of(&task);
        let result = &ended["result"]["structuredContent"]["result"];
        assert_eq!(result["way_mm"], 27.0, "{ended}");
        let cancelled = client.request("tasks/cancel", json!({"taskId": task}));
        assert_eq!(cancelled["result"]["resultType"], "complete", "{cancelled}");
        let params = json!({"taskId": task, "inputResponses": {"x": {}}});
        let updated = client.request("tasks/update", params);
        assert_eq!(updated["result"]["resultType"], "complete", "{updated}");
        let unknown = client.get("order_cuts-00000000000000000000");
        assert_eq!(unknown["error"]["message"], "unknown task", "{unknown}");
    }
}

/// The same call again, with an answer to what was asked.
fn answered(client: &mut Rpc, answer: Value) -> Value {
    let params = json!({"name": "ask_and_order_cuts", "arguments": holes(),
        "inputResponses": {"first": answer}});
    client.request("tools/call", params)
}

#[test]
fn a_question_before_the_job_is_the_reply_and_the_answer_starts_a_task() {
    let sandbox = Sandbox::new(MERGED);
    let capabilities = json!({"elicitation": {}, "extensions": {TASKS: {}}});
    let mut client = Rpc::modern(serve(&sandbox, MERGED), capabilities);
    let asked = client.call("ask_and_order_cuts", &holes())["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let request = &asked["inputRequests"]["first"];
    assert_eq!(request["method"], "elicitation/create", "{asked}");
    let form = &request["params"]["requestedSchema"]["properties"]["first"];
    assert_eq!((&form["minimum"], &form["maximum"]), (&json!(0), &json!(3)));
    let jobs = client.call("list_jobs", &json!({}));
    let none = &jobs["result"]["structuredContent"]["jobs"];
    assert_eq!(none, &json!([]), "nothing has begun");

    let declined = answered(&mut client, json!({"action": "decline"}));
    assert_eq!(declined["result"]["isError"], true, "{declined}");
    let wrong = json!({"action": "accept", "content": {"first": "the left one"}});
    let refused = answered(&mut client, wrong);
    let error = &refused["result"]["structuredContent"]["error"];
    assert_eq!(error["code"], "invalid_argument", "{refused}");

    let right = json!({"action": "accept", "content": {"first": 2}});
    let task = answered(&mut client, right)["result"].clone();
    assert_eq!(task["resultType"], "task", "{task}");
    let ended = client.end_of(task["taskId"].as_str().expect("an id"));
    let result = &ended["result"]["structuredContent"]["result"];
    assert_eq!(
        (&result["holes"][0], &result["way_mm"]),
        (&json!(2), &json!(27.0))
    );
}

#[test]
fn who_cannot_be_asked_gets_the_job_at_once() {
    let sandbox = Sandbox::new(MERGED);
    let silent = Rpc::modern(serve(&sandbox, MERGED), json!({}));
    let older = Rpc::session(serve(&sandbox, MERGED), &json!({"elicitation": {}}));
    for mut client in [silent, older] {
        let started = client.call("ask_and_order_cuts", &holes());
        let next = &started["result"]["structuredContent"]["next"];
        assert_eq!(next["tool"], "get_job_status", "{started}");
        let ended = client.call("get_job_status", &next["args"]);
        let result = &ended["result"]["structuredContent"]["result"];
        assert_eq!(result["holes"][0], 0, "{ended}");
    }
}

#[test]
fn both_servers_have_our_resources_after_their_own() {
    for program in [DECORATED, MERGED] {
        let sandbox = Sandbox::new(program);
        let mut client = Rpc::session(serve(&sandbox, program), &json!({}));
        let started = client.call("order_cuts", &holes());
        let next = &started["result"]["structuredContent"]["next"];
        let ended = client.call("get_job_status", &next["args"]);
        let id = &ended["result"]["structuredContent"]["job_id"];
        let result = format!("bgjob://jobs/{}/result", id.as_str().expect("an id"));

        let listed = client.request("resources/list", json!({}));
        let uris: Vec<&str> = listed["result"]["resources"]
            .as_array()
            .unwrap_or_else(|| panic!("{listed}"))
            .iter()
            .filter_map(|resource| resource["uri"].as_str())
            .collect();
        let own: &[&str] = if program == DECORATED {
            &["workshop://rules"]
        } else {
            &[]
        };
        assert_eq!(uris, [own, &[&*result]].concat(), "{listed}");
        let templates = client.request("resources/templates/list", json!({}));
        let count = templates["result"]["resourceTemplates"].as_array();
        assert_eq!(count.map(Vec::len), Some(5), "{templates}");

        let mut read = |uri: &str| client.request("resources/read", json!({ "uri": uri }));
        let text = read(&result)["result"]["contents"][0]["text"].clone();
        assert!(
            text.as_str().is_some_and(|text| text.contains("way_mm")),
            "{text}"
        );
        if program == DECORATED {
            let rules = read("workshop://rules");
            assert_eq!(
                rules["result"]["contents"][0]["text"], "Wear goggles.",
                "{rules}"
            );
            let nothing = read("workshop://other");
            assert_eq!(nothing["error"]["message"], "no such rules", "{nothing}");
        }
        assert_eq!(read("bgjob://jobs/x")["error"]["code"], -32002);
        let subscribed = client.request("resources/subscribe", json!({ "uri": result }));
        assert_eq!(subscribed["result"], json!({}), "{subscribed}");
        assert!(client.leave().success());
    }
}

#[test]
fn a_wait_ends_when_the_client_leaves_and_the_job_goes_on() {
    let sandbox = Sandbox::new(DECORATED);
    let mut client = Rpc::session(serve(&sandbox, DECORATED), &json!({}));
    // A spiral of so many holes that ordering them takes a moment.
    let hole = |n: f64| json!({"x_mm": n * (n * 2.4).cos(), "y_mm": n * (n * 2.4).sin()});
    let holes: Vec<Value> = (0..300).map(|n| hole(f64::from(n))).collect();
    let started = client.call("order_cuts", &json!({"holes": holes}));
    let id = started["result"]["structuredContent"]["job_id"].clone();
    let wait = json!({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params":
        {"name": "get_job_status", "arguments": {"job_id": id, "wait_s": 50}}});
    client.send(&wait);
    let left = Instant::now();
    assert!(client.leave().success());
    // The protocol library alone would give the wait 5 s.
    assert!(left.elapsed() < Duration::from_secs(4), "{left:?}");
    let mut client = Rpc::session(serve(&sandbox, DECORATED), &json!({}));
    let ended = client.call("get_job_status", &json!({"job_id": id, "wait_s": 50}));
    let state = &ended["result"]["structuredContent"]["state"];
    assert!(state == "completed" || state == "running", "{ended}");
    bgjob_tests::until("the job ends", || {
        let now = client.call("get_job_status", &json!({"job_id": id, "wait_s": 50}));
        now["result"]["structuredContent"]["state"] == "completed"
    });
}
