//! What runs: the description of a tool, its arguments and result, their schemas, and what its function is given.

pub mod arg;
pub mod call;
pub mod check;
pub mod context;
mod finite;
pub mod output;
pub mod pointer;
mod reader;
pub mod registry;
pub mod schema;
pub mod shape;
pub mod signature;
pub mod spec;
pub mod state_arg;

#[cfg(test)]
pub(crate) mod samples;
