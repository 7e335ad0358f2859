//! A function that is only declared.

#![allow(unused)]

use bgjob_runtime::background_tool;

trait Tools {
    #[background_tool]
    fn simulate();
}

fn main() {}
