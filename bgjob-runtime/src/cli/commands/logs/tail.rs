//! One log of a job, read as it grows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::service::{JobService, Stream};
use crate::store::files::{open_regular, skip_dropped};

/// A line is told in pieces of this size at most.
const MAX_LINE_BYTES: u64 = 64 << 10;
/// Block in which the last lines are searched from the end.
const BLOCK_BYTES: u64 = 64 << 10;

/// What is done with a line of a log.
pub(super) type Tell<'a> = &'a mut dyn FnMut(Stream, &[u8]) -> Result<(), Failure>;

/// One log, read as far as it was written.
#[derive(Debug)]
pub(super) struct Tail {
    pub stream: Stream,
    pub path: PathBuf,
    file: Option<BufReader<File>>,
    /// The end of a line is still to come.
    begun: Vec<u8>,
}

impl Tail {
    /// The log `stream` of the job `id`, which may not be there yet.
    ///
    /// # Errors
    /// `job_not_found`.
    pub fn new(service: &JobService, id: &JobId, stream: Stream) -> Result<Self> {
        let path = service.log_path(&Owner::local(), id, stream)?;
        Ok(Tail {
            stream,
            path,
            file: None,
            begun: Vec::new(),
        })
    }

    /// Opens the file if it is there by now, at its last `lines`; says whether that is news.
    ///
    /// # Errors
    /// `storage_error` when it cannot be read.
    pub fn open(&mut self, lines: Option<u64>) -> Result<bool> {
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

    /// Tells what is new: whole lines, and at the `end` the rest, too.
    ///
    /// # Errors
    /// When the log cannot be read, or what `tell` returns.
    pub fn read(&mut self, end: bool, tell: Tell<'_>) -> Result<(), Failure> {
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
            tell(self.stream, &self.begun)?;
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
    use std::io::Write;

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
