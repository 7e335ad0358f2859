//! `WithJobs` passes on every method of `rmcp::ServerHandler`, read from the locked rmcp's source.
//!
//! Each method has a default, so one that a minor release of rmcp adds would compile without us, and
//! the inner server's answer would vanish.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const DECORATOR: &str = "bgjob-runtime/src/mcp/compose/decorate.rs";

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

/// The folder of the rmcp that `Cargo.lock` names.
fn rmcp() -> PathBuf {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", &platform])
        .current_dir(root())
        .output()
        .expect("cargo starts");
    let error = String::from_utf8_lossy(&output.stderr);
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    let packages = metadata["packages"].as_array().expect("packages");
    let found: Vec<&str> = packages
        .iter()
        .filter(|package| package["name"] == "rmcp")
        .filter_map(|package| package["manifest_path"].as_str())
        .collect();
    assert_eq!(found.len(), 1, "one rmcp: {found:?}");
    Path::new(found[0]).parent().expect("a folder").to_owned()
}

/// The part of `text` from `from` to `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("no `{from}`"));
    rest.split_once(to)
        .unwrap_or_else(|| panic!("no `{to}` after `{from}`"))
        .0
}

/// The methods in a block of Rust, by name, without white space.
fn methods(block: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::<String, String>::new();
    let mut name = None;
    for line in block
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("//"))
    {
        let line = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = line.strip_prefix("fn ") {
            let end = rest.find(['(', '<']).expect("a method's name ends");
            name = Some(rest[..end].to_owned());
        }
        if let Some(name) = &name {
            let body = found.entry(name.clone()).or_default();
            body.extend(line.chars().filter(|c| !c.is_whitespace()));
        }
    }
    found
}

fn in_the_trait() -> BTreeMap<String, String> {
    let path = rmcp().join("src/handler/server.rs");
    let text = fs::read_to_string(&path).expect("rmcp's source");
    let block = between(
        &text,
        "macro_rules! server_handler_methods",
        "pub trait ServerHandler",
    );
    let methods = methods(block);
    let known = [
        "call_tool",
        "get_info",
        "get_task",
        "list_skills",
        "on_cancelled",
        "ping",
    ];
    for name in known {
        assert!(
            methods.contains_key(name),
            "the trait was not read well: {:?}",
            methods.keys()
        );
    }
    methods
}

/// What of the trait the decorator does not pass on.
fn missing(wanted: &BTreeMap<String, String>, decorator: &str) -> Vec<String> {
    let (_, block) = decorator
        .split_once("ServerHandler for WithJobs<S> {")
        .expect("the implementation");
    let ours = methods(block);
    let passes_on = |name: &String| {
        ours.get(name)
            .is_some_and(|body| body.contains(&format!("self.inner.{name}(")))
    };
    wanted
        .keys()
        .filter(|name| !passes_on(name))
        .cloned()
        .collect()
}

#[test]
fn every_method_is_passed_on() {
    let decorator = fs::read_to_string(root().join(DECORATOR)).expect("the decorator");
    assert_eq!(missing(&in_the_trait(), &decorator), Vec::<String>::new());
}

#[test]
fn a_method_that_is_removed_or_answered_alone_is_noticed() {
    let decorator = fs::read_to_string(root().join(DECORATOR)).expect("the decorator");
    let wanted = in_the_trait();
    for name in wanted.keys() {
        let removed = decorator.replace(&format!("fn {name}("), "fn another(");
        assert_eq!(
            missing(&wanted, &removed),
            std::slice::from_ref(name),
            "removed: {name}"
        );
    }
    let alone = decorator.replace("self.inner.ping(context).await", "Ok(())");
    assert_eq!(missing(&wanted, &alone), ["ping"]);
}
