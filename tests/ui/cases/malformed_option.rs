//! Something that is not an option.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool("30m")]
fn text() {}

#[background_tool(timeout: "30m", priority = 1)]
fn colon(#[arg] days: u32, #[arg = 1] mass: f64) {}

#[background_tool(timeout = "30m" priority = 1)]
fn no_comma() {}

fn main() {}
