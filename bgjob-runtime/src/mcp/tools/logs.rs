//! `get_job_logs`: the end of a log, or the part from an offset on, made harmless.

use std::fs::File;
use std::io;
use std::path::Path;

use super::next::{follow, refuse};
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::view::JobView;
use crate::mcp::args::{self, Stream};
use crate::mcp::caller::Caller;
use crate::mcp::clean;
use crate::mcp::envelope::{LogView, Reply};
use crate::mcp::jobs::Answer;
use crate::service;
use crate::store::files;

/// Lines shown unless asked otherwise, and at most.
const USUAL_LINES: usize = 50;
pub const MOST_LINES: usize = 200;
/// Bytes shown at most.
const MOST_BYTES: usize = 16 * 1024;
/// Bytes looked at: control sequences take room too.
const LOOKED_AT: u64 = 64 * 1024;

/// Shows a part of one of a job's logs.
pub async fn call(jobs: &Caller, args: args::Logs) -> Result<Answer> {
    let id: JobId = args.job_id.parse()?;
    let view = jobs.service().view(jobs.owner(), &id)?;
    let (job, stream) = (id.clone(), args.stream.unwrap_or_default());
    let lines = args.tail.map_or(USUAL_LINES, |lines| {
        lines.clamp(1, MOST_LINES as u64) as usize
    });
    let log = jobs
        .blocking(move |service, owner| {
            let path = service.log_path(owner, &job, which(stream))?;
            let part = Part::of(&path, args.offset, lines);
            part.map_err(|error| Error::storage(format_args!("read the log of {job}"), error))
        })
        .await;
    let part = match log {
        Ok(part) => part,
        Err(error) => return Ok(refuse(jobs, error, &id)),
    };
    let mut reply = Reply::from(JobView {
        job_id: view.job_id.clone(),
        ..JobView::bare(view.state)
    });
    reply.job.next = follow(jobs, view).job.next;
    reply.log = Some(part.into_view(stream));
    Ok(reply.into())
}

/// The service's name of a stream.
pub fn which(stream: Stream) -> service::Stream {
    match stream {
        Stream::Stdout => service::Stream::Out,
        Stream::Stderr => service::Stream::Err,
        Stream::Events => service::Stream::Events,
    }
}

/// A part of a log file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Part {
    text: String,
    offset: u64,
    next_offset: u64,
    bytes: u64,
}

