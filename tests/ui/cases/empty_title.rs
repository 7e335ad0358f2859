//! A title without text.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(title = " ")]
fn simulate() {}

fn main() {}
