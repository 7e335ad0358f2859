//! A result that belongs to the call.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Job;

#[background_tool]
fn name(job: &Job) -> &str {
    ""
}

#[background_tool]
fn names(job: &Job) -> Result<Vec<std::borrow::Cow<'_, str>>, String> {
    Ok(vec![])
}

fn main() {}
