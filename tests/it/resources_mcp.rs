//! Results, logs, artifacts and state as MCP resources: listed in pages, read in parts, and nothing else
//! readable under any URI.

use std::os::unix::fs::symlink;

use bgjob_tests::Sandbox;
use bgjob_tests::mcp::{Era, Server};
use serde_json::{Value, json};

use crate::sandbox;

fn ended(sandbox: &Sandbox, tool: &str, input: Value) -> String {
    let view = sandbox.finish(tool, &input);
    view["job_id"].as_str().expect("an id").to_owned()
}

#[track_caller]
fn contents(server: &mut Server, uri: &str) -> Vec<Value> {
    let answer = server.request("resources/read", json!({ "uri": uri }));
    let contents = answer["result"]["contents"].as_array();
    contents
        .unwrap_or_else(|| panic!("{uri}: {answer}"))
        .clone()
}

#[track_caller]
fn text(content: &Value) -> &str {
    content["text"].as_str().expect("text")
}

#[track_caller]
fn parsed(content: &Value) -> Value {
    serde_json::from_str(text(content)).expect("JSON")
}

#[track_caller]
fn refusal(server: &mut Server, uri: &str) -> Value {
    let answer = server.request("resources/read", json!({ "uri": uri }));
    assert!(answer["error"].is_object(), "{uri}: {answer}");
    answer["error"].clone()
}

/// All pages.
fn listed(server: &mut Server) -> Vec<Vec<Value>> {
    let (mut pages, mut params) = (Vec::new(), json!({}));
    loop {
        let answer = server.request("resources/list", params.clone());
        let page = answer["result"]["resources"].as_array();
        pages.push(page.unwrap_or_else(|| panic!("{answer}")).clone());
        match answer["result"]["nextCursor"].as_str() {
            Some(cursor) => params["cursor"] = cursor.into(),
            None => return pages,
        }
    }
}

#[test]
fn what_there_is_is_listed_newest_first_in_pages() {
    let sandbox = sandbox();
    ended(&sandbox, "note", json!({"text": "x"}));
    let ids: Vec<String> = (0..30)
        .map(|n| ended(&sandbox, "add", json!({"a": n, "b": 0})))
        .collect();
    let files = ended(&sandbox, "make_files", json!({}));
    let failed = ended(&sandbox, "fail", json!({"text": "no"}));
    for era in [Era::Session, Era::SelfContained] {
        let mut server = Server::start_as(&sandbox, era);
        let pages = listed(&mut server);
        assert_eq!(pages.len(), 2, "{pages:?}");
        assert_eq!(pages[0][0]["uri"], "bgjob://state/note");
        assert_eq!(pages[0][0]["size"], 12);
        assert_eq!(pages[0][1]["uri"], format!("bgjob://jobs/{failed}"));
        let uris: Vec<&str> = pages
            .iter()
            .flatten()
            .filter_map(|resource| resource["uri"].as_str())
            .collect();
        let of_files = uris.iter().filter(|uri| uri.contains(&files)).count();
        assert_eq!(of_files, 4, "a result and three files: {uris:?}");
        let picture = pages[0]
            .iter()
            .find(|one| one["name"] == format!("{files}/dot.png"))
            .expect("a picture");
        let expected = sandbox.job_dir(&files).join("artifacts/dot.png");
        let size = std::fs::metadata(expected).expect("a file").len();
        assert_eq!(
            (&picture["mimeType"], &picture["size"]),
            (&json!("image/png"), &json!(size))
        );
        let adds: Vec<String> = uris
            .iter()
            .filter_map(|uri| uri.strip_prefix("bgjob://jobs/")?.strip_suffix("/result"))
            .filter(|id| id.starts_with("add-"))
            .map(str::to_owned)
            .collect();
        let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(adds, newest_first);
        for uri in uris {
            contents(&mut server, uri);
        }
        for cursor in ["bgjob:add-00000000000000000000", "bgjob:..", "2", ""] {
            let answer = server.request("resources/list", json!({"cursor": cursor}));
            assert_eq!(answer["error"]["code"], -32602, "{cursor}: {answer}");
        }
    }
}

