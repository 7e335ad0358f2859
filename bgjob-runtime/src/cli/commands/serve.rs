//! `serve`: the program as an MCP server.

use std::io;
use std::sync::Arc;

use clap::Command;

use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::session::Session;
use crate::mcp::{ServeOptions, serve_stdio};
use crate::sys::stdio::{Kind, kind};

/// `serve`
pub fn command() -> Command {
    Command::new("serve")
        .about("Serve the tools to an MCP client on standard input and output")
        .after_help("A call without a command over a pipe serves, too. Jobs outlive the server.")
}

/// Serves until the client leaves or a signal comes.
///
/// # Errors
/// What kept it from serving.
pub fn run(session: &Session<'_>) -> Outcome {
    let service = Arc::clone(session.service()?);
    let options = ServeOptions {
        job_tools: session.app.job_tools,
        instructions: session.app.instructions.clone(),
        ..ServeOptions::default()
    };
    serve_stdio(service, options)?;
    Ok(Ending::Ok)
}

/// Whether a program is behind standard input, and so a bare call is for serving.
pub fn is_wanted() -> bool {
    matches!(kind(&io::stdin()), Ok(Kind::Pipe | Kind::Socket))
}
