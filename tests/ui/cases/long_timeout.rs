//! A timeout that no deadline can hold.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timeout = "99999999d")]
fn simulate() {}

fn main() {}
