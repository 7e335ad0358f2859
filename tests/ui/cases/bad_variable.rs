//! A text that cannot name an environment variable.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool(pass_env = ["OPENAI_API_KEY", "AWS-KEY", "*", "A*B"])]
fn simulate() {}

fn main() {}
