//! Jobs as tasks (SEP-2663), over raw lines: who gets one, what it says, and that it outlives servers.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::rpc::{Rpc, TASKS};
use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

use crate::sandbox;

fn modern(sandbox: &Sandbox) -> Rpc {
    Rpc::with_tasks(sandbox.command(["serve"]))
}

#[test]
fn a_client_that_declares_tasks_gets_one_and_its_result() {
    let sandbox = sandbox();
    let mut client = modern(&sandbox);
    let hello = client.request("server/discover", json!({}));
    let extensions = &hello["result"]["capabilities"]["extensions"];
    assert_eq!(extensions[TASKS], json!({}), "{hello}");

    let answer = client.call("add", &json!({"a": 2, "b": 3}));
    let task = &answer["result"];
    assert_eq!(task["resultType"], "task", "{answer}");
    assert!(
        task["createdAt"].as_str() <= task["lastUpdatedAt"].as_str(),
        "{task}"
    );
    // 60 s of timeout and 7 days of retention, and less than that for the queue.
    let week = 7 * 24 * 3_600_000;
    let ttl = task["ttlMs"].as_u64().expect("a time to live");
    assert!((week + 60_000..week + 120_000).contains(&ttl), "{task}");
    assert!(task["pollIntervalMs"].as_u64() >= Some(100), "{task}");
    assert!(task.get("content").is_none(), "{task}");

    let ended = client.end_of(task["taskId"].as_str().expect("an id"));
    assert_eq!(ended["resultType"], "complete", "{ended}");
    assert_eq!(ended["status"], "completed", "{ended}");
    assert_eq!(ended["createdAt"], task["createdAt"]);
    assert!(ended.get("statusMessage").is_none(), "{ended}");
    let result = &ended["result"];
    assert_eq!(result["isError"], false, "{ended}");
    assert_eq!(result["structuredContent"]["result"], 5);
    assert_eq!(
        result["content"][0]["text"],
        result["structuredContent"].to_string()
    );
}

#[test]
fn everybody_else_gets_a_handle() {
    let sandbox = sandbox();
    let declared = json!({"extensions": {TASKS: {}}});
    let undeclared = Rpc::modern(sandbox.command(["serve"]), json!({}));
    let older = Rpc::session(sandbox.command(["serve"]), &declared);
    let plain = Rpc::session(sandbox.command(["serve"]), &json!({}));
    for mut client in [undeclared, older, plain] {
        let answer = client.call("add", &json!({"a": 2, "b": 3}));
        let reply = &answer["result"]["structuredContent"];
        assert_eq!(reply["next"]["tool"], "get_job_status", "{answer}");
        assert!(answer["result"].get("taskId").is_none(), "{answer}");
        let done = client.call("get_job_status", &reply["next"]["args"]);
        assert_eq!(done["result"]["structuredContent"]["result"], 5, "{done}");
    }
}

#[test]
fn task_requests_of_clients_without_tasks_are_refused() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 1, "b": 1}));
    let requests = [
        ("tasks/get", json!({"taskId": id})),
        ("tasks/cancel", json!({"taskId": id})),
        ("tasks/update", json!({"taskId": id, "inputResponses": {}})),
    ];
    let mut undeclared = Rpc::modern(sandbox.command(["serve"]), json!({}));
    let declared = json!({"extensions": {TASKS: {}}});
    let mut older = Rpc::session(sandbox.command(["serve"]), &declared);
    for (method, params) in requests {
        let answer = undeclared.request(method, params.clone());
        assert_eq!(answer["error"]["code"], -32021, "{answer}");
        let required = &answer["error"]["data"]["requiredCapabilities"]["extensions"];
        assert_eq!(required[TASKS], json!({}), "{answer}");
        let answer = older.request(method, params);
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    }
    let mut client = modern(&sandbox);
    for method in ["tasks/list", "tasks/result"] {
        let answer = client.request(method, json!({"taskId": id}));
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    }
    let answer = client.request("tasks/get", json!({"task": id}));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    sandbox.wait(&id);
}

#[test]
fn a_refused_call_makes_no_task() {
    let sandbox = sandbox();
    let mut client = modern(&sandbox);
    let answer = client.call("add", &json!({"a": 2, "bee": 3}));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert_eq!(answer["result"]["structuredContent"]["state"], "rejected");
    assert_eq!(sandbox.json(["jobs", "list"])["jobs"], json!([]));
}

#[test]
fn a_tool_s_own_error_is_a_completed_task_and_a_crash_a_failed_one() {
    let sandbox = sandbox();
    let mut client = modern(&sandbox);
    let task = client.task("fail", &json!({"text": "no water"}));
    let ended = client.end_of(&task);
    assert_eq!(ended["status"], "completed", "{ended}");
    assert_eq!(ended["result"]["isError"], true, "{ended}");
    let error = &ended["result"]["structuredContent"]["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!("tool_error"), &json!("no water"))
    );

    let crashes = [
        ("panic", json!({"text": "oh"}), "panicked"),
        ("abort", json!({}), "crashed"),
        ("exit", json!({"status": 0}), "no_result"),
        ("nan", json!({}), "bad_result"),
    ];
    for (tool, arguments, code) in crashes {
        let task = client.task(tool, &arguments);
        let ended = client.end_of(&task);
        assert_eq!(ended["status"], "failed", "{ended}");
        assert_eq!(ended["error"]["code"], -32603, "{ended}");
        assert_eq!(ended["error"]["data"]["code"], code, "{ended}");
        assert!(ended.get("result").is_none() && ended.get("statusMessage").is_none());
    }
}

