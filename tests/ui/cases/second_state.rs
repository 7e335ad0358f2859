//! One state field read twice.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);

#[background_tool]
fn simulate(basis: State<u8>, #[state("basis")] other: State<u8>) {}

fn main() {}
