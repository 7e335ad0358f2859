//! A module in which the usual names mean something else.

#![allow(
    dead_code,
    unused_macros,
    non_camel_case_types,
    reason = "the names are there to be in the way"
)]

use bgjob_runtime::{Job, State, background_tool};

mod core {}
mod std {}
mod serde {}

struct String;
struct Option;
struct Box;
struct Vec;
struct Signature;
struct ToolSpec;
struct Body;
struct Call;
struct Duration;
enum Result {
    Ok,
    Err,
}
trait Serialize {}
trait Into {}

macro_rules! concat {
    () => {};
}
macro_rules! file {
    () => {};
}
macro_rules! line {
    () => {};
}
macro_rules! submit {
    () => {};
}

// A method that every type has: ours must win.
trait Everywhere {
    fn arg(&self) {}
    fn call(&self) {}
    fn description(&self) {}
    fn details(&self) {}
    fn failure(&self) {}
    fn maximum(&self) {}
    fn output(&self) {}
    fn state(&self) {}
    fn timeout(&self) {}
}

impl<T: ?Sized> Everywhere for T {}

/// A tool that uses everything.
///
/// # Errors
/// When `days` is 0.
#[background_tool(timeout = "1h30m", state_patch(field = "shadow", pointer = "/a"), title = "All", priority = -1)]
pub async fn shadowed_prelude(
    job: &Job,
    /// The days.
    #[arg(range = 0..=10, default = 1)]
    days: u32,
    basis: State<u32>,
) -> ::core::result::Result<u32, ::std::string::String> {
    job.phase("only");
    ::std::future::ready(()).await;
    if days == 0 {
        return ::core::result::Result::Err("no days".into());
    }
    ::core::result::Result::Ok(days + *basis)
}

/// A tool whose error is an object.
///
/// # Errors
/// Always.
#[background_tool]
pub fn shadowed_error() -> ::core::result::Result<(), super::names::Rich> {
    ::core::result::Result::Err(super::names::Rich { code: 1 })
}
