//! `#[state]` without the name of a field.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);

#[background_tool]
fn simulate(#[state] a: State<u8>, #[state(basis)] b: State<u8>, #[state = "c"] c: State<u8>) {}

fn main() {}
