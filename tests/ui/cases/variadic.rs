//! Variadic arguments.

#![allow(unused)]

use bgjob_runtime::background_tool;

unsafe extern "C" {
    #[background_tool]
    fn print(format: u8, ...);
}

fn main() {}
