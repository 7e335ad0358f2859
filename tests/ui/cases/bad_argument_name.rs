//! A name that clients or the command line would refuse.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate(größe: f64, #[arg(rename = "max days")] days: u32, #[arg(rename = "")] none: u8) {}

fn main() {}