#[test]
fn templates_name_every_kind() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let answer = server.request("resources/templates/list", json!({}));
    let templates = answer["result"]["resourceTemplates"]
        .as_array()
        .expect("a list");
    let uris: Vec<&str> = templates
        .iter()
        .filter_map(|template| template["uriTemplate"].as_str())
        .collect();
    assert_eq!(uris.len(), 5, "{answer}");
    for part in [
        "{job_id}/result{?",
        "logs/{stream}",
        "artifacts/{name}",
        "bgjob://state/{field}",
    ] {
        assert!(
            uris.iter().any(|uri| uri.contains(part)),
            "{part}: {uris:?}"
        );
    }
    assert!(answer["result"].get("resultType").is_none());
}

#[test]
fn each_kind_is_read_with_its_type() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "add", json!({"a": 2, "b": 3}));
    let job = format!("bgjob://jobs/{id}");
    ended(&sandbox, "note", json!({"text": "x"}));
    let talks = ended(&sandbox, "surroundings", json!({}));
    let mut server = Server::start_as(&sandbox, Era::SelfContained);

    let answer = server.request("resources/read", json!({"uri": format!("{job}/result")}));
    let result = &answer["result"];
    assert_eq!(
        result["contents"],
        json!([{"uri": format!("{job}/result"), "mimeType": "application/json", "text": "5"}])
    );
    assert_eq!(result["cacheScope"], "private", "{answer}");
    assert!(result["ttlMs"].as_u64() > Some(0), "{answer}");

    let stands = contents(&mut server, &job);
    assert_eq!(parsed(&stands[0])["state"], "completed");
    assert_eq!(parsed(&stands[0])["result"], 5);
    let field = contents(&mut server, "bgjob://state/note?pointer=/text");
    assert_eq!((field.len(), text(&field[0])), (1, r#""x""#));
    let log = contents(&mut server, &format!("bgjob://jobs/{talks}/logs/stdout"));
    assert_eq!(log[0]["mimeType"], "text/plain");
    let lines: Vec<&str> = text(&log[0]).lines().collect();
    assert_eq!(lines[1], "this is stdout", "{lines:?}");
    assert!(
        lines[0].contains("untrusted") && lines[0] == lines[2],
        "{lines:?}"
    );
    let events = contents(&mut server, &format!("{job}/logs/events"));
    assert_eq!(events.len(), 1);
}

#[test]
fn a_long_log_is_read_on_from_byte_to_byte() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "flood", json!({"kib": 100}));
    let log = format!("bgjob://jobs/{id}/logs/stderr");
    let mut server = Server::start(&sandbox);
    let last = contents(&mut server, &format!("{log}?tail=1"));
    assert!(text(&last[0]).contains("the last line"), "{last:?}");
    assert!(!text(&last[0]).contains('x'), "{last:?}");
    let (mut next, mut shown) = (format!("{log}?offset=0"), 0);
    loop {
        let part = contents(&mut server, &next);
        assert_eq!(part.len(), 2, "{next}");
        let lines: Vec<&str> = text(&part[0]).lines().collect();
        shown += lines.len() - 2;
        let guide = parsed(&part[1]);
        match guide["next"].as_str() {
            Some(uri) => next = uri.to_owned(),
            None => break,
        }
    }
    assert_eq!(shown, 101);
}

