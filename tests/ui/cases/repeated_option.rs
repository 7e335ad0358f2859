//! One option given twice.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timeout = "30m", priority = 1, timeout = "1h")]
fn simulate(#[arg(default = 1)] #[arg(default = 2)] days: u32) {}

fn main() {}
