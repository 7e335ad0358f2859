//! Functions that annotate themselves in difficult surroundings. That this compiles, without a warning, is the test.

#![deny(warnings, missing_docs, unused, nonstandard_style, unreachable_pub)]
#![deny(
    clippy::all,
    clippy::pedantic,
    clippy::let_and_return,
    clippy::use_self
)]
#![deny(unused_qualifications, unused_results, single_use_lifetimes)]
#![forbid(unsafe_code)]

use bgjob_runtime::background_tool;

pub mod attributes;
pub mod macros;
pub mod names;
pub mod shadowed;

/// The runtime under another name.
mod renamed {
    pub(crate) use bgjob_runtime as jobs;
}

/// A tool at the crate's root.
#[background_tool]
#[must_use]
pub fn at_the_root(#[arg(range = 1..=10, default = 2)] factor: u32) -> u32 {
    factor * 2
}

/// A tool of a runtime that has another name.
#[background_tool(crate = crate::renamed::jobs)]
#[must_use]
pub fn of_a_renamed_runtime() -> bool {
    true
}

/// A function around a tool.
pub fn around_a_tool() {
    struct Local;

    #[background_tool]
    fn inside_a_function(amount: f64) -> f64 {
        let Local = Local;
        amount
    }
    let _: f64 = inside_a_function(1.0);
}
