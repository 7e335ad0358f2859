//! A server on HTTP begins or says why not; waits end with the server, with the client, and when there
//! are too many.

use std::time::Duration;

use bgjob_tests::http::{self, Listening, User};
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{finish, until};
use rustix::process::Signal;
use serde_json::json;

use crate::sandbox;

/// Connections as clients leave them: idle ones, half a head, half a body, and those that ask for a
/// stream of news.
fn held_open(server: &Listening, user: &User) -> Vec<std::net::TcpStream> {
    let listen = user.begin(
        "subscriptions/listen",
        json!({"notifications": {"toolsListChanged": true}}),
    );
    let text = String::from_utf8(user.request("tools/list", json!({}), false)).expect("text");
    let half = text.len() - 10;
    let stream = text
        .replacen("POST", "GET", 1)
        .replacen("application/json, text", "text", 1);
    let mut held = vec![
        listen,
        http::open(server.address, &text.as_bytes()[..half]),
        http::open(server.address, &text.as_bytes()[..40]),
        http::open(server.address, stream.as_bytes()),
    ];
    held.extend((0..20).map(|_| http::open(server.address, b"")));
    held
}

#[test]
fn waits_are_answered_and_the_server_gone_within_half_a_second() {
    for signal in [Signal::TERM, Signal::INT] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let mut server = Listening::for_users(&sandbox);
        let alice = server.user("alice");
        let id = alice.start("gate", json!({"socket": oracle.path()}));
        until("the job runs", || !oracle.waiting().is_empty());
        let wait = json!({"name": "get_job_status", "arguments": {"job_id": id, "wait_s": 50}});
        let begin = || alice.begin("tools/call", wait.clone());
        let mut waits: Vec<_> = (0..64).map(|_| begin()).collect();
        let held = held_open(&server, &server.user("bob"));
        // As many as one user may have: each has been read, and waits.
        until("no place is left", || {
            let answer = alice.ask_tool("get_system_status", &json!({}));
            // This may have taken the last place while the waits came: one more then.
            if answer.status == 200 {
                waits.push(begin());
            }
            answer.status == 429
        });
        let (status, took) = server.end(signal);
        println!("{signal:?}: gone after {took:?}");
        assert_eq!(status.code(), Some(0), "{signal:?}");
        // Ten times the promise, for a loaded machine; without the signal's help it would be 50 s.
        assert!(took < Duration::from_secs(5), "{took:?}");
        let answers: Vec<_> = waits.into_iter().map(http::read).collect();
        let (kept, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 200);
        assert!(refused.iter().all(|answer| answer.status == 429));
        assert!(kept.len() >= 60, "{answers:?}");
        for answer in kept {
            let reply = &answer.json()["result"]["structuredContent"];
            assert_eq!(reply["state"], "running", "{answer:?}");
        }
        drop(held);
        assert!(oracle.waiting().contains(&id), "the job goes on");
        oracle.open();
        let server = Listening::for_users(&sandbox);
        assert_eq!(server.user("alice").finish(&id)["state"], "completed");
    }
}

#[test]
fn a_client_that_leaves_a_wait_has_its_request_dropped_and_its_job_not() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let server = Listening::for_users(&sandbox);
    let alice = server.user("alice");
    let id = alice.start("gate", json!({"socket": oracle.path()}));
    until("the job runs", || !oracle.waiting().is_empty());
    let wait = json!({"name": "get_job_status", "arguments": {"job_id": id, "wait_s": 50}});
    // More than one user may have at once: were they not dropped, the last would be refused.
    for _ in 0..3 {
        let waits: Vec<_> = (0..40)
            .map(|_| alice.begin("tools/call", wait.clone()))
            .collect();
        until("the server waits", || server.waits());
        drop(waits);
    }
    until("the waits are dropped", || {
        let waits: Vec<_> = (0..60)
            .map(|_| alice.begin("tools/call", wait.clone()))
            .collect();
        let answer = alice.ask_tool("get_system_status", &json!({}));
        drop(waits);
        answer.status == 200
    });
    until("its descriptors are free", || {
        let dir = format!("/proc/{}/fd", server.pid().as_raw_nonzero());
        let sockets = std::fs::read_dir(dir).expect("it runs").flatten();
        let sockets = sockets.filter_map(|fd| std::fs::read_link(fd.path()).ok());
        sockets
            .filter(|to| to.to_string_lossy().starts_with("socket:"))
            .count()
            < 10
    });
    oracle.open();
    assert_eq!(alice.finish(&id)["state"], "completed");
}

