//! The quick start as a new user follows it: from an empty folder outside the workspace to a tool that a client calls.
//!
//! It compiles everything anew, so it runs only when asked: `cargo test -p bgjob-book --test book -- --ignored`. The
//! client is the official Python SDK of `tests/foreign/py`; where it is not installed, that part is left out unless
//! `BGJOB_FOREIGN=required`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use bgjob_book::{Block, Chapter, root};
use serde_json::Value;

use crate::consoles::Session;
use crate::none;
use crate::programs::Home;

/// A chapter that is followed here, and not with the other consoles.
pub const CHAPTER: &str = "quick-start.md";

/// What the marker above a block calls a file: `<!-- file: src/main.rs -->`.
fn file(block: &Block) -> Option<&str> {
    block.marker.as_deref()?.strip_prefix("file: ")
}

fn write(home: &Home, file: &str, text: &str) {
    let path = home.path().join("tank").join(file);
    if file == "Cargo.toml" {
        let begun = fs::read_to_string(&path).unwrap();
        let begun = begun.split("[dependencies]").next().unwrap_or_default();
        fs::write(&path, format!("{begun}{text}")).unwrap();
        // What was built the last time need not be built again.
        let built = root().join("target/quick-start");
        fs::create_dir_all(&built).unwrap();
        let _ = symlink(built, home.path().join("tank/target"));
        return;
    }
    // Lines that only rustdoc sees are not in the book.
    let lines = text.lines().filter(|line| !line.starts_with("# "));
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
}

fn client(home: &Home, configuration: &Value) -> Option<Value> {
    let folder = root().join("tests/foreign/py/.venv/bin/python");
    if !folder.is_file() {
        let required = std::env::var("BGJOB_FOREIGN").is_ok_and(|value| value == "required");
        assert!(!required, "no Python SDK; see tests/foreign/README.md");
        eprintln!("no Python SDK: no client was connected");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("checks/quick_start.py");
    let output = Command::new(folder)
        .arg(script)
        .arg(configuration.to_string())
        .env("HOME", home.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
#[ignore = "compiles a program of its own"]
fn the_quick_start_leads_from_an_empty_folder_to_a_tool_in_a_client() {
    let chapter = Chapter::read(CHAPTER);
    let mut home = Home::with_cargo();
    symlink(root(), home.path().join("bgjob")).unwrap();
    let mut session = Session::new(&chapter);
    let mut configuration = None;
    for block in chapter.blocks() {
        match (block.language(), file(&block)) {
            (_, Some(file)) => write(&home, file, &block.text),
            ("console", _) if block.not_run().is_none() => {
                session.follow(&mut home, &block);
            }
            ("json", _) if block.text.contains("mcpServers") => {
                let real = home.path().display().to_string();
                let text = block.text.replace("/home/you", &real);
                configuration = serde_json::from_str::<Value>(&text).ok();
            }
            _ => {}
        }
    }
    none(
        "steps of the quick start that go another way",
        &session.end(),
    );
    let server = &configuration.expect("a client's configuration")["mcpServers"]["tank"];
    if let Some(seen) = client(&home, server) {
        assert_eq!(seen["handle"]["state"], "queued", "{seen}");
        assert_eq!(seen["end"]["state"], "completed", "{seen}");
        assert!(
            seen["tools"]
                .as_array()
                .unwrap()
                .iter()
                .any(|tool| tool == "fill")
        );
    }
}
