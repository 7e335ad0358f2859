//! An option that no attribute of ours has.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(timout = "30m")]
fn near() {}

#[background_tool(colour = "red")]
fn far(#[arg(defualt = 1)] days: u32, #[arg(unit)] mass: f64) {}

#[background_tool(state_patch(feild = "mesh", field = "mesh"))]
fn nested() {}

#[background_tool(description = "Adds", env = ["HOME"], limit = 2)]
fn of_another_framework(#[arg(min = 1)] days: u32) {}

fn main() {}
