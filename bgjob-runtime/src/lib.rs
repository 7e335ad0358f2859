//! Background jobs for MCP servers.

mod clock;
pub mod error;
pub mod job;
mod store;
mod sys;

pub use error::{Code, Error, Result};
pub use job::id::JobId;
