//! A function without one fixed signature.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn typed<T>(value: T) {}

#[background_tool]
fn sized<const N: usize>() {}

#[background_tool]
fn bounded()
where
    u8: Copy,
{
}

fn main() {}
