//! A number where a duration belongs.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timeout = 30)]
fn number() {}

#[background_tool(timeout = "30")]
fn text() {}

fn main() {}
