//! An `unsafe fn`.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
unsafe fn simulate() {}

fn main() {}
