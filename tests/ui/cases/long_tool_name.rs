//! A name that leaves no room for the job id.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate_the_digester_over_many_days_and_report() {}

fn main() {}
