//! A type of one's own that is called `Job`.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Job;

#[background_tool]
fn simulate(job: &Job) {}

fn main() {}
