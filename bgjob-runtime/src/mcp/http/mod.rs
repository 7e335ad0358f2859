//! A server's life on HTTP: MCP's streamable HTTP transport, every request by itself.
//!
//! `listen` accepts connections, `gate` judges requests by `lists` and `tokens`, `body` reads them, and
//! the protocol library answers. `options` is what a program says about all of it. There is no web
//! framework: with two paths and limits of our own on connections, hyper alone is less.

mod body;
mod cors;
mod gate;
mod listen;
mod lists;
mod options;
mod tokens;

pub use listen::{Opened, serve_http};
pub use options::{Authenticate, HttpOptions, TOKEN_FILE_VAR};
