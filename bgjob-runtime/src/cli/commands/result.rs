//! `jobs result`: the result of a completed job, or a part of it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use crate::cli::args;
use crate::cli::console::{self, Console};
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::render::{problem, quantity};
use crate::cli::session::Session;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::{JobView, ViewState};
use crate::store::files::{open_regular, read_regular};
use crate::store::json_part;

/// A larger result stays as it is on a terminal, too: indenting needs it in memory.
const INDENT_BYTES: u64 = 4 << 20;

/// `jobs result`
pub fn command() -> Command {
    Command::new("result")
        .about("Print the result of a completed job")
        .arg(args::ids(false))
        .arg(
            Arg::new("pointer")
                .long("pointer")
                .value_name("POINTER")
                .help(
                    "Only the part that this JSON pointer (RFC 6901) names, such as /summary/gas",
                ),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .help("Write to this file instead, unchanged"),
        )
        .arg(args::json(
            "Print the job with its result as one JSON object",
        ))
}

/// Prints the result.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let id = session
        .resolve(given.get_many::<String>("ID").into_iter().flatten())?
        .remove(0);
    let view = session.service()?.full_view(&Owner::local(), &id)?;
    if view.state != ViewState::Completed {
        return without_result(session, &id, view, given);
    }
    let path = session.service()?.results_path(&Owner::local(), &id)?;
    let part = given
        .get_one::<String>("pointer")
        .map(|pointer| part(&path, pointer))
        .transpose()?;
    match (given.get_one::<String>("output"), part) {
        (Some(file), part) => save(session, &path, part.as_deref(), file)?,
        (None, part) if given.get_flag(args::JSON) => {
            session.console.json(&JobView {
                result: Some(whole(&path, part)?),
                ..view
            })?;
        }
        (None, Some(part)) => print_bytes(&part, console::out_is_terminal())?,
        (None, None) => copy_out(&path, console::out_is_terminal())?,
    }
    Ok(Ending::Ok)
}

fn without_result(session: &Session<'_>, id: &JobId, view: JobView, given: &ArgMatches) -> Outcome {
    let (console, ending) = (&session.console, Ending::of_job(&view));
    let error = why_none(id, &view, console);
    console.insist(match view.state {
        ViewState::Failed => problem::failed(&view, &error, console),
        _ => problem::refused(&error, console, None),
    });
    if given.get_flag(args::JSON) {
        console.json(&JobView {
            error: Some(error),
            ..view
        })?;
    }
    Ok(ending)
}

/// Why a job that did not complete has no result.
fn why_none(id: &JobId, view: &JobView, console: &Console) -> Error {
    match (view.state, &view.error) {
        (ViewState::Failed, Some(error)) => error.clone(),
        (ViewState::Failed | ViewState::Cancelled, _) => Error::new(
            Code::AlreadyFinished,
            format!("{id} was cancelled and has no result"),
        )
        .remedy(format!(
            "run it again: {}",
            console.command(format_args!("jobs retry {id}"))
        )),
        _ => Error::new(Code::NotFinished, format!("{id} has not ended yet")).remedy(format!(
            "wait for it: {}",
            console.command(format_args!("jobs wait {id}"))
        )),
    }
}

fn part(path: &Path, pointer: &str) -> Result<Vec<u8>> {
    let file = open_regular(path).map_err(|error| Error::storage("read the result", error))?;
    match json_part::extract(BufReader::new(file), pointer) {
        Ok(Some(part)) => Ok(part),
        Ok(None) => Err(Error::new(
            Code::PointerNotFound,
            format!("the result has nothing at `{pointer}`"),
        )
        .at(pointer)
        .remedy("leave --pointer out to see what there is")),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Error::new(
            Code::InvalidArgument,
            format!("`{pointer}` is no JSON pointer: {error}"),
        )
        .remedy("a pointer is empty or begins with `/`: /summary/gas, /series/0 (RFC 6901)")),
        Err(error) => Err(Error::storage("read the result", error)),
    }
}

fn whole(path: &Path, part: Option<Vec<u8>>) -> Result<Value> {
    let failed = |error: &dyn std::fmt::Display| Error::storage("read the result", error);
    let bytes = part.map_or_else(|| read_regular(path).map_err(|error| failed(&error)), Ok)?;
    serde_json::from_slice(&bytes).map_err(|error| failed(&error))
}

fn save(session: &Session<'_>, path: &Path, part: Option<&[u8]>, file: &str) -> Result<()> {
    let written = match part {
        Some(part) => std::fs::write(file, part).map(|()| part.len() as u64),
        None => File::create(file).and_then(|mut out| io::copy(&mut open_regular(path)?, &mut out)),
    };
    let bytes = written.map_err(|error| {
        Error::new(
            Code::InvalidArgument,
            format!("cannot write `{file}`: {error}"),
        )
        .remedy("name another file with -o")
    })?;
    session
        .console
        .say(format_args!("{} written to {file}", quantity::size(bytes)));
    Ok(())
}

/// Copies a result file to standard output: indented for people, byte for byte for programs.
///
/// # Errors
/// When it cannot be read, or standard output is closed.
pub fn copy_out(path: &Path, for_people: bool) -> Result<(), Failure> {
    let failed = |error| Error::storage("read the result", error);
    let mut file = open_regular(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if for_people && bytes <= INDENT_BYTES {
        return print_bytes(&read_regular(path).map_err(failed)?, true);
    }
    let mut out = io::stdout().lock();
    io::copy(&mut file, &mut out)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Writes JSON text to standard output.
///
/// # Errors
/// When standard output is closed.
pub fn print_bytes(json: &[u8], for_people: bool) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match serde_json::from_slice::<Value>(json) {
        Ok(value) if for_people => {
            serde_json::to_writer_pretty(&mut out, &value).map_err(io::Error::from)?
        }
        _ => out.write_all(json)?,
    }
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
