//! A struct for all arguments, and another argument.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(#[arg(flatten)] params: Params, days: u32) {}

struct Params;

fn main() {}
