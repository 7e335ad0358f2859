//! Retries of nothing.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(retries(max = 3, on = []))]
fn simulate() {}

fn main() {}
