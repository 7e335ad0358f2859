//! Results larger than memory should ever be.

use std::io::{BufWriter, Write};

use bgjob_tests::mcp::Server;
use serde_json::json;

use crate::sandbox;

/// Items of the series in the large result: about 100 MB.
const ITEMS: u64 = 2_500_000;

#[test]
fn parts_of_a_100_mb_result_cost_the_server_less_than_16_mb() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("add", json!({"a": 1, "b": 1}));
    let done = server.finish(started);
    let id = done.id();
    let results = sandbox.job_dir(&id).join("results.json");
    let mut file = BufWriter::new(std::fs::File::create(&results).unwrap());
    write!(file, "{{\"series\":[").unwrap();
    for n in 0..ITEMS {
        let comma = if n == 0 { "" } else { "," };
        write!(
            file,
            "{comma}{{\"day\":{n},\"flow\":{n}.25,\"x\":\"{n:08}\"}}"
        )
        .unwrap();
    }
    write!(
        file,
        "],\"text\":\"{}\",\"end\":true}}",
        "y".repeat(20 << 20)
    )
    .unwrap();
    file.flush().unwrap();
    assert!(std::fs::metadata(&results).unwrap().len() > 100 << 20);
    let before = server.peak_kib();
    let mut part = |arguments: &str| {
        let mut arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
        arguments["job_id"] = json!(id);
        server.call("get_job_results", arguments)
    };
    let page = part(r#"{"pointer": "/series", "offset": 1000000, "count": 2}"#);
    assert_eq!(
        (&page["value"][1]["day"], &page["page"]["total"]),
        (&json!(1_000_001), &json!(ITEMS))
    );
    let text = part(r#"{"pointer": "/text", "offset": 20971519}"#);
    assert_eq!(
        (&text["value"], &text["page"]["total"]),
        (&json!("y"), &json!(20 << 20))
    );
    let grown = server.peak_kib() - before;
    assert!(grown <= 16 << 10, "the server grew by {grown} KiB");
}

#[test]
fn a_gigabyte_of_nothing_and_a_million_members_cost_the_server_little() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("add", json!({"a": 1, "b": 1}));
    let id = server.finish(started).id();
    let results = sandbox.job_dir(&id).join("results.json");
    let before = server.peak_kib();
    // A sparse file: it takes no room on the disk, and would take it all in memory.
    let file = std::fs::File::create(&results).unwrap();
    file.set_len(1 << 30).unwrap();
    for arguments in [
        json!({"job_id": id}),
        json!({"job_id": id, "pointer": "/a/0"}),
        json!({"job_id": id, "outline": true}),
    ] {
        let refused = server.call("get_job_results", arguments);
        assert_eq!(refused["error"]["code"], "storage_error", "{refused:?}");
    }
    let mut file = BufWriter::new(std::fs::File::create(&results).unwrap());
    write!(file, "{{").unwrap();
    for n in 0..1_000_000 {
        write!(file, "\"k{n}\":{n},").unwrap();
    }
    write!(file, "\"end\":true}}").unwrap();
    file.flush().unwrap();
    let shown = server.call("get_job_results", json!({"job_id": id}));
    assert!(
        !shown.is_error && shown.bytes < 64 << 10,
        "{} bytes",
        shown.bytes
    );
    let last = server.call(
        "get_job_results",
        json!({"job_id": id, "pointer": "/k999999"}),
    );
    assert_eq!(last["value"], 999_999);
    let page = server.call(
        "get_job_results",
        json!({"job_id": id, "offset": 999_999, "count": 2}),
    );
    assert_eq!(page["page"]["total"], 1_000_001, "{page:?}");
    let grown = server.peak_kib() - before;
    assert!(grown <= 16 << 10, "the server grew by {grown} KiB");
}

#[test]
fn a_result_that_was_damaged_is_an_error_and_no_crash() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("big", json!({"kib": 8}));
    let id = server.finish(started).id();
    let results = sandbox.job_dir(&id).join("results.json");
    for damage in ["", "{\"text\":", "[[[[", "\u{0}"] {
        std::fs::write(&results, damage).unwrap();
        let refused = server.call("get_job_results", json!({"job_id": id}));
        assert_eq!(refused["error"]["code"], "storage_error", "{damage:?}");
    }
    std::fs::remove_file(&results).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &results).unwrap();
    assert!(
        server
            .call("get_job_results", json!({"job_id": id}))
            .is_error
    );
    std::fs::remove_file(&results).unwrap();
    assert_eq!(
        server.call("get_job_results", json!({"job_id": id}))["error"]["code"],
        "result_expired"
    );
}
