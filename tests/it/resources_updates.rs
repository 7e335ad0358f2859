//! Clients are told when a resource changes, in either era's way, and of nobody else's.

use std::io::{BufRead, BufReader};

use bgjob_tests::http::Listening;
use bgjob_tests::mcp::{Era, Server};
use bgjob_tests::oracle::Oracle;
use serde_json::{Value, json};

use crate::sandbox;

/// The URI of the next update.
#[track_caller]
fn updated(server: &mut Server) -> String {
    loop {
        let note = server.notified();
        if note["method"] == "notifications/resources/updated" {
            let uri = note["params"]["uri"].as_str();
            return uri.unwrap_or_else(|| panic!("{note}")).to_owned();
        }
    }
}

#[test]
fn a_session_is_told_of_what_it_subscribed_to_until_it_does_not_want_it() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Server::start(&sandbox);
    let started = server.call("note", json!({"text": "x", "socket": oracle.path()}));
    let id = started.id();
    oracle.wait_for(1);
    let (job, result) = (
        format!("bgjob://jobs/{id}"),
        format!("bgjob://jobs/{id}/result"),
    );
    let log = format!("{job}/logs/stderr");
    for uri in [&job, &result, &log, &result] {
        let answer = server.request("resources/subscribe", json!({ "uri": uri }));
        assert_eq!(answer["result"], json!({}), "{answer}");
    }
    let answer = server.request("resources/subscribe", json!({"uri": "bgjob://state/note"}));
    assert_eq!(answer["result"], json!({}), "{answer}");
    let answer = server.request("resources/unsubscribe", json!({ "uri": log }));
    assert_eq!(answer["result"], json!({}), "{answer}");
    let path = sandbox.job_dir(&id).join("stderr.log");
    std::fs::write(path, "something\n").expect("a log");
    oracle.open();
    let mut told = std::collections::BTreeMap::<String, u32>::new();
    let all = [job, result, "bgjob://state/note".to_owned()];
    while !all.iter().all(|uri| told.contains_key(uri)) {
        *told.entry(updated(&mut server)).or_default() += 1;
    }
    assert_eq!(
        told.get(&all[1]),
        Some(&1),
        "subscribed twice, told once: {told:?}"
    );
    assert!(!told.contains_key(&log), "{told:?}");
    // What ended has no more to tell, but may be asked for.
    let answer = server.request("resources/subscribe", json!({"uri": all[0]}));
    assert_eq!(answer["result"], json!({}), "{answer}");
    for uri in [
        "bgjob://jobs/add-00000000000000000000",
        "bgjob://state/nothing",
        "test://x",
    ] {
        let answer = server.request("resources/subscribe", json!({ "uri": uri }));
        assert_eq!(answer["error"]["code"], -32002, "{uri}: {answer}");
    }
    server.leave();
    assert!(server.ended().0.success());
}

#[test]
fn a_session_may_watch_so_much_and_no_more() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let field = |n: u32| json!({"uri": format!("bgjob://state/note?offset={n}")});
    for n in 0..200 {
        let answer = server.request("resources/subscribe", field(n));
        assert_eq!(answer["result"], json!({}), "{n}: {answer}");
    }
    let answer = server.request("resources/subscribe", field(200));
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    server.request("resources/unsubscribe", field(7));
    bgjob_tests::until("there is room again", || {
        let answer = server.request("resources/subscribe", field(200));
        answer["result"] == json!({})
    });
}

