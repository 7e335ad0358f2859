//! A function that never returns.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate() -> ! {
    loop {}
}

fn main() {}
