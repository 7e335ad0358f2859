//! An option without its value.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(name, title = , pass_env, max_concurrent)]
fn simulate(#[arg(default, rename)] days: u32) {}

#[background_tool(state_patch, priority, flavor, crate)]
async fn other() {}

fn main() {}
