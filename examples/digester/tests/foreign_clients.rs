//! The official SDK clients against the server, neither written here: `tests/foreign`.
//!
//! Without their packages a test says so and passes; `BGJOB_FOREIGN=required` makes that a failure.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the client saw of the server, or nothing where its packages are not installed.
fn seen_by(interpreter: &Path, script: &str, package: &str) -> Option<Value> {
    let foreign = repository().join("tests/foreign");
    if !foreign.join(package).exists() {
        let reason = format!("{package} is not installed: see tests/foreign/README.md");
        let required = std::env::var_os("BGJOB_FOREIGN").is_some_and(|value| value == "required");
        assert!(!required, "{reason}");
        // Past the capture of test output, which hides what passing tests print.
        let _ = writeln!(std::io::stderr(), "skipped: {reason}");
        return None;
    }
    let home = tempfile::tempdir().expect("a directory");
    let output = Command::new(interpreter)
        .arg(foreign.join(script))
        .arg(env!("CARGO_BIN_EXE_digester"))
        .arg(home.path().join("data"))
        .arg(repository().join("examples/digester/data/winery_distillery_basis.json"))
        .output()
        .expect("the client starts");
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{talk}");
    Some(serde_json::from_slice(&output.stdout).expect("it prints JSON"))
}

fn check(seen: &Value) {
    let tools: Vec<&str> = seen["tools"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for tool in [
        "set_basis",
        "validate",
        "heuristic_sizing",
        "simulate",
        "report",
        "get_job_status",
    ] {
        assert!(tools.contains(&tool), "{tool} is not in {tools:?}");
    }
    assert_eq!(seen["pointer"], "/time_series");
    // Sixty days with a record every hour, and the one at the beginning.
    assert_eq!(
        (&seen["records"], &seen["total"]),
        (&json!(60 * 24 + 1), &json!(60 * 24 + 1))
    );
    assert!(seen["pages"].as_u64().expect("a number") >= 4);
    assert_eq!(
        (&seen["state"]["present"], &seen["has_value"]),
        (&json!(true), &json!(true))
    );
    let refusal = &seen["refusal"];
    assert_eq!(
        (
            &refusal["isError"],
            &refusal["error"]["code"],
            &refusal["error"]["did_you_mean"]
        ),
        (&json!(true), &json!("unknown_argument"), &json!("days"))
    );
}

#[test]
fn the_typescript_sdk_runs_a_chain_and_reads_its_results() {
    let node = Path::new("node");
    if let Some(seen) = seen_by(
        node,
        "ts/client.mjs",
        "ts/node_modules/@modelcontextprotocol/sdk",
    ) {
        check(&seen);
        assert_eq!(seen["warnings"], json!([]), "the SDK complains of a schema");
    }
}

#[test]
fn the_python_sdk_runs_a_chain_and_reads_its_results() {
    let python = repository().join("tests/foreign/py/.venv/bin/python");
    if let Some(seen) = seen_by(&python, "py/client.py", "py/.venv/bin/python") {
        check(&seen);
    }
}