#[test]
fn a_listening_client_is_told_at_once_and_of_every_change() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Server::start_as(&sandbox, Era::SelfContained);
    let started = server.call("gate", json!({"socket": oracle.path()}));
    let id = started.id();
    oracle.wait_for(1);
    let (job, log) = (
        format!("bgjob://jobs/{id}"),
        format!("bgjob://jobs/{id}/logs/stdout"),
    );
    let unknown = "bgjob://jobs/add-00000000000000000000/result";
    let wanted = [&*job, &log, unknown, "test://other", "bgjob://jobs/../x"];
    let filter =
        json!({"notifications": {"resourceSubscriptions": wanted, "toolsListChanged": true}});
    let listening = server.begin("subscriptions/listen", filter);
    let acknowledged = server.notified();
    assert_eq!(
        acknowledged["method"], "notifications/subscriptions/acknowledged",
        "{acknowledged}"
    );
    assert_eq!(
        acknowledged["params"]["notifications"],
        json!({"resourceSubscriptions": [job, log, unknown]}),
        "{acknowledged}"
    );
    let first = [updated(&mut server), updated(&mut server)];
    assert_eq!(first, [job.clone(), log.clone()]);
    let path = sandbox.job_dir(&id).join("stdout.log");
    std::fs::write(path, "a word\n").expect("a log");
    assert_eq!(updated(&mut server), log);
    oracle.open();
    while updated(&mut server) != job {}
    let stands = server.request("resources/read", json!({ "uri": job }));
    assert!(
        stands["result"]["contents"][0]["text"].is_string(),
        "{stands}"
    );
    // The stream stays open until the client, or the server, ends it.
    assert!(!server.answered().contains_key(&listening.to_string()));
    let notes = server.notes();
    assert!(
        !notes
            .iter()
            .any(|note| note.to_string().contains("add-000")),
        "{notes:?}"
    );
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": listening}});
    server.send(&cancel);
    let answer = server.request("resources/subscribe", json!({ "uri": job }));
    assert_eq!(
        answer["error"]["code"], -32601,
        "only for older sessions: {answer}"
    );
    server.leave();
    let (status, took) = server.ended();
    assert!(status.success());
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_server_that_ends_ends_its_streams() {
    let sandbox = sandbox();
    let mut server = Server::start_as(&sandbox, Era::SelfContained);
    let filter = json!({"notifications": {"resourceSubscriptions": ["bgjob://state/note"]}});
    server.begin("subscriptions/listen", filter);
    assert_eq!(updated(&mut server), "bgjob://state/note");
    server.leave();
    let (status, took) = server.ended();
    assert!(status.success());
    assert!(took < std::time::Duration::from_secs(2), "{took:?}");
}

/// The messages of an event stream.
fn messages(stream: std::net::TcpStream) -> impl Iterator<Item = Value> {
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.filter_map(|line| {
        let data = line.strip_prefix("data:")?.trim();
        serde_json::from_str(data).ok()
    })
}

#[test]
fn over_http_a_stream_tells_each_user_of_their_own() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut server = Listening::for_users(&sandbox);
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let id = alice.start("note", json!({"text": "x", "socket": oracle.path()}));
    oracle.wait_for(1);
    let job = format!("bgjob://jobs/{id}");
    let wanted = json!({"notifications": {"resourceSubscriptions": [job, "bgjob://state/note"]}});
    let mut hers = messages(alice.begin("subscriptions/listen", wanted.clone()));
    let mut his = messages(bob.begin("subscriptions/listen", wanted));
    for stream in [&mut hers as &mut dyn Iterator<Item = Value>, &mut his] {
        let first = stream.next().expect("an acknowledgement");
        assert_eq!(
            first["method"], "notifications/subscriptions/acknowledged",
            "{first}"
        );
        // A foreign job reads like an unknown one: accepted, and silent.
        let accepted = &first["params"]["notifications"]["resourceSubscriptions"];
        assert_eq!(accepted.as_array().map(Vec::len), Some(2), "{first}");
    }
    let mut next = || hers.next().expect("an update")["params"]["uri"].clone();
    assert_eq!([next(), next()], [json!(job), json!("bgjob://state/note")]);
    oracle.open();
    alice.finish(&id);
    let mut told = std::collections::BTreeSet::new();
    while told.len() < 2 {
        told.insert(next().to_string());
    }
    // His field, once; then the end of the server.
    let first = his.next().expect("an update");
    assert_eq!(first["params"]["uri"], "bgjob://state/note", "{first}");
    let (status, took) = server.end(rustix::process::Signal::TERM);
    assert!(status.success(), "{status}");
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    let rest: Vec<Value> = his.collect();
    assert!(
        rest.iter().all(|message| message.get("method").is_none()),
        "{rest:?}"
    );
}

#[test]
fn over_http_older_sessions_are_not_promised_what_cannot_be() {
    let sandbox = sandbox();
    let server = Listening::start(&sandbox);
    let me = server.me();
    let ask = |method: &str, params: Value| me.ask_as("2025-06-18", method, &params).json();
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = ask("initialize", hello);
    let resources = &answer["result"]["capabilities"]["resources"];
    assert_eq!(resources, &json!({}), "{answer}");
    let answer = ask("resources/subscribe", json!({"uri": "bgjob://state/note"}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    let answer = me.ask("server/discover", json!({})).json();
    let resources = &answer["result"]["capabilities"]["resources"];
    assert_eq!(resources, &json!({"subscribe": true}), "{answer}");
}
