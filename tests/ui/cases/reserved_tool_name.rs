//! The name of a job tool.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn list_jobs() {}

#[background_tool(name = "get_state")]
fn state() {}

fn main() {}
