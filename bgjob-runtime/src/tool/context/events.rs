//! The history of what a job said: a line each in `events.jsonl`, and never more than a mebibyte.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::clock;
use crate::job::event::{Event, Said};
use crate::store::files::open_append;

/// With so many bytes the file is full: the longest line and the marker still have room in a mebibyte.
const FULL_BYTES: u64 = (1 << 20) - (8 << 10);
/// Progress is noted no more often than this, and less and less often the longer the job runs: a two
/// hundredth of its time lies between two notes, so that a day makes about 1,400 lines.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_SHARE: u32 = 200;

/// The history as far as this attempt has written it. Nothing is opened before something is said.
#[derive(Debug)]
pub(super) struct Events {
    path: PathBuf,
    attempt: u32,
    begun: Instant,
    open: Option<Open>,
    /// When the last progress was noted.
    noted: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl Events {
    pub(super) fn new(path: PathBuf, attempt: u32) -> Self {
        Events {
            path,
            attempt,
            begun: Instant::now(),
            open: None,
            noted: None,
        }
    }

    /// Notes progress, unless that was done a moment ago.
    pub(super) fn progress(
        &mut self,
        progress: Option<f64>,
        message: Option<String>,
    ) -> io::Result<()> {
        let now = Instant::now();
        let pause = PAUSE.max((now - self.begun) / PAUSE_SHARE);
        let done = progress.is_some_and(|share| share >= 1.0);
        if !done && self.noted.is_some_and(|noted| now - noted < pause) {
            return Ok(());
        }
        self.noted = Some(now);
        self.say(Said::Progress { progress, message })
    }

    /// Notes something that is said once.
    pub(super) fn say(&mut self, said: Said) -> io::Result<()> {
        let mut line = self.line(said)?;
        let full = self.line(Said::Full)?;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let file = open_append(&self.path)?;
                // An earlier attempt may have written it.
                let bytes = file.metadata()?.len();
                self.open.insert(Open { file, bytes })
            }
        };
        if open.bytes > FULL_BYTES {
            return Ok(());
        }
        open.bytes += line.len() as u64;
        if open.bytes > FULL_BYTES {
            line.extend(full);
        }
        open.file.write_all(&line)
    }

    fn line(&self, said: Said) -> io::Result<Vec<u8>> {
        let event = Event {
            at: clock::rfc3339_millis(clock::now_ms()),
            attempt: self.attempt,
            said,
        };
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        Ok(line)
    }
}

/// What a job says, cut to what a reader takes in: progress must stay cheap to write and to read.
pub(super) fn short(text: impl Display) -> String {
    const MOST: usize = 1000;
    let mut text = text.to_string();
    if let Some((end, _)) = text.char_indices().nth(MOST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &std::path::Path) -> Vec<Event> {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    fn note(text: &str) -> Said {
        Said::Note { note: text.into() }
    }

    #[test]
    fn a_full_history_says_so_once_whoever_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut events = Events::new(path.clone(), 1);
        for _ in 0..2000 {
            events.say(note(&"x".repeat(1000))).unwrap();
        }
        Events::new(path.clone(), 2).say(note("late")).unwrap();
        let bytes = std::fs::metadata(&path).unwrap().len();
        assert!((FULL_BYTES..=1 << 20).contains(&bytes), "{bytes}");
        let said = said(&path);
        let full = said.iter().filter(|event| event.said == Said::Full);
        assert_eq!((full.count(), &said.last().unwrap().said), (1, &Said::Full));
    }

    #[test]
    fn progress_is_noted_once_a_second_and_the_end_always() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut events = Events::new(path.clone(), 1);
        for step in 0..1000 {
            events
                .progress(Some(f64::from(step) / 1000.0), None)
                .unwrap();
        }
        events.progress(Some(1.0), Some("done".into())).unwrap();
        let said = said(&path);
        assert!((2..10).contains(&said.len()), "{said:?}");
        assert!(matches!(
            &said.last().unwrap().said,
            Said::Progress {
                progress: Some(1.0),
                ..
            }
        ));
    }

    #[test]
    fn the_longer_a_job_runs_the_fewer_notes_it_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let mut events = Events::new(dir.path().join("events.jsonl"), 1);
        let Some(begun) = Instant::now().checked_sub(Duration::from_secs(3600)) else {
            return; // a machine that was started a moment ago
        };
        events.begun = begun;
        events.progress(Some(0.1), None).unwrap();
        events.noted = events.noted.map(|noted| noted - Duration::from_secs(10));
        events.progress(Some(0.2), None).unwrap();
        assert_eq!(
            said(&events.path).len(),
            1,
            "18 s lie between two notes after an hour"
        );
        events.noted = events.noted.map(|noted| noted - Duration::from_secs(10));
        events.progress(Some(0.3), None).unwrap();
        assert_eq!(said(&events.path).len(), 2);
    }
}
