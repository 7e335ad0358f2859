//! No time to wait.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(inline = "0s")]
fn simulate() {}

fn main() {}