#[test]
fn a_task_that_times_out_has_failed() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut client = modern(&sandbox);
    let task = client.task("short_gate", &json!({"socket": oracle.path()}));
    let ended = client.end_of(&task);
    assert_eq!(ended["status"], "failed", "{ended}");
    assert_eq!(ended["error"]["data"]["code"], "timed_out", "{ended}");
}

#[test]
fn a_task_says_what_it_is_doing_until_it_is_cancelled() {
    let sandbox = sandbox();
    let mut client = modern(&sandbox);
    let task = client.task("sleep", &json!({"ms": 300_000}));
    let mut seen = Value::Null;
    until("the task tells its progress", || {
        seen = client.get(&task)["result"].clone();
        let words = seen["statusMessage"].as_str().unwrap_or_default();
        words.contains("sleeping")
    });
    assert_eq!(seen["status"], "working", "{seen}");
    assert!(
        seen["lastUpdatedAt"].as_str() > seen["createdAt"].as_str(),
        "{seen}"
    );
    for _ in 0..2 {
        let answer = client.request("tasks/cancel", json!({"taskId": task}));
        assert_eq!(
            answer["result"],
            json!({"resultType": "complete"}),
            "{answer}"
        );
    }
    let ended = client.end_of(&task);
    assert_eq!(ended["status"], "cancelled", "{ended}");
    assert!(
        ended.get("statusMessage").is_none() && ended.get("result").is_none(),
        "{ended}"
    );
    let answer = client.request("tasks/cancel", json!({"taskId": task}));
    assert_eq!(
        answer["result"],
        json!({"resultType": "complete"}),
        "{answer}"
    );
}

#[test]
fn a_task_without_a_timeout_has_no_time_to_live() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut client = modern(&sandbox);
    let answer = client.call("gate", &json!({"socket": oracle.path()}));
    assert_eq!(answer["result"]["ttlMs"], Value::Null, "{answer}");
    assert!(
        answer["result"]
            .as_object()
            .expect("a task")
            .contains_key("ttlMs")
    );
    let task = answer["result"]["taskId"]
        .as_str()
        .expect("an id")
        .to_owned();
    oracle.wait_for(1);
    oracle.open();
    let ended = client.end_of(&task);
    assert!(ended["ttlMs"].as_u64() > Some(0), "{ended}");
}

#[test]
fn a_server_killed_after_its_reply_leaves_a_task_that_the_next_one_answers_for() {
    let sandbox = sandbox();
    let mut first = modern(&sandbox);
    let task = first.task("add", &json!({"a": 20, "b": 22}));
    // Killed before or after it started a process: the reply has promised the job either way.
    first.kill();
    let mut second = modern(&sandbox);
    let ended = second.end_of(&task);
    assert_eq!(
        ended["result"]["structuredContent"]["result"], 42,
        "{ended}"
    );
}

#[test]
fn another_server_process_answers_and_cancels_too() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let (mut first, mut second) = (modern(&sandbox), modern(&sandbox));
    let task = first.task("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    assert_eq!(second.get(&task)["result"]["status"], "working");
    second.request("tasks/cancel", json!({"taskId": task}));
    assert_eq!(first.end_of(&task)["status"], "cancelled");
    assert!(second.leave().success());
}

#[test]
fn answers_to_questions_never_asked_change_nothing() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut client = modern(&sandbox);
    let task = client.task("gate", &json!({"socket": oracle.path()}));
    let state = |sandbox: &Sandbox| {
        sandbox.ledger().query_row(
            "SELECT state || revision || (SELECT count(*) FROM question) FROM job",
            [],
            |row| row.get::<_, String>(0),
        )
    };
    oracle.wait_for(1);
    let before = state(&sandbox).unwrap();
    for responses in [
        json!({"name": {"action": "accept"}}),
        json!({"../../x": {"action": "accept"}}),
        json!({}),
    ] {
        let params = json!({"taskId": task, "inputResponses": responses});
        let answer = client.request("tasks/update", params);
        // SEP-2663: what is not asked is left out, and acknowledged.
        assert_eq!(
            answer["result"],
            json!({"resultType": "complete"}),
            "{answer}"
        );
    }
    assert_eq!(state(&sandbox).unwrap(), before);
    client.request("tasks/cancel", json!({"taskId": task}));
    client.end_of(&task);
}

#[test]
fn hostile_ids_are_unknown_tasks_and_touch_no_file() {
    let sandbox = sandbox();
    let mut client = modern(&sandbox);
    let known = client.task("add", &json!({"a": 1, "b": 1}));
    client.end_of(&known);
    sandbox.settle();
    let before = bgjob_tests::modes_below(&sandbox.data().join("jobs"));
    let long = "a".repeat(100_000);
    let unknown = format!("add-{}", "0".repeat(20));
    let upper = known.to_uppercase();
    let dotted = format!("../jobs/{known}");
    let ids = [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "add-\0",
        "%2e%2e",
        &long,
        &unknown,
        &upper,
        &dotted,
    ];
    for id in ids {
        for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
            let answer = client.request(method, json!({"taskId": id, "inputResponses": {}}));
            let error = json!({"code": -32602, "message": "unknown task", "data": {"code": "job_not_found"}});
            assert_eq!(answer["error"], error, "{method} {id:.80}");
        }
    }
    assert_eq!(
        bgjob_tests::modes_below(&sandbox.data().join("jobs")),
        before
    );
    assert_eq!(client.get(&known)["result"]["status"], "completed");
}
