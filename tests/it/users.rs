//! Two users of one server: neither sees, waits for, reads, answers, cancels or repeats what is the
//! other's, by any route, nor can tell that it exists.

use bgjob_tests::http::{Answer, Listening, User};
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{Sandbox, until};
use serde_json::{Value, json};

use crate::sandbox;

/// A server, and two users with a job each that waits at the gate.
struct Two {
    oracle: Oracle,
    server: Listening,
    sandbox: Sandbox,
}

impl Two {
    fn new() -> Self {
        let sandbox = sandbox();
        Two {
            oracle: Oracle::listen(&sandbox.path("gate")),
            server: Listening::for_users(&sandbox),
            sandbox,
        }
    }

    fn alice(&self) -> User {
        self.server.user("alice")
    }

    fn bob(&self) -> User {
        self.server.user("bob")
    }
}

/// Parameters about the job of an id.
pub(crate) type Params = Box<dyn Fn(&str) -> Value>;

/// Every way to name a job: method or tool, and the arguments with the id at its place.
pub(crate) fn routes() -> Vec<(&'static str, Params)> {
    fn route(params: impl Fn(&str) -> Value + 'static) -> Params {
        Box::new(params)
    }
    fn uri(rest: &'static str) -> Params {
        Box::new(move |id| json!({"uri": format!("bgjob://jobs/{id}{rest}")}))
    }
    vec![
        ("tasks/get", route(|id| json!({"taskId": id}))),
        ("tasks/cancel", route(|id| json!({"taskId": id}))),
        (
            "tasks/update",
            route(|id| json!({"taskId": id, "inputResponses": {}})),
        ),
        (
            "tasks/update",
            route(
                |id| json!({"taskId": id, "inputResponses": {"q": {"action": "accept", "content": {}}}}),
            ),
        ),
        ("get_job_status", route(|id| json!({"job_id": id}))),
        (
            "get_job_status",
            route(|id| json!({"job_id": id, "wait_s": 0})),
        ),
        (
            "get_job_status",
            route(|id| json!({"job_ids": [id], "wait_s": 1, "until": "any"})),
        ),
        ("get_job_results", route(|id| json!({"job_id": id}))),
        (
            "get_job_results",
            route(|id| json!({"job_id": id, "pointer": "/x", "outline": true})),
        ),
        ("get_job_logs", route(|id| json!({"job_id": id}))),
        (
            "get_job_logs",
            route(|id| json!({"job_id": id, "stream": "stderr", "offset": 0})),
        ),
        (
            "answer_job",
            route(|id| json!({"job_id": id, "key": "q", "value": 1})),
        ),
        ("cancel_job", route(|id| json!({"job_id": id}))),
        ("retry_job", route(|id| json!({"job_id": id}))),
        ("list_jobs", route(|id| json!({"cursor": id}))),
        (
            "resources/list",
            route(|id| json!({"cursor": format!("bgjob:{id}")})),
        ),
        ("resources/read", uri("")),
        ("resources/read", uri("/result")),
        ("resources/read", uri("/result?pointer=/x&outline=true")),
        ("resources/read", uri("/result?bytes=0-")),
        ("resources/read", uri("/logs/stderr")),
        ("resources/read", uri("/logs/events?offset=0")),
    ]
}

/// The answer with the id taken out, which is all that may differ.
fn without(answer: Answer, id: &str) -> Answer {
    let mut headers = answer.headers;
    headers.remove("date");
    // Lengths of ids are equal, so the length of the body stays.
    Answer {
        headers,
        text: answer.text.replace(id, "ID"),
        ..answer
    }
}

fn ask(user: &User, route: &str, params: Value) -> Answer {
    if route.contains('/') {
        user.ask(route, params)
    } else {
        user.ask_tool(route, &params)
    }
}

/// As `id`, with other random letters.
pub(crate) fn unknown(id: &str) -> String {
    let (tool, _) = id.rsplit_once('-').expect("an id");
    format!("{tool}-0123456789abcdefghjk")
}

