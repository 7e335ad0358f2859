//! A server before its interface changed: what `after` is compared with.

#![allow(
    clippy::too_many_arguments,
    reason = "one tool shows many kinds of argument"
)]

use std::process::ExitCode;

use bgjob_runtime::{State, background_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mixing {
    Gas,
    Mechanical,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Summary {
    gone: f64,
    always: f64,
    count: u8,
    unit: Option<String>,
}

/// Computes.
#[background_tool(state_patch = "summary")]
fn compute(
    /// Loses its bound.
    #[arg(range = 1..=10)]
    widened: u32,
    /// Gains a bound.
    narrowed: u32,
    /// How it is mixed.
    mixing: Mixing,
    /// Must be given later.
    required_later: Option<String>,
    /// Can be left out later.
    optional_later: String,
    /// Gone later.
    removed: Option<u8>,
    /// Has a default.
    #[arg(default = 1)]
    preset: u32,
    basis: State<f64>,
) -> Summary {
    let _ = (mixing, required_later, removed, *basis);
    Summary {
        gone: 1.0,
        always: f64::from(widened + narrowed + preset),
        count: 0,
        unit: Some(optional_later),
    }
}

/// Renamed later.
#[background_tool]
fn old_name() {}

/// The same in both versions.
#[background_tool]
fn same(
    /// Text.
    text: String,
) -> String {
    text
}

fn main() -> ExitCode {
    bgjob_runtime::App::new("versions", "1.0.0").run()
}
