//! An `extern` function.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
extern "C" fn simulate() {}

fn main() {}
