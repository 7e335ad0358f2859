//! A state parameter that does not say what it holds.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State;

#[background_tool]
fn simulate(basis: State) {}

fn main() {}
