//! `jobs logs`: what a job prints, live from its files.

mod object;
mod tail;

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::render::{job, plain};
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::ViewState;
use crate::service::{JobService, Stream};
use crate::sys::watch::{Watch, wait_readable};
use object::Objects;
use tail::Tail;

/// How often files are looked at when no event came.
const FALLBACK: Duration = Duration::from_secs(1);

/// `jobs logs`
pub fn command() -> Command {
    Command::new("logs")
        .about("Print what a job wrote to its standard output and standard error")
        .arg(args::ids(false))
        .arg(Arg::new("follow").long("follow").short('f').action(ArgAction::SetTrue).help("Go on until the job has ended"))
        .arg(Arg::new("lines").long("lines").short('n').value_name("N").value_parser(value_parser!(u64)).help("Only the last N lines of each"))
        .arg(Arg::new("stream").long("stream").value_name("STREAM").value_parser(["out", "err", "events"]).help("Only standard output, only standard error, or the history of phases, notes and progress as JSON lines"))
        .arg(args::json("Print the job with {\"logs\": [{\"stream\", \"text\"}]}, or with {\"events\": […]}; with -f, such an object for each line, and at the end the job"))
        .after_help("On a terminal control sequences are dropped and deceptive characters made visible; into a pipe or a file every byte goes unchanged.")
}

/// Prints the logs.
///
/// # Errors
/// What stopped it.
pub fn run(session: &Session<'_>, given: &ArgMatches) -> Outcome {
    let id = session
        .resolve(given.get_many::<String>("ID").into_iter().flatten())?
        .remove(0);
    let service = session.service()?;
    let mut tails = streams(given)
        .iter()
        .map(|stream| Tail::new(service, &id, *stream))
        .collect::<Result<Vec<Tail>>>()?;
    let lines = given.get_one::<u64>("lines").copied();
    let follows = given.get_flag("follow");
    if given.get_flag(args::JSON) {
        let objects = Objects::new(service, &session.console, &id);
        match follows {
            true => objects.each(&mut tails, lines)?,
            false => objects.all(&mut tails, lines)?,
        }
        return Ok(Ending::Ok);
    }
    let mut page = Page {
        headings: tails.len() > 1,
        shown: None,
        safe: console::out_is_terminal(),
    };
    if follows {
        follow(service, &id, &mut tails, lines, &mut |_, stream, line| {
            Ok(page.write(stream, line)?)
        })?;
    } else {
        for tail in &mut tails {
            tail.open(lines)?;
            tail.read(true, &mut |stream, line| Ok(page.write(stream, line)?))?;
        }
        if page.shown.is_none() {
            session
                .console
                .say(format_args!("{id} has written nothing yet"));
        }
    }
    Ok(Ending::Ok)
}

fn streams(given: &ArgMatches) -> &'static [Stream] {
    match given.get_one::<String>("stream").map(String::as_str) {
        Some("out") => &[Stream::Out],
        Some("events") => &[Stream::Events],
        Some(_) => &[Stream::Err],
        None => &[Stream::Out, Stream::Err],
    }
}

/// What is done with a line of a log of a job in this state.
type TellWithState<'a> = &'a mut dyn FnMut(ViewState, Stream, &[u8]) -> Result<(), Failure>;

/// Tells each line as it comes, with the state that the job is in, until it has ended; returns how.
fn follow(
    service: &JobService,
    id: &JobId,
    tails: &mut [Tail],
    lines: Option<u64>,
    tell: TellWithState<'_>,
) -> Result<ViewState, Failure> {
    let watch = Watch::new().map_err(|error| Error::storage("watch the log", error))?;
    // The folder tells when the job starts and ends; without it the fallback does.
    let _ = watch.add(&service.dir(&Owner::local(), id)?);
    loop {
        let view = service.view(&Owner::local(), id)?;
        let over = job::is_over(&view);
        for tail in &mut *tails {
            if tail.open(lines)? {
                let _ = watch.add_log(&tail.path);
            }
            tail.read(over, &mut |stream, line| tell(view.state, stream, line))?;
        }
        if over {
            return Ok(view.state);
        }
        if !wait_readable(&[watch.as_fd()], FALLBACK)[0] {
            service.reconcile()?;
        }
        watch.drain();
    }
}

/// Where the output goes, and whose heading was the last.
struct Page {
    headings: bool,
    shown: Option<Stream>,
    safe: bool,
}

impl Page {
    fn write(&mut self, stream: Stream, line: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.headings && self.shown != Some(stream) {
            let gap = if self.shown.is_some() { "\n" } else { "" };
            writeln!(out, "{gap}==> {} <==", name(stream))?;
        }
        self.shown = Some(stream);
        if self.safe {
            out.write_all(plain::text(&String::from_utf8_lossy(line)).as_bytes())?;
        } else {
            out.write_all(line)?;
        }
        out.flush()
    }
}

fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Out => "stdout",
        Stream::Err => "stderr",
        Stream::Events => "events",
    }
}