#[test]
fn a_foreign_job_and_none_are_told_apart_by_no_route() {
    let two = Two::new();
    let (alice, bob) = (two.alice(), two.bob());
    let socket = json!({"socket": two.oracle.path()});
    let running = alice.start("gate", socket);
    let done = alice.start("add", json!({"a": 1, "b": 2}));
    let failed = alice.start("fail", json!({"text": "no"}));
    alice.finish(&done);
    alice.finish(&failed);
    two.oracle.wait_for(1);
    let before: Vec<String> = [&running, &done, &failed]
        .map(|id| two.sandbox.recorded(id))
        .to_vec();
    for id in [&running, &done, &failed] {
        for (route, params) in routes() {
            let none = unknown(id);
            let foreign = without(ask(&bob, route, params(id)), id);
            let nothing = without(ask(&bob, route, params(&none)), &none);
            assert_eq!(foreign, nothing, "{route} {}", params(id));
            assert!(
                !foreign.text.contains("\"state\":\"running\""),
                "{route}: {foreign:?}"
            );
            // Its owner is answered otherwise: the route is one.
            let own = without(
                ask(&alice, route, Value::Object(harmless(route, params(id)))),
                id,
            );
            assert_ne!(own.text, nothing.text, "{route} {}", params(id));
        }
    }
    let after: Vec<String> = [&running, &done, &failed]
        .map(|id| two.sandbox.recorded(id))
        .to_vec();
    assert_eq!(before[1..], after[1..], "nothing was done to them");
    assert!(
        two.oracle.waiting().contains(&running),
        "it was not cancelled"
    );
    two.oracle.open();
    assert_eq!(alice.finish(&running)["state"], "completed");
}

/// For the owner, routes that would end the job are asked about one that is not there.
fn harmless(route: &str, params: Value) -> serde_json::Map<String, Value> {
    let mut params = params.as_object().expect("an object").clone();
    if route.contains("cancel") {
        params.clear();
    }
    params
}

