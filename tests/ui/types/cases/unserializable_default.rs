//! A default that has no JSON.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Unit;

#[background_tool]
fn simulate(#[arg(default = Unit)] days: u32) {}

fn main() {}
