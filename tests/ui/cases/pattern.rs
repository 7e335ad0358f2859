//! A parameter without a plain name.

#![allow(unused)]

use bgjob_runtime::background_tool;

#[background_tool]
fn simulate((days, hours): (u32, u32), _: f64, Point { x, y }: Point, ref rate: f64) {}

struct Point {
    x: f64,
    y: f64,
}

fn main() {}
