//! Retries without end.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(retries(on = ["lost"]))]
fn simulate() {}

fn main() {}
