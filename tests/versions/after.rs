//! A server after its interface changed in every way there is: what is compared with `before`.

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
    Mechanical,
    Pumped,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Summary {
    #[serde(skip_serializing_if = "Option::is_none")]
    always: Option<f64>,
    count: u16,
    unit: Option<String>,
    new: f64,
}

/// Computes well.
#[background_tool(state_patch = "summaries")]
fn compute(
    /// Loses its bound.
    widened: u32,
    /// Gains a bound.
    #[arg(range = 1..=10)]
    narrowed: u32,
    /// How it is mixed.
    mixing: Mixing,
    /// Must be given later.
    required_later: String,
    /// Can be left out now.
    optional_later: Option<String>,
    /// New, and may be left out.
    added: Option<u8>,
    /// New, and must be given.
    demanded: u8,
    /// Has a default.
    #[arg(default = 2)]
    preset: u32,
    feed: State<f64>,
) -> Summary {
    let _ = (mixing, required_later, added, demanded, *feed);
    Summary {
        always: Some(f64::from(widened + narrowed + preset)),
        count: 0,
        unit: optional_later,
        new: 0.0,
    }
}

/// Renamed later.
#[background_tool]
fn new_name() {}

/// The same in both versions.
#[background_tool]
fn same(
    /// Text.
    text: String,
) -> String {
    text
}

fn main() -> ExitCode {
    bgjob_runtime::App::new("versions", "1.1.0").run()
}
