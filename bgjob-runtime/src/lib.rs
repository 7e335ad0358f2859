//! Background jobs for MCP servers.
#![doc = include_str!("manual.md")]
#![deny(missing_docs)]

mod app;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub mod bench;
mod cli;
mod clock;
mod diagnostics;
mod entry;
pub mod error;
mod failpoint;
mod hook;
pub mod job;
mod launcher;
pub mod mcp;
mod private;
pub mod service;
mod store;
mod supervisor;
mod sys;
pub mod tool;
mod worker;

pub use app::{App, CommandResult};
#[doc = include_str!("background_tool.md")]
pub use bgjob_macros::background_tool;
pub use clap;
pub use cli::Context;
pub use entry::enter;
pub use error::{Code, Error, Result};
pub use job::id::JobId;
pub use job::request::Owner;
pub use private::__private;
pub use tool::call::Retryable;
pub use tool::context::command::{Command, CommandError, Output, ProgressFrom, Ran};
pub use tool::context::{Job, Question};
pub use tool::state_arg::State;

/// The README's code is compiled with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
