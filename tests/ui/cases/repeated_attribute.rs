//! One of our attributes twice.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);

#[background_tool]
#[background_tool(timeout)]
fn simulate(#[state("a")] #[state("b")] basis: State<u8>) {}

fn main() {}