#[test]
fn lists_counts_and_places_are_each_user_s_own() {
    let two = Two::new();
    let (alice, bob) = (two.alice(), two.bob());
    two.sandbox.set("max_jobs", "1");
    let socket = json!({"socket": two.oracle.path()});
    let first = alice.start("gate", socket.clone());
    two.oracle.wait_for(1);
    let more: Vec<String> = (0..3)
        .map(|_| alice.start("gate", socket.clone()))
        .collect();
    let bobs = bob.start("gate", socket);
    let reply = bob.call("get_job_status", json!({"job_id": bobs, "wait_s": 0}));
    assert_eq!(reply["queue_position"], 1, "{reply}");
    let ids = |user: &User| -> Vec<String> {
        let reply = user.call("list_jobs", json!({"limit": 100}));
        let jobs = reply["jobs"].as_array().expect("a list").clone();
        jobs.iter()
            .filter_map(|job| job["job_id"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(ids(&bob), std::slice::from_ref(&bobs));
    assert_eq!(ids(&alice).len(), 4);
    assert!(ids(&alice).contains(&first) && !ids(&alice).contains(&bobs));
    let system = |user: &User| user.call("get_system_status", json!({}))["system"].clone();
    let (a, b) = (system(&alice), system(&bob));
    assert_eq!((&a["running"], &a["queued"]), (&json!(1), &json!(3)), "{a}");
    assert_eq!((&b["running"], &b["queued"]), (&json!(0), &json!(1)), "{b}");
    assert!(a.get("data_dir").is_none() && b.get("data_dir").is_none());
    // The operator's own are a third user's.
    assert_eq!(two.sandbox.json(["jobs", "list", "-a"])["jobs"], json!([]));
    let page = alice.call("list_jobs", json!({"limit": 1}));
    let cursor = page["next"]["args"]["cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    assert_eq!(
        cursor, more[2],
        "a position in the ledger would count what others have"
    );
    let listed = |user: &User| {
        let answer = user.ask("resources/list", json!({})).json();
        answer["result"]["resources"].to_string()
    };
    assert!(listed(&alice).contains(&first) && !listed(&alice).contains(&bobs));
    assert!(listed(&bob).contains(&bobs) && !listed(&bob).contains(&first));
    let rest = alice.call("list_jobs", json!({"limit": 100, "cursor": cursor}));
    assert_eq!(rest["jobs"].as_array().map(Vec::len), Some(3));
    two.oracle.open();
    for id in more.iter().chain([&first]) {
        alice.finish(id);
    }
    bob.finish(&bobs);
}

#[test]
fn state_keys_and_chains_are_each_user_s_own() {
    let two = Two::new();
    let (alice, bob) = (two.alice(), two.bob());
    let text = |user: &User| user.call("get_state", json!({"field": "note"}))["value"].clone();
    let fields = |user: &User| user.call("get_state", json!({}))["fields"].clone();
    let nothing = fields(&bob);
    let of_alice = alice.start(
        "note",
        json!({"text": "alice's", "socket": two.oracle.path()}),
    );
    two.oracle.wait_for(1);
    // A live writer of another user's is none.
    let reply = bob.call("read_note", json!({}));
    assert_eq!(reply["error"]["code"], "missing_state", "{reply}");
    two.oracle.open();
    alice.finish(&of_alice);
    assert_eq!(text(&alice), json!({"text": "alice's"}));
    assert_eq!(fields(&bob), nothing);
    let note = |user: &User| {
        user.ask("resources/read", json!({"uri": "bgjob://state/note"}))
            .json()
    };
    let read = note(&alice);
    let content = &read["result"]["contents"][0]["text"];
    assert_eq!(content, r#"{"text":"alice's"}"#, "{read}");
    assert_eq!(note(&bob)["error"]["code"], -32602, "{}", note(&bob));
    assert_eq!(text(&bob), Value::Null);
    let reply = bob.call("read_note", json!({}));
    assert_eq!(reply["error"]["code"], "missing_state", "{reply}");
    let of_bob = bob.start("note", json!({"text": "bob's"}));
    bob.finish(&of_bob);
    let read = bob.start("read_note", json!({}));
    let read = bob.finish(&read);
    assert_eq!(
        read["result"],
        json!({"version": 1, "note": {"text": "bob's"}})
    );
    bob.call("reset_state", json!({"all": true}));
    assert_eq!(text(&bob), Value::Null);
    assert_eq!(
        text(&alice),
        json!({"text": "alice's"}),
        "a reset is one's own"
    );
    assert!(
        !two.sandbox.data().join("state/note.json").exists(),
        "the local user has none"
    );
    // The same input, where equal calls stand for one another.
    let path = two.sandbox.path("file");
    std::fs::write(&path, "x").expect("a file");
    let read = |user: &User| user.start("read_file", json!({"path": path}));
    let (one, other) = (read(&alice), read(&bob));
    assert_ne!(one, other, "a foreign job stands for nothing");
    assert_eq!(read(&alice), one);
    alice.finish(&one);
    bob.finish(&other);
    // The same key, over MCP's own field for it.
    let keyed = |user: &User| {
        let params = json!({"name": "add", "arguments": {"a": 1, "b": 1},
            "_meta": {"io.github.bgjob/idempotency-key": "k"}});
        user.ask("tools/call", params).json()["result"]["taskId"].clone()
    };
    assert_ne!(keyed(&alice), keyed(&bob));
}

#[test]
fn a_full_queue_is_one_user_s_and_says_when_to_come_back() {
    let two = Two::new();
    let (alice, bob) = (two.alice(), two.bob());
    two.sandbox.set("max_jobs", "1");
    two.sandbox.set("max_queued", "3");
    let socket = json!({"socket": two.oracle.path()});
    let mut ids = vec![alice.start("gate", socket.clone())];
    two.oracle.wait_for(1);
    ids.extend((0..3).map(|_| alice.start("gate", socket.clone())));
    let folders = || {
        std::fs::read_dir(two.sandbox.data().join("jobs"))
            .expect("a folder")
            .count()
    };
    let before = folders();
    for _ in 0..20 {
        let reply = alice.call("gate", socket.clone());
        assert_eq!(reply["error"]["code"], "queue_full", "{reply}");
        assert!(
            reply["error"]["retry_after_s"]
                .as_u64()
                .is_some_and(|s| s > 0),
            "{reply}"
        );
    }
    assert_eq!(folders(), before, "what was refused left nothing");
    let bobs = bob.start("gate", socket);
    two.oracle.open();
    assert_eq!(bob.finish(&bobs)["state"], "completed");
    for id in &ids {
        assert_eq!(alice.finish(id)["state"], "completed");
    }
    until("alice may again", || {
        alice.call("add", json!({"a": 1, "b": 1}))["state"] != "rejected"
    });
}

#[test]
fn reading_writes_nothing_whatever_is_asked() {
    let two = Two::new();
    let alice = two.alice();
    let id = alice.start("add", json!({"a": 1, "b": 2}));
    alice.finish(&id);
    two.sandbox.settle();
    let ask_all = || {
        for n in 0..100u32 {
            let random = format!("add-{n:0>20}");
            for id in [&id, &random] {
                for (route, params) in routes() {
                    if !route.contains("cancel") && !route.contains("retry") {
                        ask(&alice, route, params(id));
                    }
                }
            }
        }
    };
    let ledger = two.sandbox.ledger();
    let seen = || {
        let changes: i64 = ledger
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .expect("a ledger");
        let wal =
            std::fs::metadata(two.sandbox.data().join("ledger.db-wal")).map(|meta| meta.len());
        let files = bgjob_tests::modes_below(&two.sandbox.data()).len();
        (changes, wal.unwrap_or(0), files)
    };
    // The first questions have a server look after its data; the later ones are reads alone.
    ask_all();
    let before = seen();
    ask_all();
    assert_eq!(seen(), before);
    assert_eq!(two.server.said(), Vec::<String>::new(), "and no log grows");
}
