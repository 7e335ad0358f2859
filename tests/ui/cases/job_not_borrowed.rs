//! A job that is not taken by shared reference.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Job;

#[background_tool]
fn owned(job: Job) {}

#[background_tool]
fn exclusive(job: &mut Job) {}

#[background_tool]
fn optional(job: Option<&Job>) {}

fn main() {}
