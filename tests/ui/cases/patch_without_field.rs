//! A state patch that names no field.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(state_patch(pointer = "/summary"))]
fn simulate() {}

fn main() {}
