//! The Model Context Protocol: tools that answer with handles, and the tools that follow jobs.

mod stdio;
mod transport;

pub use stdio::stdio;
pub use transport::{Ended, Limits, LineTransport};
