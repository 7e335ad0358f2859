//! The attribute on something else.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
struct Mesh;

#[background_tool]
pub mod tools {}

fn main() {}
