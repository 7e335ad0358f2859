//! A ledger and job directories as each format's first release left them, checked in: they open, they
//! are read, and what was under way ends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bgjob_tests::{Sandbox, invariants};
use serde_json::{Value, json};

use crate::sandbox;

fn formats() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    let mut found: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Copies a checked-in data directory, private as the engine would have it.
fn lay_out(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            lay_out(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn ids(sandbox: &Sandbox) -> Vec<String> {
    let ledger = sandbox.ledger();
    let mut statement = ledger.prepare("SELECT id FROM job ORDER BY seq").unwrap();
    statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn of_tool(sandbox: &Sandbox, ids: &[String], tool: &str) -> Value {
    let id = ids
        .iter()
        .find(|id| id.starts_with(&format!("{tool}-")))
        .unwrap();
    sandbox.wait(id)
}

#[test]
fn the_ledger_and_the_jobs_of_each_release_open() {
    for format in formats() {
        let sandbox = sandbox();
        lay_out(&format.join("data"), &sandbox.data());
        let ids = ids(&sandbox);
        assert_eq!(ids.len(), 6, "{}", format.display());
        assert_eq!(of_tool(&sandbox, &ids, "add")["result"], 42);
        assert_eq!(
            of_tool(&sandbox, &ids, "fail")["error"]["message"],
            "no feed"
        );
        assert_eq!(of_tool(&sandbox, &ids, "exit")["exit"], json!({"code": 3}));
        // Its supervisor died between the record of its exit and the ledger, before an upgrade.
        let under_way = of_tool(&sandbox, &ids, "part");
        assert_eq!(under_way["state"], "completed", "{under_way}");
        assert_eq!(
            (&under_way["exit"], &under_way["state_patch"]["version"]),
            (&json!({"code": 0}), &json!(1))
        );
        assert_eq!(
            sandbox.json(["state", "show", "note"])["value"],
            json!({"text": "kept"})
        );
        assert_eq!(sandbox.json(["state", "show", "big"])["value"]["end"], true);
        assert_eq!(
            sandbox.json(["state", "show", "part"])["value"],
            json!([1, 2, 3])
        );
        // And life goes on.
        assert_eq!(
            sandbox.finish("read_note", &json!({}))["result"]["note"]["text"],
            "kept"
        );
        assert_eq!(sandbox.run(["doctor"]).code, Some(0));
        sandbox.settle();
        assert_eq!(
            invariants::problems(&sandbox, &ids, None),
            Vec::<String>::new()
        );
    }
}
