//! An attribute on a parameter that is nearly one of ours.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);

#[background_tool]
fn simulate(
    #[args(default = 100)] days: u32,
    #[range(1..=10)] tanks: u8,
    #[stat("basis")] basis: State<u8>,
) {
}

fn main() {}
