//! `doctor`

use std::process::{Command as Process, Stdio};

use clap::{ArgMatches, Command};

use crate::cli::args;
use crate::cli::exit_code::Ending;
use crate::cli::failure::Outcome;
use crate::cli::render::plain;
use crate::cli::reply::Envelope;
use crate::cli::session::Session;
use crate::service::doctor::{Finding, Level, examine};

/// `doctor`
pub fn command() -> Command {
    Command::new("doctor")
        .about("Look at everything that jobs depend on, mend what can be mended, and say what to type for the rest")
        .arg(args::json("Print the findings as a JSON object"))
}

/// Examines. Exits with 8 if something is a problem.
///
/// # Errors
/// When not even that is possible.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let mut findings = examine(session.options()?, session.registry);
    findings.push(stdout_is_clean());
    let worst = findings.iter().map(|finding| finding.level).max();
    let ending = if worst == Some(Level::Problem) {
        Ending::Storage
    } else {
        Ending::Ok
    };
    if given.get_flag(args::JSON) {
        session.console.json(&Envelope {
            ok: Some(ending == Ending::Ok),
            findings: Some(findings),
            ..Envelope::ok()
        })?;
        return Ok(ending);
    }
    for finding in &findings {
        session.console.print(line(finding))?;
    }
    Ok(ending)
}

fn line(finding: &Finding) -> String {
    let word = match finding.level {
        Level::Ok => "ok     ",
        Level::Note => "note   ",
        Level::Warning => "warning",
        Level::Problem => "PROBLEM",
    };
    let remedy = finding
        .remedy
        .as_ref()
        .map(|remedy| format!("\n         {:11}  {}", "", plain::text(remedy)));
    format!(
        "{word}  {:11}  {}{}",
        finding.check,
        plain::text(&finding.message).replace('\n', "\n                      "),
        remedy.unwrap_or_default()
    )
}

/// A program that prints on its own before it serves breaks the protocol: standard output belongs
/// to the messages.
fn stdout_is_clean() -> Finding {
    let output = Process::new(crate::sys::host::SELF_EXE)
        .args(["tools", "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match output {
        Ok(output) if serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok() => {
            Finding::new(
                "stdout",
                Level::Ok,
                "the program prints nothing of its own on standard output",
            )
        }
        Ok(_) => Finding::new(
            "stdout",
            Level::Warning,
            "the program prints on standard output before it begins, which breaks MCP over stdio",
        )
        .remedy("Print with eprintln!, or in a tool."),
        Err(error) => Finding::new(
            "stdout",
            Level::Warning,
            format!("this program cannot start itself: {error}"),
        ),
    }
}
