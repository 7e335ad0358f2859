//! A value where none belongs.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(#[arg(skip_log = true)] token: String) {}

#[background_tool]
fn solve(#[arg(flatten(all))] params: Params) {}

struct Params;

fn main() {}
