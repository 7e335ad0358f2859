//! Longer than clients wait.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(inline = "5m")]
fn simulate() {}

fn main() {}
