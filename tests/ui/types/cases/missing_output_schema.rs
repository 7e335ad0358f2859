//! A result that cannot be described.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[derive(serde::Serialize)]
struct Mesh;

#[background_tool]
fn simulate() -> Vec<Mesh> {
    vec![]
}

fn main() {}
