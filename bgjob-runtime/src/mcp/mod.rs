//! The Model Context Protocol: tools that answer with handles, and the tools that follow jobs.
//!
//! `transport` and `stdio` carry lines; `catalog` says what there is to call and `jobs` calls it,
//! free of any server type, for the owner that `caller` says; each file in `tools` is one thing that a tool does; `envelope` is what
//! all of them reply. `tasks` shows the same jobs as tasks (SEP-2663), and `resources` what they leave. `compose` adds all
//! that to a server with tools of its own; `server` puts a handler around it and `serve` a process;
//! `http` serves many users over a network.

mod args;
mod beside;
mod caller;
mod catalog;
mod clean;
mod compose;
mod envelope;
mod hints;
#[cfg(feature = "http")]
mod http;
mod jobs;
mod listed;
mod names;
mod remedy;
mod resources;
mod serve;
mod server;
mod stdio;
mod tasks;
mod tools;
mod transport;
mod wake;

pub use compose::WithJobs;
pub(crate) use envelope::{FieldView, Reply};
#[cfg(feature = "http")]
pub(crate) use http::TOKEN_FILE_VAR;
#[cfg(feature = "http")]
pub use http::{Authenticate, HttpOptions, Opened, serve_http};
pub use jobs::Jobs;
pub use listed::list_of_tools;
pub use names::JobTools;
pub use serve::{ServeOptions, serve_stdio};
pub use server::Server;
pub use stdio::stdio;
pub use tools::IDEMPOTENCY_KEY;
pub use transport::{Ended, Limits, LineTransport};

/// The protocol library whose handlers [`WithJobs`] takes: another version of it has other types.
pub use rmcp;
