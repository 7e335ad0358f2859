//! A result whose type has no name.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn numbers() -> impl Iterator<Item = u8> {
    [1].into_iter()
}

#[background_tool]
fn fallible() -> Result<impl Sized, String> {
    Ok(())
}

fn main() {}
