//! A text that is not a JSON pointer.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(state_patch(field = "simulation", pointer = "summary.gas"))]
fn dots() {}

#[background_tool(state_patch(field = "simulation", pointer = "/a~b"))]
fn tilde() {}

fn main() {}
