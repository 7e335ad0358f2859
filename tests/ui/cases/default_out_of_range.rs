//! A default that the range forbids.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(#[arg(range = 1..=365, default = 1000)] days: u32, #[arg(range = 0.0.., default = -1)] mass: f64) {}

fn main() {}
