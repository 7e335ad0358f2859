//! A `range` without values.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(#[arg(range = 10..=1)] days: u32, #[arg(range = 0.5..0.5)] part: f64) {}

fn main() {}
