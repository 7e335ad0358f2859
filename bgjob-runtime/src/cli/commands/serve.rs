//! `serve`: the program as an MCP server.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::session::Session;
use crate::error::Result;
#[cfg(not(feature = "http"))]
use crate::error::{Code, Error};
use crate::mcp::{ServeOptions, serve_stdio};
use crate::service::{JobService, refuse_inside_a_job};
use crate::sys::stdio::{Kind, kind};

/// `serve`
pub fn command() -> Command {
    Command::new("serve")
        .about("Serve the tools to MCP clients, on standard input and output or over HTTP")
        .arg(
            Arg::new(HTTP)
                .long(HTTP)
                .value_name("ADDR")
                .help("Serve over HTTP here: 127.0.0.1:8000, [::1]:8000, or a port of 127.0.0.1; port 0 takes a free one"),
        )
        .arg(
            Arg::new(TOKEN_FILE)
                .long(TOKEN_FILE)
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .requires(HTTP)
                .help("Users and their bearer tokens, a line `subject = token` for each; mode 0600"),
        )
        .arg(several(ALLOW_HOST, "HOST").help("Let in requests to this host name, beside this machine's own; again for more"))
        .arg(several(ALLOW_ORIGIN, "ORIGIN").help("Let in pages of this origin, beside this machine's own; again for more"))
        .after_help(
            "A call without a command over a pipe serves on standard input and output. Jobs outlive the server.\n\n\
             Over HTTP, MCP is at /mcp, and /healthz says whether the server is well. Every request needs a bearer \
             token. Unless users are named by --token-file (or BGJOB_HTTP_TOKEN_FILE) or one \
             is known by BGJOB_HTTP_TOKEN, a token for the local user is \
             made and printed; then only this machine may be served. Jobs and state belong to their user.",
        )
}

const HTTP: &str = "http";
const TOKEN_FILE: &str = "token-file";
const ALLOW_HOST: &str = "allow-host";
const ALLOW_ORIGIN: &str = "allow-origin";

fn several(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .action(ArgAction::Append)
        .requires(HTTP)
}

/// Serves until the client leaves or a signal comes.
///
/// # Errors
/// What kept it from serving.
pub fn run(session: &Session<'_>, given: Option<&ArgMatches>) -> Outcome {
    refuse_inside_a_job()?;
    let over = given.and_then(|given| Some((given, given.get_one::<String>(HTTP)?)));
    let service = Arc::clone(session.service()?);
    let options = ServeOptions {
        job_tools: session.app.job_tools,
        instructions: session.app.instructions.clone(),
        ..ServeOptions::default()
    };
    match over {
        Some((given, address)) => over_http(session, given, service, options, address)?,
        None => serve_stdio(service, options)?,
    }
    Ok(Ending::Ok)
}

#[cfg(feature = "http")]
fn over_http(
    session: &Session<'_>,
    given: &ArgMatches,
    service: Arc<JobService>,
    options: ServeOptions,
    address: &str,
) -> Result<()> {
    use crate::mcp::{TOKEN_FILE_VAR, serve_http};

    let all = |name| given.get_many::<String>(name).into_iter().flatten();
    let mut http = session.app.http.clone();
    for host in all(ALLOW_HOST) {
        http = http.allow_host(host);
    }
    for origin in all(ALLOW_ORIGIN) {
        http = http.allow_origin(origin);
    }
    let named = std::env::var_os(TOKEN_FILE_VAR).filter(|path| !path.is_empty());
    let file = given.get_one::<PathBuf>(TOKEN_FILE).cloned();
    if let Some(path) = file.or(named.map(PathBuf::from)) {
        http = http.token_file(path);
    }
    serve_http(service, options, &http, address, |opened| {
        let console = &session.console;
        console.insist(format_args!("MCP is at {}", opened.url));
        if let Some(token) = &opened.token {
            console.insist(format_args!(
                "token of this run, for the local user: {token}"
            ));
        }
        if opened.public {
            console.say(format_args!(
                "Tokens and results cross the network as they are: let a proxy with TLS stand before it."
            ));
        }
    })
}

#[cfg(not(feature = "http"))]
fn over_http(
    session: &Session<'_>,
    _: &ArgMatches,
    _: Arc<JobService>,
    _: ServeOptions,
    _: &str,
) -> Result<()> {
    let name = &session.app.name;
    Err(Error::new(
        Code::InvalidArgument,
        format!("{name} was built without HTTP"),
    )
    .at("--http")
    .remedy("Build it with bgjob-runtime's feature: cargo add bgjob-runtime --features http"))
}

/// Whether a program is behind standard input, and so a bare call is for serving.
fn is_wanted() -> bool {
    matches!(kind(&io::stdin()), Ok(Kind::Pipe | Kind::Socket))
}

/// Whether `argv` asks for serving on standard input and output. Found out before anything else runs: making the schemas runs code
/// of the tools' authors, and what that prints must not reach the client.
pub fn is_asked(argv: &[OsString]) -> bool {
    let mut words = argv.iter().skip(1).map(|word| word.to_string_lossy());
    let mut command = None;
    while let Some(word) = words.next() {
        match &*word {
            "-h" | "--help" | "-V" | "--version" => return false,
            word if command.is_some() && (word == "--http" || word.starts_with("--http=")) => {
                return false;
            }
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
        assert!(!asked(&["serve", "--http", "127.0.0.1:0"]));
        assert!(!asked(&["serve", "--http=8000"]));
        assert!(!asked(&["jobs", "list"]));
    }
}
