//! Two arguments of one name.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(days: u32, #[arg(rename = "days")] hours: u32) {}

fn main() {}
