//! A text that is not a duration.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timeout = "30 minutes")]
fn words() {}

#[background_tool(timeout = "1.5h")]
fn fraction() {}

#[background_tool(timeout = "30m1h")]
fn smallest_first() {}

fn main() {}
