//! An error that has no message.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Failure;

#[background_tool]
fn simulate() -> Result<u8, Failure> {
    Ok(1)
}

fn main() {}
