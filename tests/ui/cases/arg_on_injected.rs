//! `#[arg]` on a parameter that the call does not give.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);
struct Job;

#[background_tool]
fn simulate(#[arg(default = 1)] basis: State<u8>, #[arg(skip_log)] job: &Job) {}

fn main() {}