#[test]
fn a_user_with_too_many_requests_waits_and_others_do_not() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let server = Listening::for_users(&sandbox);
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let id = alice.start("gate", json!({"socket": oracle.path()}));
    until("the job runs", || !oracle.waiting().is_empty());
    let wait = json!({"name": "get_job_status", "arguments": {"job_id": id, "wait_s": 50}});
    let mut waits: Vec<_> = (0..80)
        .map(|_| alice.begin("tools/call", wait.clone()))
        .collect();
    until("no place is left", || {
        // This may take the last place while the waits come, and leave it free: one more then.
        let answer = alice.ask_tool("get_system_status", &json!({}));
        if answer.status == 200 {
            waits.push(alice.begin("tools/call", wait.clone()));
        }
        answer.status == 429 && answer.headers.contains_key("retry-after")
    });
    assert_eq!(bob.ask_tool("get_system_status", &json!({})).status, 200);
    oracle.open();
    let answers = waits.into_iter().map(http::read);
    let kept = answers.filter(|answer| answer.status == 200).count();
    assert!((60..=64).contains(&kept), "{kept}");
    assert_eq!(alice.ask_tool("get_system_status", &json!({})).status, 200);
}

#[test]
fn a_server_that_may_not_or_cannot_listen_says_what_to_do() {
    let sandbox = sandbox();
    let refused = |args: &[&str]| {
        let ran = finish(sandbox.command(["serve"]).args(args));
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        assert!(ran.stdout.is_empty(), "{ran:?}");
        ran.stderr
    };
    let public = refused(&["--http", "0.0.0.0:0"]);
    assert!(
        public.contains("no user has a token") && public.contains("--token-file"),
        "{public}"
    );
    assert!(refused(&["--http", "[::]:0"]).contains("no user has a token"));
    assert!(refused(&["--http", "nowhere"]).contains("is no address"));
    assert!(refused(&["--http", "192.0.2.1:0"]).contains("no user has a token"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    let text = refused(&["--http", &place]);
    assert!(
        text.contains(&place) && text.contains("another port"),
        "{text}"
    );
    assert!(refused(&["--http", "0", "--allow-host", "http://x"]).contains("is no host"));
    assert!(refused(&["--http", "0", "--allow-origin", "x"]).contains("is no origin"));
    assert!(
        refused(&["--allow-host", "x"]).contains("--http"),
        "a flag that would do nothing"
    );
    let none = sandbox.path("none");
    assert!(
        refused(&["--http", "0", "--token-file", none.to_str().unwrap()]).contains("token file")
    );
    let mut command = sandbox.command(["serve", "--http", "0"]);
    let ran = finish(command.env("BGJOB_HTTP_TOKEN", "short"));
    assert!(
        ran.stderr.contains("BGJOB_HTTP_TOKEN") && ran.stderr.contains("32 characters"),
        "{ran:?}"
    );
}

#[test]
fn a_token_of_the_environment_is_the_local_user_s_and_no_job_s() {
    let sandbox = sandbox();
    let token = "environment-token-0123456789abcdef";
    let mut command = sandbox.command(["serve", "--http", "127.0.0.1:0"]);
    command.env("BGJOB_HTTP_TOKEN", token);
    let server = Listening::spawn(command);
    assert_eq!(server.token, None);
    let me = User::new(server.address, token);
    let id = me.start("surroundings", json!({}));
    let reply = me.finish(&id);
    assert_eq!(reply["state"], "completed");
    assert!(!sandbox.show(&id).to_string().contains(token));
    bgjob_tests::nowhere_below(&sandbox.data(), token);
}

#[test]
fn a_server_on_http_has_few_threads_however_many_calls_there_are() {
    let sandbox = sandbox();
    let server = Listening::start(&sandbox);
    let call = json!({"name": "add", "arguments": {"a": 1, "b": 1}});
    for _ in 0..4 {
        // As many as one user may have at once.
        let calls: Vec<_> = (0..64)
            .map(|_| server.me().begin("tools/call", call.clone()))
            .collect();
        for call in calls {
            assert_eq!(http::read(call).status, 200);
        }
    }
    // The first one, two that answer, and eight for the disk. None of these ends within ten seconds.
    let tasks = format!("/proc/{}/task", server.pid().as_raw_nonzero());
    let threads = std::fs::read_dir(tasks).unwrap().count();
    assert!((4..=11).contains(&threads), "{threads} threads");
    sandbox.settle();
}
