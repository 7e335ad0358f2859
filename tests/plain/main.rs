//! The server that the benchmarks measure, as plain as the peer that they compare it with.

mod costs;

use std::time::Duration;

use bgjob_runtime::background_tool;
use serde_json::{Value, json};

/// Adds two numbers.
#[background_tool(timeout = "1m")]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Sleeps.
#[background_tool(timeout = "10m")]
async fn sleep(
    /// How long, in ms.
    ms: u64,
) -> Value {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    json!({"slept_ms": ms})
}

bgjob_runtime::main!();
