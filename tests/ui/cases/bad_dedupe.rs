//! A word that is not known.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(dedupe = "running")]
fn simulate() {}

fn main() {}
