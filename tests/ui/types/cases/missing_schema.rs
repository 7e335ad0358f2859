//! An argument that cannot be described.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[derive(serde::Deserialize)]
struct Mesh;

#[background_tool]
fn simulate(mesh: Option<Mesh>) {}

fn main() {}
