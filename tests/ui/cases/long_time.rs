//! A pause that no deadline can hold.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(retries(max = 3, backoff = "99999999d", max_backoff = "99999999d"))]
fn simulate() {}

fn main() {}
