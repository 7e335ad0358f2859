//! Background jobs for MCP servers.

mod clock;
pub mod error;
pub mod job;
mod private;
mod store;
mod sys;
pub mod tool;

pub use error::{Code, Error, Result};
pub use job::id::JobId;
pub use private::__private;
pub use tool::context::Job;
pub use tool::state_arg::State;
