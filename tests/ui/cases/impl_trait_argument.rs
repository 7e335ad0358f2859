//! An argument whose type has no name.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(days: impl Into<u32>, masses: Vec<impl Copy>) {}

fn main() {}
