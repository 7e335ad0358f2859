//! A value of a wrong kind, or a number out of bounds.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timeout = 30m, name = simulate, title = 5, max_concurrent = 0, priority = "high")]
fn first() {}

#[background_tool(timeout = none, max_concurrent = -1, priority = 3_000_000_000, pass_env = "HOME")]
fn second() {}

#[background_tool(timeout = ["30m"], state_patch = 1, pass_env = ["A", 1], crate = "bgjob_runtime")]
fn third(#[arg(rename = days, default(1))] days: u32) {}

#[background_tool(flavor = MultiThread)]
async fn fourth() {}

#[background_tool(timeout = true, retries(max = 1, on = "lost"), state_patch = mesh)]
fn fifth() {}

fn main() {}
