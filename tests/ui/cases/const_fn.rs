//! A `const fn`.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
const fn simulate() {}

fn main() {}
