//! Options that a struct for all arguments cannot have.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(#[arg(flatten, default = 1, rename = "p", skip_log)] params: Params) {}

struct Params;

fn main() {}
