//! A timeout that nothing can meet.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timeout = "0s")]
fn simulate() {}

fn main() {}
