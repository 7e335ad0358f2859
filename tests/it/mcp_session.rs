//! What a client sees: handles, waits, results in parts, state, refusals that say how to go on.

use bgjob_tests::mcp::{Era, Server};
use serde_json::{Value, json};

use crate::sandbox;

#[test]
fn a_client_of_either_era_starts_waits_and_gets_the_result() {
    for era in [Era::Session, Era::SelfContained] {
        let sandbox = sandbox();
        let mut server = Server::start_as(&sandbox, era);
        let started = server.call("add", json!({"a": 2, "b": 3}));
        assert_eq!(started["state"], "queued", "{started:?}");
        assert!(!started.is_error);
        let done = server.finish(started);
        assert_eq!(
            (&done["state"], &done["result"]),
            (&json!("completed"), &json!(5)),
            "{era:?}"
        );
        let again = server.call("get_job_results", json!({"job_id": done.id()}));
        assert_eq!(again["result"], 5);
    }
}

#[test]
fn the_server_says_who_it_is_and_has_no_prompts() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let hello = json!({"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let about = server.request("initialize", hello);
    assert_eq!(about["result"]["serverInfo"]["name"], "fixture");
    assert!(
        about["result"]["instructions"]
            .as_str()
            .unwrap()
            .contains("job_id")
    );
    for method in [
        "prompts/list",
        "completion/complete",
        "tasks/list",
        "no/such",
    ] {
        let answer = server.request(method, json!({"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "x", "value": "x"}}));
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
    }
    for (method, params) in [
        ("tools/call", json!({"name": 7})),
        ("resources/read", json!({"uri": 7})),
        ("resources/read", json!({})),
    ] {
        let answer = server.request(method, params);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    let answer = server.request("tools/call", json!({"name": "ad"}));
    assert!(
        answer["error"]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `add`?"),
        "{answer}"
    );
}

#[test]
fn every_tool_is_listed_with_hints_and_schemas_that_clients_accept() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let tools = server.tools();
    let named = |name: &str| {
        tools
            .iter()
            .find(|tool| tool["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
    };
    let programs = json!({"readOnlyHint": false, "idempotentHint": false});
    let reads = json!({"readOnlyHint": true, "idempotentHint": true, "destructiveHint": false, "openWorldHint": false});
    let destroys = json!({"readOnlyHint": false, "idempotentHint": true, "destructiveHint": true, "openWorldHint": false});
    let answers = json!({"readOnlyHint": false, "idempotentHint": false, "destructiveHint": false, "openWorldHint": false});
    let hints = std::collections::BTreeMap::from([
        ("get_job_status", &reads),
        ("get_job_results", &reads),
        ("list_jobs", &reads),
        ("get_job_logs", &reads),
        ("get_state", &reads),
        ("get_system_status", &reads),
        ("cancel_job", &destroys),
        ("reset_state", &destroys),
        ("answer_job", &answers),
        // It does again what the program's own function does, whatever that is.
        ("retry_job", &programs),
    ]);
    for name in hints.keys() {
        named(name);
    }
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let expected = hints.get(name).copied().unwrap_or(&programs);
        assert_eq!(&tool["annotations"], expected, "{name}");
    }
    for tool in &tools {
        for schema in ["inputSchema", "outputSchema"] {
            check_wire(&tool[schema], &format!("{} {schema}", tool["name"]), true);
        }
        assert_eq!(
            tool["inputSchema"]["additionalProperties"], false,
            "{}",
            tool["name"]
        );
    }
    assert!(
        named("note")["description"]
            .as_str()
            .unwrap()
            .contains("Sets the state field note.")
    );
    assert!(
        named("read_note")["description"]
            .as_str()
            .unwrap()
            .contains("Reads the state: note.")
    );
}

/// The hard rules of wire schemas: what breaks a client somewhere must not be in a list.
fn check_wire(schema: &Value, place: &str, root: bool) {
    let Some(members) = schema.as_object() else {
        panic!("{place} is {schema}")
    };
    assert!(!members.is_empty(), "{place} is an empty schema");
    if root {
        assert_eq!(schema["type"], "object", "{place}");
        for word in ["anyOf", "oneOf", "allOf", "$schema"] {
            assert!(!members.contains_key(word), "{place} has {word}");
        }
    }
    if schema["type"] == "array" {
        assert!(members.contains_key("items"), "{place} lacks items");
    }
    for (word, inner) in members {
        match (word.as_str(), inner) {
            ("properties" | "$defs", Value::Object(inner)) => {
                inner
                    .iter()
                    .for_each(|(name, inner)| check_wire(inner, &format!("{place}/{name}"), false));
            }
            ("items", inner) => check_wire(inner, &format!("{place}/items"), false),
            ("format", format) => assert!(
                !["uint32", "uint64", "int64", "double"].contains(&format.as_str().unwrap()),
                "{place}: {format}"
            ),
            _ => {}
        }
    }
}

#[test]
fn a_refused_call_says_what_to_do_and_makes_no_job() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let refused = server.call("add", json!({"a": 1, "bb": 2}));
    assert!(refused.is_error);
    assert_eq!(refused["state"], "rejected");
    assert_eq!(refused["error"]["code"], "unknown_argument");
    assert_eq!(
        (&refused["error"]["at"], &refused["error"]["did_you_mean"]),
        (&json!("/bb"), &json!("b"))
    );
    for (arguments, code) in [
        (json!({"a": 1}), "missing_argument"),
        (json!({"a": "x", "b": 1}), "invalid_argument"),
    ] {
        assert_eq!(server.call("add", arguments)["error"]["code"], code);
    }
    let missing = server.call("read_note", json!({}));
    assert_eq!(missing["error"]["code"], "missing_state");
    assert!(
        missing["error"]["remedy"]
            .as_str()
            .unwrap()
            .contains("note"),
        "{missing:?}"
    );
    assert_eq!(server.call("list_jobs", json!({}))["jobs"], json!([]));
}

#[test]
fn a_large_result_is_read_by_following_next() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("big", json!({"kib": 100}));
    let done = server.finish(started);
    assert!(
        done["result"].is_null() && done["bytes"].as_u64().unwrap() > 100 << 10,
        "{done:?}"
    );
    let outline = server.follow(&done);
    assert_eq!(
        outline["outline"],
        json!({"/text": "string(102400)", "/end": "boolean"})
    );
    let mut page = server.call(
        "get_job_results",
        json!({"job_id": done.id(), "pointer": "/text", "max_bytes": 100_000}),
    );
    let (mut read, mut calls) = (0, 1);
    loop {
        assert!(page.bytes <= 60 << 10, "{} bytes", page.bytes);
        read += page["value"].as_str().unwrap().len();
        if page.value.get("next").is_none() {
            break;
        }
        page = server.follow(&page);
        calls += 1;
    }
    assert_eq!((read, calls), (102_400, 2));
    let missing = server.call(
        "get_job_results",
        json!({"job_id": done.id(), "pointer": "/txt"}),
    );
    assert_eq!(
        (&missing["error"]["code"], &missing["error"]["did_you_mean"]),
        (&json!("pointer_not_found"), &json!("/text"))
    );
    assert!(missing.is_error);
}

#[test]
fn state_is_set_read_and_emptied() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("note", json!({"text": "hello"}));
    let done = server.finish(started);
    assert_eq!(
        done["state_patch"],
        json!({"field": "note", "version": 1, "applied": true})
    );
    let fields = server.call("get_state", json!({}));
    let note = fields["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|field| field["field"] == "note")
        .unwrap();
    assert_eq!(
        (&note["present"], &note["set_by"]),
        (&json!(true), &done["job_id"])
    );
    assert_eq!(
        server.call("get_state", json!({"field": "note"}))["value"],
        json!({"text": "hello"})
    );
    assert_eq!(
        server.call("get_state", json!({"field": "note", "pointer": "/text"}))["value"],
        "hello"
    );
    assert_eq!(
        server.call("get_state", json!({"field": "nota"}))["error"]["did_you_mean"],
        "note"
    );
    let read = server.call("read_note", json!({}));
    assert_eq!(
        server.finish(read)["result"],
        json!({"version": 1, "note": {"text": "hello"}})
    );
    assert_eq!(
        server.call("reset_state", json!({}))["error"]["code"],
        "missing_argument"
    );
    assert_eq!(
        server.call("reset_state", json!({"field": "note"}))["fields"][0]["present"],
        false
    );
    assert_eq!(
        server.call("get_state", json!({"field": "note"}))["error"]["code"],
        "missing_state"
    );
}

#[test]
fn jobs_are_listed_in_pages_and_by_state() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let ids: Vec<String> = (0..5)
        .map(|n| server.call("add", json!({"a": n, "b": 0})).id())
        .collect();
    let all = server.call("get_job_status", json!({"job_ids": ids}));
    assert!(
        all["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|job| job["state"] == "completed"),
        "{all:?}"
    );
    let mut listed = Vec::new();
    let mut page = server.call(
        "list_jobs",
        json!({"limit": 2, "state": "completed", "since": "1h"}),
    );
    loop {
        listed.extend(
            page["jobs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|job| job["job_id"].as_str().unwrap().to_owned()),
        );
        if page.value.get("next").is_none() {
            break;
        }
        page = server.follow(&page);
    }
    assert_eq!(listed, ids.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(
        server.call("list_jobs", json!({"state": "failed"}))["jobs"],
        json!([])
    );
    assert_eq!(
        server.call("list_jobs", json!({"tool": "add", "limit": 1}))["jobs"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for wrong in [
        json!({"since": "soon"}),
        json!({"cursor": "x"}),
        json!({"state": "done"}),
        json!({"tool": "../x"}),
    ] {
        assert_eq!(
            server.call("list_jobs", wrong)["error"]["code"],
            "invalid_argument"
        );
    }
}

#[test]
fn a_job_is_cancelled_and_repeated() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("sleep", json!({"ms": 600_000}));
    let early = server.call("get_job_results", json!({"job_id": started.id()}));
    assert_eq!(early["error"]["code"], "not_finished");
    assert_eq!(early["next"], started["next"]);
    assert_eq!(
        server.call("retry_job", json!({"job_id": started.id()}))["error"]["code"],
        "not_finished"
    );
    let asked = server.call("cancel_job", json!({"job_id": started.id()}));
    let ended = server.finish(asked);
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(
        server.call("cancel_job", json!({"job_id": started.id()}))["state"],
        "cancelled"
    );
    assert_eq!(
        server.call("get_job_results", json!({"job_id": started.id()}))["error"]["code"],
        "already_finished"
    );
    let again = server.call(
        "retry_job",
        json!({"job_id": started.id(), "set": {"ms": 1}}),
    );
    assert_ne!(again.id(), started.id());
    assert_eq!(server.finish(again)["result"], json!({"slept_ms": 1}));
}
