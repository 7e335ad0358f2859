//! A `range` that bounds nothing.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(#[arg(range = 5)] a: u8, #[arg(range = ..)] b: u8, #[arg(range)] c: u8, #[arg(range(1, 5))] d: u8) {}

fn main() {}
