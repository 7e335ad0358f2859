//! A runtime flavour for a function that runs outside any runtime.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(flavor = "multi_thread")]
fn simulate() {}

fn main() {}