#[test]
fn files_come_as_pictures_as_text_and_byte_by_byte() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "make_files", json!({}));
    let file = |name: &str| format!("bgjob://jobs/{id}/artifacts/{name}");
    let mut server = Server::start(&sandbox);
    let picture = contents(&mut server, &file("dot.png"));
    assert_eq!(picture[0]["mimeType"], "image/png");
    assert!(
        picture[0]["blob"]
            .as_str()
            .is_some_and(|blob| blob.starts_with("iVBORw0KGgo"))
    );
    let raw = contents(&mut server, &file("raw.bin"));
    assert_eq!(raw[0]["blob"], "AP8B");
    let two = contents(&mut server, &file("raw.bin?bytes=1-1"));
    assert_eq!(
        (&two[0]["blob"], &two[0]["uri"]),
        (&json!("/w=="), &json!(file("raw.bin?bytes=1-1")))
    );
    assert_eq!(parsed(&two[1])["next"], file("raw.bin?bytes=2-"));

    let table = std::fs::read_to_string(sandbox.job_dir(&id).join("artifacts/table.csv")).unwrap();
    let whole = contents(&mut server, &file("table.csv"));
    assert_eq!((whole.len(), text(&whole[0])), (1, &*table));
    let (mut next, mut read) = (file("table.csv?max_bytes=100"), String::new());
    loop {
        let part = contents(&mut server, &next);
        assert!(text(&part[0]).len() <= 100);
        read.push_str(text(&part[0]));
        match parsed(&part[1])["next"].as_str() {
            Some(uri) => next = uri.to_owned(),
            None => break,
        }
    }
    assert_eq!(read, table);
    assert_eq!(
        refusal(&mut server, &file("raw.bin?offset=1"))["code"],
        -32602
    );

    // More than is sent at once: its size, and the way to its bytes.
    let large = vec![0xffu8; (1 << 20) + 5];
    std::fs::write(sandbox.job_dir(&id).join("artifacts/large.bin"), large).unwrap();
    let guide = contents(&mut server, &file("large.bin"));
    let guide = parsed(&guide[0]);
    assert_eq!(guide["bytes"], (1 << 20) + 5);
    let first = contents(&mut server, guide["next"].as_str().expect("a URI"));
    let rest = parsed(&first[1])["next"].clone();
    let rest = contents(&mut server, rest.as_str().expect("a URI"));
    assert_eq!(rest[0]["blob"], "//////8=");
    assert!(parsed(&rest[1]).get("next").is_none());
}

#[test]
fn a_result_of_a_hundred_megabytes_is_never_held() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "big", json!({"kib": 100 << 10}));
    let mut server = Server::start(&sandbox);
    let uri = format!("bgjob://jobs/{id}/result");
    for place in [&uri, "bgjob://state/big"] {
        let whole = contents(&mut server, place);
        let guide = parsed(&whole[0]);
        assert_eq!(
            guide["outline"]["/text"],
            format!("string({})", 100 << 20),
            "{guide}"
        );
        let part = contents(
            &mut server,
            &format!("{place}?pointer=/text&offset=104857599"),
        );
        assert_eq!(text(&part[0]), r#""x""#);
        let end = contents(&mut server, &format!("{place}?pointer=/end"));
        assert_eq!(text(&end[0]), "true");
        let bytes = contents(&mut server, &format!("{place}?bytes=50000000-"));
        assert_eq!(
            bytes[0]["blob"].as_str().map(str::len),
            Some((1usize << 20).div_ceil(3) * 4)
        );
    }
    let peak = server.peak_kib();
    assert!(peak < 60 << 10, "{peak} KiB");
}

