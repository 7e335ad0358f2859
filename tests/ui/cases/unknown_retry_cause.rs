//! A cause that does not exist.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(retries(max = 3, on = ["lost", "panicked"]))]
fn simulate() {}

fn main() {}
