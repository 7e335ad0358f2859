//! A type of one's own that is called `Result`.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Result;

#[background_tool]
fn simulate() -> Result {
    Result
}

fn main() {}
