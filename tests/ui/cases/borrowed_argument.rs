//! An argument that would borrow its value.

#![allow(unused)]

use bgjob_runtime::background_tool;

struct State<T>(T);

#[background_tool]
fn first(name: &str, masses: &[f64], feed: &mut Feed, note: Option<&str>) {}

#[background_tool]
fn second(text: std::borrow::Cow<'_, str>, basis: State<&Feed>, other: &State<Feed>) {}

struct Feed;

fn main() {}
