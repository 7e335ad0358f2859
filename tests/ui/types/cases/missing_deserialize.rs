//! An argument that cannot be read.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[derive(schemars::JsonSchema)]
struct Mesh;

#[background_tool]
fn simulate(days: u32, mesh: Mesh) {}

fn main() {}
