//! Files that a job made beside its result: listed, copied out, shown to agents; links and tricks are not.

use std::os::unix::fs::symlink;

use bgjob_tests::mcp::Server;
use serde_json::json;

use crate::sandbox;

/// The smallest PNG there is: one pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[test]
fn artifacts_are_listed_and_copied_out() {
    let sandbox = sandbox();
    let id = sandbox.finish("make_files", &json!({}))["job_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let listed = sandbox.json(["jobs", "artifacts", &id]);
    let names: Vec<_> = listed["artifacts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].clone(), one["mime_type"].clone()))
        .collect();
    assert_eq!(
        names,
        [
            (json!("dot.png"), json!("image/png")),
            (json!("raw.bin"), json!("application/octet-stream")),
            (json!("table.csv"), json!("text/csv")),
        ],
        "{listed}"
    );
    assert_eq!(sandbox.show(&id)["artifacts"], listed["artifacts"]);
    let shown = sandbox.run(["jobs", "show", &id]);
    assert!(shown.stdout.contains("table.csv"), "{shown:?}");

    let copied = sandbox.run(["jobs", "artifacts", &id, "table.csv"]);
    assert!(copied.stdout.starts_with("day,gas\n0,"), "{copied:?}");
    let to = sandbox.path("copy.png");
    let path = to.display().to_string();
    assert_eq!(
        sandbox
            .run(["jobs", "artifacts", &id, "dot.png", "-o", &path])
            .code,
        Some(0)
    );
    let original = sandbox.job_dir(&id).join("artifacts/dot.png");
    assert_eq!(std::fs::read(to).unwrap(), std::fs::read(original).unwrap());
    let missing = sandbox.run(["jobs", "artifacts", &id, "tables.csv", "--json"]);
    assert_eq!(missing.code, Some(3), "{missing:?}");
    assert!(missing.stderr.contains("table.csv"), "{missing:?}");
}

#[test]
fn links_pipes_and_paths_are_no_artifacts() {
    let sandbox = sandbox();
    let id = sandbox.finish("make_files", &json!({}))["job_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let dir = sandbox.job_dir(&id).join("artifacts");
    symlink("/etc/passwd", dir.join("passwd.txt")).unwrap();
    symlink("table.csv", dir.join("inside.csv")).unwrap();
    std::fs::create_dir(dir.join("folder.txt")).unwrap();
    std::process::Command::new("mkfifo")
        .arg(dir.join("pipe.txt"))
        .status()
        .expect("mkfifo");
    let names = [
        "passwd.txt",
        "inside.csv",
        "folder.txt",
        "pipe.txt",
        "../input.json",
        "..",
        ".",
        "/etc/passwd",
        "a/b",
        "%2e%2e",
    ];
    let mut server = Server::start(&sandbox);
    for name in names {
        let ran = sandbox.run(["jobs", "artifacts", &id, name]);
        assert_eq!(ran.code, Some(3), "{name}: {ran:?}");
        let reply = server.call("get_job_results", json!({"job_id": id, "artifact": name}));
        assert_eq!(
            reply["error"]["code"], "artifact_not_found",
            "{name}: {reply:?}"
        );
    }
    assert_eq!(
        sandbox.json(["jobs", "artifacts", &id])["artifacts"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    // The whole folder as a link.
    let moved = sandbox.path("elsewhere");
    std::fs::rename(&dir, &moved).unwrap();
    symlink(&moved, &dir).unwrap();
    assert_eq!(
        sandbox.run(["jobs", "artifacts", &id, "table.csv"]).code,
        Some(3)
    );
    assert!(
        sandbox
            .json(["jobs", "artifacts", &id])
            .get("artifacts")
            .is_none()
    );
}

#[test]
fn agents_see_pictures_and_read_text_in_parts() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let started = server.call("make_files", json!({}));
    let done = server.finish(started);
    let id = done.id();
    assert_eq!(
        done["artifacts"].as_array().map(Vec::len),
        Some(3),
        "{done:?}"
    );

    let call = server.begin_call(
        "get_job_results",
        &json!({"job_id": id, "artifact": "dot.png"}),
    );
    let answer = server.answer(&json!(call));
    let image = &answer["result"]["content"][1];
    assert_eq!(
        (&image["type"], &image["mimeType"]),
        (&json!("image"), &json!("image/png")),
        "{answer}"
    );
    assert_eq!(image["data"], PNG);

    let mut reply = server.call(
        "get_job_results",
        json!({"job_id": id, "artifact": "table.csv", "max_bytes": 100}),
    );
    let mut text = String::new();
    loop {
        text.push_str(reply["value"].as_str().expect("text"));
        if reply["next"].is_null() {
            break;
        }
        reply = server.follow(&reply);
    }
    let whole = std::fs::read_to_string(sandbox.job_dir(&id).join("artifacts/table.csv")).unwrap();
    assert_eq!(text, whole);
    let raw = server.call(
        "get_job_results",
        json!({"job_id": id, "artifact": "raw.bin"}),
    );
    assert!(
        raw["warning"]
            .as_str()
            .is_some_and(|why| why.contains("not text")),
        "{raw:?}"
    );
}
