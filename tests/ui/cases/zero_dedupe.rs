//! A window without width.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(dedupe = "0s")]
fn simulate() {}

fn main() {}
