//! A runtime flavour that does not exist.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(flavor = "multi")]
async fn simulate() {}

fn main() {}
