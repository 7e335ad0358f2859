//! The server on HTTP: who is let in, what is refused, and how it ends.

use std::io::{Read, Write};

use bgjob_tests::http::{self, Listening, TOKENS};
use bgjob_tests::until;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::sandbox;

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;

/// A request of the older protocol with these headers, and those that every one needs.
fn raw(headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut head = String::from("POST /mcp HTTP/1.1\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let length = body.len();
    format!(
        "{head}Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[test]
fn a_token_made_for_this_run_is_the_local_user_s() {
    let sandbox = sandbox();
    let mut server = Listening::start(&sandbox);
    let token = server.token.clone().expect("a token");
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let id = server.me().start("add", json!({"a": 20, "b": 22}));
    assert_eq!(server.me().finish(&id)["result"], 42);
    // The same person on the command line.
    assert_eq!(sandbox.wait(&id)["state"], "completed");
    let (status, _) = server.end(Signal::TERM);
    assert_eq!(status.code(), Some(0));
    assert!(server.said().is_empty());
}

#[test]
fn without_a_token_nothing_is_told() {
    let sandbox = sandbox();
    let server = Listening::for_users(&sandbox);
    assert_eq!(server.token, None, "none is made where users are named");
    let alice = TOKENS[0].1;
    for value in [
        None,
        Some(String::new()),
        Some(alice.to_owned()),
        Some(format!("Basic {alice}")),
        Some(format!("Bearer {}", &alice[1..])),
        Some(format!("Bearer {alice}0")),
        Some(format!("Bearer {alice}, Bearer {alice}")),
        Some(format!("Bearer {}", "x".repeat(5000))),
    ] {
        let mut headers = vec![("Host", "localhost")];
        headers.extend(value.as_deref().map(|value| ("Authorization", value)));
        let answer = http::send(server.address, &raw(&headers, BODY));
        assert_eq!(answer.status, 401, "{value:?}: {answer:?}");
        assert!(
            answer.headers["www-authenticate"].starts_with("Bearer realm="),
            "{answer:?}"
        );
        assert!(
            !answer.text.contains("add") && !answer.text.contains("alice"),
            "{answer:?}"
        );
    }
    let bearer = format!("Bearer {alice}");
    let twice = [
        ("Host", "localhost"),
        ("Authorization", &*bearer),
        ("Authorization", &*bearer),
    ];
    assert_eq!(http::send(server.address, &raw(&twice, BODY)).status, 401);
    // A token in the address is none.
    let text = String::from_utf8(raw(&[("Host", "localhost")], BODY)).unwrap();
    let text = text.replace("/mcp", &format!("/mcp?access_token={alice}"));
    assert_eq!(http::send(server.address, text.as_bytes()).status, 401);

    let known = [("Host", "localhost"), ("Authorization", &*bearer)];
    let answer = http::send(server.address, &raw(&known, BODY));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.json()["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() > 10)
    );
    let health = server.get("/healthz");
    assert_eq!((health.status, &*health.text), (200, "ok\n"));
    assert_eq!(server.get("/").status, 404);
}

#[test]
fn foreign_hosts_and_origins_are_forbidden_before_anything_else() {
    let sandbox = sandbox();
    let mut command = sandbox.command(["serve", "--http", "127.0.0.1:0", "--token-file"]);
    command.arg(http::token_file(&sandbox));
    command.args([
        "--allow-host",
        "jobs.example.org",
        "--allow-origin",
        "https://app.example.org",
    ]);
    let server = Listening::spawn(command);
    let port = server.address.port();
    let bearer = format!("Bearer {}", TOKENS[0].1);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "add", "arguments": {"a": 1, "b": 1}}})
    .to_string();
    let ask = |headers: &[(&str, &str)], method: &str| {
        let headers: Vec<_> = [("Authorization", &*bearer)]
            .iter()
            .chain(headers)
            .copied()
            .collect();
        let text = String::from_utf8(raw(&headers, &call)).unwrap();
        http::send(server.address, text.replacen("POST", method, 1).as_bytes())
    };
    let with_port = format!("evil.example:{port}");
    for host in [
        "evil.example",
        &with_port,
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "192.0.2.1",
        "[::2]",
        "0.0.0.0",
        "jobs.example.org.evil.example",
        "user@localhost",
    ] {
        assert_eq!(ask(&[("Host", host)], "POST").status, 403, "{host}");
    }
    assert_eq!(ask(&[], "POST").status, 400, "no host");
    assert_eq!(
        ask(&[("Host", "localhost"), ("Host", "evil.example")], "POST").status,
        400
    );
    for origin in [
        "null",
        "https://evil.example",
        "http://localhost.evil.example",
        "https://app.example.org:444",
        "http://app.example.org",
        "file://",
        "http://[::2]",
        "",
        "http://localhost, http://evil.example",
    ] {
        let answer = ask(&[("Host", "localhost"), ("Origin", origin)], "POST");
        assert_eq!(answer.status, 403, "{origin}");
        assert!(
            !answer.headers.contains_key("access-control-allow-origin"),
            "{origin}"
        );
        let asked = [
            ("Host", "localhost"),
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
        ];
        assert_eq!(ask(&asked, "OPTIONS").status, 403, "{origin}");
    }
    assert_eq!(
        sandbox.json(["jobs", "list", "-a"])["jobs"],
        json!([]),
        "no side effect"
    );

    let alice = server.user("alice");
    assert_eq!(
        alice.call("list_jobs", json!({}))["jobs"],
        json!([]),
        "no side effect"
    );
    let v6 = format!("[::1]:{port}");
    for host in [
        "localhost",
        "127.0.0.1:1",
        "LOCALHOST",
        &v6,
        "jobs.example.org",
        "jobs.example.org:443",
    ] {
        assert_eq!(ask(&[("Host", host)], "POST").status, 200, "{host}");
    }
    for origin in [
        "http://localhost:6274",
        "http://127.0.0.1",
        "https://[::1]:9",
        "https://app.example.org",
    ] {
        let answer = ask(&[("Host", "localhost"), ("Origin", origin)], "POST");
        assert_eq!(answer.status, 200, "{origin}");
        assert_eq!(answer.headers["access-control-allow-origin"], origin);
        let asked = [
            ("Host", "localhost"),
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization, mcp-name"),
        ];
        let answer = ask(&asked, "OPTIONS");
        assert_eq!(answer.status, 200, "{origin}");
        assert_eq!(
            answer.headers["access-control-allow-headers"],
            "authorization, mcp-name"
        );
    }
}

