//! A state value that cannot be read.

#![allow(unused)]

use bgjob_runtime::{State, background_tool};

struct Mesh;

#[background_tool]
fn simulate(mesh: State<Mesh>) {}

fn main() {}
