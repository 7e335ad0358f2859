//! A name that clients would refuse, from the function or from `name`.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
#[allow(non_snake_case)]
fn simulateAll() {}

#[background_tool(name = "simulate all")]
fn spaces() {}

fn main() {}