#[test]
fn what_is_not_there_is_not_found_in_the_code_of_each_era() {
    let sandbox = sandbox();
    let id = ended(&sandbox, "fail", json!({"text": "out of ink"}));
    let secret = sandbox.data().join("secret");
    std::fs::write(&secret, "do not tell").unwrap();
    let files = ended(&sandbox, "make_files", json!({}));
    let dir = sandbox.job_dir(&files).join("artifacts");
    symlink(&secret, dir.join("secret.txt")).unwrap();
    symlink("table.csv", dir.join("inside.csv")).unwrap();
    std::fs::create_dir(dir.join("folder")).unwrap();
    let deep = format!("bgjob://jobs/{files}/artifacts/");
    let long = format!("bgjob://state/{}", "a".repeat(1 << 20));
    let uris = [
        "test://nothing".to_owned(),
        format!("file://{}", secret.display()),
        "bgjob://".to_owned(),
        "bgjob://jobs/..%2f..%2fsecret".to_owned(),
        "bgjob://jobs/../secret".to_owned(),
        "bgjob://jobs/add-00000000000000000000/result".to_owned(),
        "bgjob://state/nothing".to_owned(),
        "bgjob://state/note".to_owned(),
        "bgjob://state/..%2f..%2fsecret".to_owned(),
        format!("bgjob://jobs/{id}/result"),
        format!("bgjob://jobs/{id}/input.json"),
        format!("bgjob://jobs/{id}/logs/../../secret"),
        format!("{deep}..%2F..%2F..%2Fsecret"),
        format!("{deep}..%2Finput.json"),
        format!("{deep}%2e%2e"),
        format!("{deep}.."),
        format!("{deep}%252e%252e%252fsecret"),
        format!("{deep}table.csv%00"),
        format!("{deep}secret.txt"),
        format!("{deep}inside.csv"),
        format!("{deep}folder"),
        format!("{deep}{}", secret.display()),
        format!("{deep}..%5C..%5Csecret"),
        long,
    ];
    for (era, code) in [(Era::Session, -32002), (Era::SelfContained, -32602)] {
        let mut server = Server::start_as(&sandbox, era);
        for uri in &uris {
            let shown: String = uri.chars().take(100).collect();
            let error = refusal(&mut server, uri);
            assert_eq!(error["code"], code, "{shown}: {error}");
            assert!(error.to_string().len() < 6000, "{shown}");
            assert!(!error.to_string().contains("do not tell"), "{shown}");
            if uri.len() < 4096 {
                assert_eq!(error["data"]["uri"], **uri, "{shown}: {error}");
            }
        }
        let error = refusal(&mut server, &format!("bgjob://jobs/{id}/result"));
        assert_eq!(error["data"]["code"], "tool_error", "{error}");
        assert_eq!(error["message"], "out of ink", "{error}");
        let error = refusal(
            &mut server,
            &format!("bgjob://jobs/{files}/result?pointr=/x"),
        );
        assert_eq!(error["code"], -32602);
        assert_eq!(error["data"]["did_you_mean"], "pointer", "{error}");
    }
}

#[test]
fn replies_link_to_what_they_do_not_hold() {
    let sandbox = sandbox();
    let files = ended(&sandbox, "make_files", json!({}));
    let big = ended(&sandbox, "big", json!({"kib": 100}));
    let mut server = Server::start(&sandbox);
    let links = |server: &mut Server, tool: &str, args: Value| -> Vec<String> {
        let call = server.begin_call(tool, &args);
        let answer = server.answer(&json!(call));
        server.reply(tool, &answer);
        let content = answer["result"]["content"].as_array().expect("content");
        content
            .iter()
            .filter(|block| block["type"] == "resource_link")
            .map(|block| block["uri"].as_str().expect("a URI").to_owned())
            .collect()
    };
    let found = links(&mut server, "get_job_status", json!({"job_id": files}));
    assert_eq!(found.len(), 3, "{found:?}");
    for uri in &found {
        contents(&mut server, uri);
    }
    let found = links(&mut server, "get_job_status", json!({"job_id": big}));
    assert_eq!(found, [format!("bgjob://jobs/{big}/result")]);
    let outline = server.call("get_job_results", json!({"job_id": big}));
    assert_eq!(outline["resource"], found[0], "{outline:?}");
    let part = json!({"job_id": big, "pointer": "/text"});
    let page = server.call("get_job_results", part);
    assert!(page["resource"].is_null(), "said once: {page:?}");
    let state = server.call("get_state", json!({"field": "big"}));
    assert_eq!(state["resource"], "bgjob://state/big", "{state:?}");
    let raw = json!({"job_id": files, "artifact": "raw.bin"});
    let found = links(&mut server, "get_job_results", raw);
    assert_eq!(found, [format!("bgjob://jobs/{files}/artifacts/raw.bin")]);

    // Older clients refuse a reply that holds what they do not know.
    let hello = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    server.request("initialize", hello);
    let found = links(&mut server, "get_job_status", json!({"job_id": files}));
    assert_eq!(found, Vec::<String>::new());
}
