//! `#[state]` on a parameter that is not a state.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Job;

#[background_tool]
fn simulate(#[state("basis")] basis: Basis, #[state("job")] job: &Job) {}

struct Basis;

fn main() {}