impl Part {
    /// The part of the log at `path` from `offset` on, or its last `lines` lines; nothing where the job
    /// has not begun to write it.
    ///
    /// # Errors
    /// When the file cannot be read or is none of ours.
    pub fn of(path: &Path, offset: Option<u64>, lines: usize) -> io::Result<Self> {
        match files::open_regular(path) {
            Ok(file) => Self::read(&file, offset, lines),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn read(file: &File, offset: Option<u64>, lines: usize) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        match offset {
            Some(offset) => Self::forward(file, offset.min(bytes), bytes),
            None => Self::tail(file, bytes, lines),
        }
    }

    /// The last lines, back from the end.
    fn tail(file: &File, bytes: u64, lines: usize) -> io::Result<Self> {
        let begin = bytes.saturating_sub(LOOKED_AT);
        let raw = files::read_at(file, begin, bytes - begin)?;
        let ended = raw.strip_suffix(b"\n").unwrap_or(&raw);
        let starts = ended
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .map(|(at, _)| at + 1);
        let starts: Vec<usize> = starts.collect();
        let (mut from, mut end, mut room) = (raw.len(), raw.len(), MOST_BYTES);
        // Line by line, back from the end: what was not shown must not count as shown.
        for start in starts.into_iter().rev().chain([0]).take(lines) {
            let length = cleaned(&raw[start..end]).len();
            if length > room && from < raw.len() {
                break;
            }
            room = room.saturating_sub(length);
            (from, end) = (start, start);
        }
        let text = cleaned(&raw[from..]);
        // Of a line that alone is too long, the end.
        let cut = text.len().saturating_sub(MOST_BYTES);
        let cut = (cut..=text.len())
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(text.len());
        Ok(Part {
            text: text[cut..].to_owned(),
            offset: begin + (from + cut) as u64,
            next_offset: begin + raw.len() as u64,
            bytes,
        })
    }

    /// Whole lines from `offset` on, as many as fit; a line that alone does not fit is cut.
    fn forward(file: &File, offset: u64, bytes: u64) -> io::Result<Self> {
        let raw = files::read_at(file, offset, (bytes - offset).min(MOST_BYTES as u64))?;
        let at_end = offset + raw.len() as u64 == bytes;
        let lines = raw
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .map(|(at, _)| at + 1);
        let whole = lines.take(MOST_LINES).last();
        let many = raw.iter().filter(|b| **b == b'\n').count() > MOST_LINES;
        let end = if at_end && !many {
            raw.len()
        } else {
            whole.unwrap_or(raw.len())
        };
        Ok(Part {
            text: cleaned(&raw[..end]),
            offset,
            next_offset: offset + end as u64,
            bytes,
        })
    }

    /// The part between two delimiters that it cannot forge.
    pub fn into_view(self, stream: Stream) -> LogView {
        let delimiter = format!("--- untrusted output {} ---", &crate::sys::nonce()[..16]);
        let text = self.text.trim_end_matches('\n');
        LogView {
            stream: stream.as_str().to_owned(),
            untrusted: true,
            text: format!("{delimiter}\n{text}\n{delimiter}"),
            delimiter,
            offset: self.offset,
            next_offset: self.next_offset,
            bytes: self.bytes,
        }
    }
}

/// Text of any bytes: at the edges a character may be cut, and what is no UTF-8 shows as U+FFFD.
fn cleaned(raw: &[u8]) -> String {
    let edge = raw
        .iter()
        .take(3)
        .take_while(|b| **b & 0xc0 == 0x80)
        .count();
    clean::text_of(&String::from_utf8_lossy(&raw[edge..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn log(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    fn numbered(lines: std::ops::Range<u32>) -> String {
        lines.map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn the_last_lines_come_back() {
        let file = log(numbered(0..1000).as_bytes());
        let part = Part::read(&file, None, 3).unwrap();
        assert_eq!(part.text, numbered(997..1000));
        assert_eq!((part.next_offset, part.bytes), (part.bytes, part.bytes));
        assert_eq!(Part::read(&log(b"no end"), None, 3).unwrap().text, "no end");
        assert_eq!(Part::read(&log(b""), None, 3).unwrap(), Part::default());
    }

    #[test]
    fn the_offset_is_where_the_shown_lines_begin() {
        let content: String = (0..100).map(|n| format!("{n:0>399}\n")).collect();
        let part = Part::read(&log(content.as_bytes()), None, 200).unwrap();
        assert!(part.text.len() <= MOST_BYTES && part.text.len() > MOST_BYTES - 400);
        let shown = usize::try_from(part.offset).unwrap();
        assert_eq!(part.text, content[shown..]);
        assert_eq!(shown % 400, 0, "a line's beginning");
    }

    #[test]
    fn reading_on_gives_every_line_once() {
        let content = numbered(0..10_000);
        let file = log(content.as_bytes());
        let (mut all, mut offset) = (String::new(), 0);
        while offset < content.len() as u64 {
            let part = Part::read(&file, Some(offset), 1).unwrap();
            assert!(part.text.lines().count() <= MOST_LINES && part.next_offset > offset);
            all.push_str(&part.text);
            offset = part.next_offset;
        }
        assert_eq!(all, content);
        assert_eq!(Part::read(&file, Some(u64::MAX), 1).unwrap().text, "");
    }

    #[test]
    fn a_line_without_end_is_bounded_both_ways() {
        let file = log(&vec![b'x'; 10 << 20]);
        for offset in [None, Some(0)] {
            let part = Part::read(&file, offset, 200).unwrap();
            assert!(
                (1..=MOST_BYTES).contains(&part.text.len()),
                "{}",
                part.text.len()
            );
        }
    }

    #[test]
    fn any_bytes_become_harmless_text() {
        let file = log(b"\x9f\x92\xa9\xff\x1b[2Jred\0\xe2\x80\xae!\n");
        assert_eq!(
            Part::read(&file, None, 10).unwrap().text,
            "\u{fffd}red⟨U+202E⟩!\n"
        );
    }

    #[test]
    fn output_cannot_forge_the_delimiter() {
        let view = |text: &str| {
            Part {
                text: text.into(),
                ..Part::default()
            }
            .into_view(Stream::Stderr)
        };
        let first = view("x");
        let second = view(&first.delimiter);
        assert_ne!(first.delimiter, second.delimiter);
        assert_eq!(second.text.matches(&second.delimiter).count(), 2);
    }
}
