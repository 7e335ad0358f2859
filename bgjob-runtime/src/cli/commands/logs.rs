//! `jobs logs`: what a job prints, live from its files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::cli::args;
use crate::cli::console;
use crate::cli::exit_code::Ending;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::render::plain;
use crate::cli::session::Session;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::job::view::ViewState;
use crate::service::{JobService, Stream};
use crate::store::files::{open_regular, skip_dropped};
use crate::sys::watch::{Watch, wait_readable};

/// How often files are looked at when no event came.
const FALLBACK: Duration = Duration::from_secs(1);
/// A line is shown in pieces of this size at most.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Block in which the last lines are searched from the end.
const BLOCK_BYTES: u64 = 64 << 10;

/// `jobs logs`
pub fn command() -> Command {
    Command::new("logs")
        .about("Print what a job wrote to its standard output and standard error")
        .arg(args::ids(false))
        .arg(Arg::new("follow").long("follow").short('f').action(ArgAction::SetTrue).help("Go on until the job has ended"))
        .arg(Arg::new("lines").long("lines").short('n').value_name("N").value_parser(value_parser!(u64)).help("Only the last N lines of each"))
        .arg(Arg::new("stream").long("stream").value_name("STREAM").value_parser(["out", "err", "events"]).help("Only standard output, only standard error, or the history of phases, notes and progress as JSON lines"))
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
    let streams: &[Stream] = match given.get_one::<String>("stream").map(String::as_str) {
        Some("out") => &[Stream::Out],
        Some("events") => &[Stream::Events],
        Some(_) => &[Stream::Err],
        None => &[Stream::Out, Stream::Err],
    };
    let mut tails = streams
        .iter()
        .map(|stream| Tail::new(service, &id, *stream))
        .collect::<Result<Vec<Tail>>>()?;
    let mut page = Page {
        headings: streams.len() > 1,
        shown: None,
        safe: console::out_is_terminal(),
    };
    let lines = given.get_one::<u64>("lines").copied();
    if given.get_flag("follow") {
        follow(service, &id, &mut tails, lines, &mut page)?;
    } else {
        for tail in &mut tails {
            tail.open(lines)?;
            tail.print(&mut page, true)?;
        }
        if page.shown.is_none() {
            session
                .console
                .say(format_args!("{id} has written nothing yet"));
        }
    }
    Ok(Ending::Ok)
}

fn follow(
    service: &JobService,
    id: &JobId,
    tails: &mut [Tail],
    lines: Option<u64>,
    page: &mut Page,
) -> Result<(), Failure> {
    let watch = Watch::new().map_err(|error| Error::storage("watch the log", error))?;
    // The folder tells when the job starts and ends; without it the fallback does.
    let _ = watch.add(&service.dir(&Owner::local(), id)?);
    loop {
        let view = service.view(&Owner::local(), id)?;
        let over = matches!(
            view.state,
            ViewState::Completed | ViewState::Failed | ViewState::Cancelled
        );
        for tail in &mut *tails {
            if tail.open(lines)? {
                let _ = watch.add_log(&tail.path);
            }
            tail.print(page, over)?;
        }
        if over {
            return Ok(());
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

/// One log, read as far as it was written.
struct Tail {
    stream: Stream,
    path: PathBuf,
    file: Option<BufReader<File>>,
    /// The end of a line is still to come.
    begun: Vec<u8>,
}

impl Tail {
    fn new(service: &JobService, id: &JobId, stream: Stream) -> Result<Self> {
        let path = service.log_path(&Owner::local(), id, stream)?;
        Ok(Tail {
            stream,
            path,
            file: None,
            begun: Vec::new(),
        })
    }

    /// Opens the file if it is there by now; says whether that is news.
    fn open(&mut self, lines: Option<u64>) -> Result<bool> {
        if self.file.is_some() {
            return Ok(false);
        }
        let failed = |error| Error::storage("read the log", error);
        let mut file = match open_regular(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        if let Some(lines) = lines {
            let start = start_of_last(&file, lines).map_err(failed)?;
            file.seek(SeekFrom::Start(start)).map_err(failed)?;
        }
        self.file = Some(BufReader::new(file));
        Ok(true)
    }

    /// Prints what is new: whole lines, and at the `end` the rest, too.
    fn print(&mut self, page: &mut Page, end: bool) -> Result<(), Failure> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        start_over_if_cut(file).map_err(|error| Error::storage("read the log", error))?;
        loop {
            if self.begun.is_empty() {
                skip_dropped(file)?;
            }
            let room = MAX_LINE_BYTES
                .saturating_sub(self.begun.len() as u64)
                .max(1);
            let read = file
                .by_ref()
                .take(room)
                .read_until(b'\n', &mut self.begun)
                .map_err(|error| Error::storage("read the log", error))?;
            let whole = self.begun.ends_with(b"\n") || self.begun.len() as u64 >= MAX_LINE_BYTES;
            if self.begun.is_empty() || !(whole || (end && read == 0)) {
                if read == 0 {
                    return Ok(());
                }
                continue;
            }
            page.write(self.stream, &self.begun)?;
            self.begun.clear();
        }
    }
}

/// A job may cut its own log short (ftruncate(2) on its standard output): what it writes then is at
/// the beginning again.
fn start_over_if_cut(file: &mut BufReader<File>) -> io::Result<()> {
    let end = file.get_ref().metadata()?.len();
    if file.stream_position()? > end {
        file.seek(SeekFrom::Start(0))?;
    }
    Ok(())
}

impl Page {
    fn write(&mut self, stream: Stream, line: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.headings && self.shown != Some(stream) {
            let gap = if self.shown.is_some() { "\n" } else { "" };
            writeln!(
                out,
                "{gap}==> {} <==",
                match stream {
                    Stream::Out => "stdout",
                    Stream::Err => "stderr",
                    Stream::Events => "events",
                }
            )?;
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

/// Where the last `lines` lines of `file` begin.
fn start_of_last(file: &File, lines: u64) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let (mut end, mut left) = (len, lines);
    let mut block = vec![0; BLOCK_BYTES as usize];
    while end > 0 {
        let start = end.saturating_sub(BLOCK_BYTES);
        let block = &mut block[..(end - start) as usize];
        file.read_exact_at(block, start)?;
        for (index, _) in block
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'\n')
        {
            let after = start + index as u64 + 1;
            // The line end at the end of the file ends the last line, it does not begin one.
            if after == len {
                continue;
            }
            if left <= 1 {
                return Ok(if left == 0 { len } else { after });
            }
            left -= 1;
        }
        end = start;
    }
    Ok(if lines == 0 { len } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &[u8], lines: u64) -> String {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        let start = start_of_last(&file, lines).unwrap();
        let mut rest = String::new();
        file.seek(SeekFrom::Start(start)).unwrap();
        file.read_to_string(&mut rest).unwrap();
        rest
    }

    #[test]
    fn the_last_lines_are_found_with_and_without_a_line_end() {
        assert_eq!(last(b"a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last(b"a\nb\nc", 2), "b\nc");
        assert_eq!(last(b"a\nb\n", 9), "a\nb\n");
        assert_eq!(last(b"a\nb\n", 0), "");
        assert_eq!(last(b"", 3), "");
    }

    #[test]
    fn the_last_lines_are_found_across_blocks() {
        let long = "x".repeat(200_000);
        let text = format!("first\n{long}\nlast\n");
        assert_eq!(last(text.as_bytes(), 2), format!("{long}\nlast\n"));
        assert_eq!(last(text.as_bytes(), 3), text);
    }
}
