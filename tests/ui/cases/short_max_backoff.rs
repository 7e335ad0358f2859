//! A longest pause that is shorter than the first.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(retries(max = 3, backoff = "1m", max_backoff = "30s"))]
fn simulate() {}

fn main() {}