#[test]
fn a_server_on_ipv6_is_reached_by_its_address() {
    let sandbox = sandbox();
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let server = Listening::spawn(sandbox.command(["serve", "--http", "[::1]:0"]));
    assert!(server.address.is_ipv6());
    let id = server.me().start("add", json!({"a": 1, "b": 1}));
    assert_eq!(server.me().finish(&id)["result"], 2);
}

#[test]
fn too_much_is_refused_by_its_size() {
    let sandbox = sandbox();
    let server = Listening::for_users(&sandbox);
    let alice = server.user("alice");
    let bearer = format!("Bearer {}", TOKENS[0].1);
    let long = "x".repeat(100_000);
    let known = [("Host", "localhost"), ("Authorization", &*bearer)];
    let ask = |more: &[(&str, &str)], body: &str| {
        let headers: Vec<_> = known.iter().chain(more).copied().collect();
        http::send(server.address, &raw(&headers, body))
    };
    // Heads.
    assert_eq!(ask(&[("X-Long", &long)], BODY).status, 431);
    let many: Vec<(&str, &str)> = (0..200).map(|_| ("X-Many", "1")).collect();
    assert_eq!(ask(&many, BODY).status, 431);
    // Bodies that say how long they are, and one that does not.
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n"
    );
    let told = format!("{head}Content-Length: 200000000\r\n\r\n");
    assert_eq!(http::send(server.address, told.as_bytes()).status, 413);
    let mut stream = http::open(
        server.address,
        format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes(),
    );
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..17 * 16 {
        if stream.write_all(&chunk).is_err() {
            break;
        }
    }
    assert_eq!(http::read(stream).status, 413);
    // Many tiny values.
    let bomb = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"add","arguments":{{"a":[{}1]}}}}}}"#,
        "1,".repeat(400_000)
    );
    assert_eq!(ask(&[], &bomb).status, 413);
    // A stranger's body is not even read.
    let stranger = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n\r\n";
    assert_eq!(http::send(server.address, stranger.as_bytes()).status, 401);
    assert_eq!(alice.call("list_jobs", json!({}))["jobs"], json!([]));
    let peak = bgjob_tests::peak_kib(server.pid());
    assert!(peak < 150 << 10, "{peak} KiB");
}

