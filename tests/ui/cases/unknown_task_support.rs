//! A task support that does not exist.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(task = "always")]
async fn simulate() {}

fn main() {}
