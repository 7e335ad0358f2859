//! A function with a receiver.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct Digester;

impl Digester {
    #[background_tool]
    fn simulate(&self, days: u32) {}
}

fn main() {}