#[test]
fn headers_and_message_must_agree() {
    let sandbox = sandbox();
    let server = Listening::for_users(&sandbox);
    let alice = server.user("alice");
    let id = alice.start("add", json!({"a": 1, "b": 2}));
    let bytes = alice.request("tasks/get", json!({"taskId": id}), true);
    let text = String::from_utf8(bytes).unwrap();
    let right = http::send(server.address, text.as_bytes());
    assert_eq!(right.status, 200, "{right:?}");
    let wrong = text.replacen(
        &format!("Mcp-Name: {id}"),
        "Mcp-Name: add-00000000000000000000",
        1,
    );
    let answer = http::send(server.address, wrong.as_bytes());
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (400, &json!(-32020)),
        "{answer:?}"
    );
    let wrong = text.replacen("Mcp-Method: tasks/get", "Mcp-Method: tools/list", 1);
    assert_eq!(http::send(server.address, wrong.as_bytes()).status, 400);
    alice.finish(&id);
}

#[test]
fn a_second_server_on_the_same_data_answers_for_the_same_user_alone() {
    let sandbox = sandbox();
    let (one, other) = (
        Listening::for_users(&sandbox),
        Listening::for_users(&sandbox),
    );
    let answer = one.user("alice").ask(
        "tools/call",
        json!({"name": "add", "arguments": {"a": 1, "b": 2}}),
    );
    let id = answer.json()["result"]["taskId"]
        .as_str()
        .expect("a task")
        .to_owned();
    drop(one);
    let get = |user: &str| {
        other
            .user(user)
            .ask("tasks/get", json!({"taskId": id}))
            .json()
    };
    until("the task ends", || {
        get("alice")["result"]["status"] == "completed"
    });
    assert_eq!(
        get("alice")["result"]["result"]["structuredContent"]["result"],
        3
    );
    assert_eq!(get("bob")["error"]["code"], -32602);
}

#[test]
fn a_client_of_the_older_protocol_is_served_without_a_session() {
    let sandbox = sandbox();
    let server = Listening::for_users(&sandbox);
    let bearer = format!("Bearer {}", TOKENS[0].1);
    let ask = |body: Value| {
        let headers = [
            ("Host", "localhost"),
            ("Authorization", &*bearer),
            ("MCP-Protocol-Version", "2025-11-25"),
        ];
        http::send(server.address, &raw(&headers, &body.to_string()))
    };
    let hello = ask(
        json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}),
    );
    assert_eq!(
        hello.json()["result"]["protocolVersion"],
        "2025-11-25",
        "{hello:?}"
    );
    assert!(!hello.headers.contains_key("mcp-session-id"));
    let noted = ask(json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    assert_eq!(noted.status, 202, "{noted:?}");
    let call = ask(json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "add", "arguments": {"a": 1, "b": 2}}}));
    assert_eq!(
        call.json()["result"]["structuredContent"]["state"],
        "queued",
        "{call:?}"
    );
    let odd = ask(json!({"jsonrpc": "2.0", "id": 3, "method": "tasks/list", "params": {}}));
    assert_eq!(odd.json()["error"]["code"], -32601, "{odd:?}");
    let mut stream = http::open(
        server.address,
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    let mut byte = [0; 1];
    assert_eq!(stream.read(&mut byte).unwrap(), 1, "answered, not hung");
    let id = call.json()["result"]["structuredContent"]["job_id"].clone();
    server.user("alice").finish(id.as_str().expect("an id"));
}
