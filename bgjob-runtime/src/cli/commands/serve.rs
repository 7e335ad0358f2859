//! `serve`: the program as an MCP server.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;

use clap::Command;

use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::session::Session;
use crate::mcp::{ServeOptions, serve_stdio};
use crate::service::refuse_inside_a_job;
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
    refuse_inside_a_job()?;
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
fn is_wanted() -> bool {
    matches!(kind(&io::stdin()), Ok(Kind::Pipe | Kind::Socket))
}

/// Whether `argv` asks for serving. Found out before anything else runs: making the schemas runs code
/// of the tools' authors, and what that prints must not reach the client.
pub fn is_asked(argv: &[OsString]) -> bool {
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy());
    let mut command = None;
    while let Some(word) = words.next() {
        match &*word {
            "-h" | "--help" | "-V" | "--version" => return false,
            "--data-dir" | "--color" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => {
                command.get_or_insert_with(|| word.to_owned());
            }
        }
    }
    command.map_or_else(is_wanted, |command| command == "serve")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_is_recognised_before_the_command_line_is_parsed() {
        let asked = |words: &[&str]| {
            let argv: Vec<OsString> = ["tank"].iter().chain(words).map(OsString::from).collect();
            is_asked(&argv)
        };
        assert!(asked(&["serve"]));
        assert!(asked(&["--data-dir", "run", "-v", "serve"]));
        assert!(asked(&["--data-dir=x", "serve"]));
        assert!(!asked(&["run", "serve"]));
        assert!(!asked(&["serve", "--help"]));
        assert!(!asked(&["jobs", "list"]));
    }
}
