//! Two jobs.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Job;

#[background_tool]
fn simulate(job: &Job, other: &Job) {}

fn main() {}
