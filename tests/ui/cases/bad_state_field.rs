//! A text that cannot name a state field.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);

#[background_tool(state_patch = "Simulation Result")]
fn simulate(#[state("the-basis")] basis: State<u8>, größe: State<u8>) {}

#[background_tool(state_patch(field = ""))]
fn empty() {}

fn main() {}
