//! A struct for all arguments that lacks both traits.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Params;

#[background_tool]
fn simulate(#[arg(flatten)] params: Params) {}

fn main() {}
