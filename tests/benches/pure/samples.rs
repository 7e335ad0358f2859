//! A small tool and one of middling size, calls of them, and a job.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bgjob_runtime::bench::Evidence;
use bgjob_runtime::error::Code;
use bgjob_runtime::job::outcome::{Exit, Usage};
use bgjob_runtime::job::record::JobRecord;
use bgjob_runtime::job::state::JobState;
use bgjob_runtime::{Error, background_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A mesh.
#[derive(Deserialize, JsonSchema)]
struct Mesh {
    /// Cell size, in m.
    size: f64,
    /// Refinement steps.
    refine: Option<u8>,
    /// What is known at each node.
    #[serde(default)]
    nodes: BTreeMap<String, Node>,
}

/// A node.
#[derive(Deserialize, JsonSchema)]
struct Node {
    /// Where it is, in m.
    at: [f64; 3],
    /// What holds there.
    kind: Kind,
}

/// What holds at a node.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Nothing flows.
    Wall,
    /// Flow comes in.
    Inlet,
    /// Flow goes out.
    Outlet,
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
struct Solved {
    /// Residual.
    residual: f64,
    /// Names of the nodes that bind.
    names: Vec<String>,
}

/// Adds two numbers.
#[background_tool]
fn add(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

/// Solves on a mesh.
#[background_tool]
fn solve(
    /// How many steps.
    #[arg(range = 1..=1000, default = 10)]
    steps: u32,
    mesh: Mesh,
    tolerance: Option<f64>,
    tags: Option<Vec<String>>,
) -> Solved {
    let binds = |node: &Node| !matches!(node.kind, Kind::Wall | Kind::Outlet);
    let bound = mesh.nodes.iter().filter(|(_, node)| binds(node));
    let names = bound.map(|(name, node)| format!("{name} at {:?}", node.at));
    Solved {
        residual: tolerance.unwrap_or(1.0) * mesh.size
            / f64::from(steps + mesh.refine.map_or(0, u32::from)),
        names: names.chain(tags.unwrap_or_default()).collect(),
    }
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("an object")
}

/// A call of `add`.
pub fn two() -> Map<String, Value> {
    object(json!({"a": 19, "b": 23}))
}

/// A call of `solve`, with eight nodes.
pub fn call() -> Map<String, Value> {
    let kinds = ["wall", "inlet", "outlet"].into_iter().cycle();
    let node = |(n, kind)| {
        (
            format!("node_{n}"),
            json!({"at": [n, 0.5, -1.0], "kind": kind}),
        )
    };
    let nodes: Map<String, Value> = (0..8).zip(kinds).map(node).collect();
    object(json!({
        "steps": 40,
        "mesh": {"size": 0.25, "refine": 2, "nodes": nodes},
        "tolerance": 1e-6,
        "tags": ["coarse", "first"],
    }))
}

/// The same with a number that is none, an unknown key and a bound that is broken.
pub fn wrong_call() -> Map<String, Value> {
    let mut wrong = call();
    wrong["steps"] = json!(100_000);
    wrong["mesh"]["size"] = json!("small");
    wrong["mesh"]["refinement"] = json!(2);
    wrong
}

fn usage() -> Usage {
    Usage {
        user_s: 0.31,
        system_s: 0.02,
        max_rss_kib: 4_096,
    }
}

/// What is left of an attempt that ended so, without a result.
pub fn evidence(exit: Exit) -> Evidence {
    Evidence {
        result_bytes: None,
        bad_result: None,
        worker_error: None,
        exit,
        cause: None,
        other_boot: false,
        timeout_ms: Some(60_000),
        leaked: 0,
        usage: Some(usage()),
        stderr_tail: Some("a line of its log\n".repeat(40)),
    }
}

/// A job that has completed.
pub fn record() -> JobRecord {
    const BEGUN: i64 = 1_795_000_000_000;
    JobRecord {
        seq: 1,
        id: "solve-9f3k2m7qw4x1a8bdc6tz".parse().expect("an id"),
        owner: "local".into(),
        tool: "solve".into(),
        schema_hash: "0".repeat(64),
        state: JobState::Completed,
        priority: 0,
        tool_limit: None,
        submitted_at: BEGUN,
        not_before: 0,
        started_at: Some(BEGUN + 40),
        ended_at: Some(BEGUN + 3_140),
        timeout_ms: Some(60_000),
        attempt: 1,
        max_attempts: 1,
        retry: None,
        nonce: Some("n1".into()),
        boot: None,
        cancel_requested_at: None,
        cancel_grace_ms: None,
        retry_of: None,
        cwd: PathBuf::from("/"),
        patch: Some(("mesh".into(), String::new())),
        patch_version: Some(3),
        patch_skipped: None,
        error: None,
        exit: Some(Exit::Code(0)),
        warning: None,
        leaked: 0,
        usage: Some(usage()),
        result_bytes: Some(120),
        completion_seq: Some(1),
        revision: 4,
    }
}

/// The job, had it failed.
pub fn failed(job: JobRecord) -> JobRecord {
    JobRecord {
        state: JobState::Failed,
        error: Some(Error {
            stderr_tail: Some("a line of its log\n".repeat(40)),
            ..Error::new(Code::Crashed, "the worker exited with status 1")
                .remedy("Read the job's log; its last lines come with this error.")
        }),
        exit: Some(Exit::Code(1)),
        result_bytes: None,
        ..job
    }
}
