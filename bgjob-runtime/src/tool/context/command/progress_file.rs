//! Progress from a JSON file that a program writes now and then.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::store::files;
use crate::tool::context::Job;

/// A larger file is not read.
const LARGEST: u64 = 64 << 10;

/// Which file it is and what was last read of it.
#[derive(Debug)]
pub struct ProgressFile {
    path: PathBuf,
    seen: Option<Stamp>,
    unreadable: Option<String>,
}

/// Changes whenever the file is written or replaced.
type Stamp = (u64, u64, i64, i64);

/// What the file says; every part may be absent.
#[derive(Debug, Default, PartialEq)]
struct Content {
    done: Option<(f64, f64)>,
    message: Option<String>,
    phase: Option<String>,
}

impl ProgressFile {
    /// The file at `path`. What an earlier run has left there is not this run's progress.
    pub fn new(path: PathBuf) -> Self {
        let seen = stamp(&path);
        ProgressFile {
            path,
            seen,
            unreadable: None,
        }
    }

    /// Where the file is or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the job what the file says, if it has changed since the last look. Half a file, of a
    /// program that does not rename it into place, is read again when the rest is there.
    pub fn look(&mut self, job: &Job) {
        let now = stamp(&self.path);
        if now.is_none() || now == self.seen {
            return;
        }
        self.seen = now;
        let read = files::open_anywhere(&self.path)
            .and_then(|file| files::capped(file, LARGEST))
            .map_err(|error| error.to_string());
        let content = read.and_then(|bytes| content(&bytes));
        self.unreadable = content.as_ref().err().cloned();
        if let Ok(content) = content {
            content.tell(job);
        }
    }

    /// Why the last content could not be read.
    pub fn complaint(&self) -> Option<String> {
        let why = self.unreadable.as_ref()?;
        Some(format!("{} is not progress: {why}", self.path.display()))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = path.symlink_metadata().ok()?;
    Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
}

impl Content {
    fn tell(self, job: &Job) {
        if let Some(phase) = self.phase {
            job.phase(phase);
        }
        let message = self.message.unwrap_or_default();
        if let Some((done, total)) = self.done {
            job.progress(done, total, message);
        } else if !message.is_empty() {
            job.note(message);
        }
    }
}

/// Reads the members that are there; those of another type or out of bounds count as absent.
fn content(bytes: &[u8]) -> Result<Content, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let object = value.as_object().ok_or("it is not a JSON object")?;
    let number = |name: &str| object.get(name).and_then(Value::as_f64);
    let text = |name: &str| {
        let text = object.get(name).and_then(Value::as_str)?;
        Some(crate::tool::check::words::clip(text, 200)).filter(|text| !text.is_empty())
    };
    let within = |(done, total): &(f64, f64)| *total > 0.0 && (0.0..=*total).contains(done);
    let share = number("progress").map(|share| (share, 1.0));
    let percent = number("percent").map(|percent| (percent, 100.0));
    let counted = number("done").or_else(|| number("current"));
    let counted = counted.and_then(|done| Some((done, number("total")?)));
    Ok(Content {
        done: counted.or(percent).or(share).filter(within),
        message: text("message").or_else(|| text("status")),
        phase: text("phase"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<(f64, f64)>, String> {
        content(text.as_bytes()).map(|content| content.done)
    }

    #[test]
    fn shares_percentages_and_counts() {
        assert_eq!(read(r#"{"progress": 0.45}"#), Ok(Some((0.45, 1.0))));
        assert_eq!(read(r#"{"percent": 45}"#), Ok(Some((45.0, 100.0))));
        assert_eq!(read(r#"{"done": 3, "total": 10}"#), Ok(Some((3.0, 10.0))));
        assert_eq!(
            read(r#"{"current": 3, "total": 10}"#),
            Ok(Some((3.0, 10.0)))
        );
        let all = content(br#"{"status": "day 3", "phase": "simulate", "x": []}"#).unwrap();
        assert_eq!(all.message.as_deref(), Some("day 3"));
        assert_eq!(all.phase.as_deref(), Some("simulate"));
    }

    #[test]
    fn nonsense_is_no_progress() {
        for text in [
            r#"{"progress": 45}"#,
            r#"{"percent": -1}"#,
            r#"{"done": 3}"#,
            r#"{"done": 3, "total": 0}"#,
            r#"{"percent": "45"}"#,
            "{}",
        ] {
            assert_eq!(read(text), Ok(None), "{text}");
        }
        for text in ["", "{\"progress\": 0.", "[1]", "45"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_is_new_is_told() {
        let job = Job::test();
        let path = job.dir().join("theirs.json");
        std::fs::write(&path, r#"{"percent": 100}"#).unwrap();
        let mut file = ProgressFile::new(path.clone());
        file.look(&job);
        assert_eq!(job.progress_seen(), [], "left by an earlier run");
        std::fs::write(&path, r#"{"percent": 5, "phase": "mesh"}"#).unwrap();
        file.look(&job);
        file.look(&job);
        let seen = job.progress_seen();
        assert_eq!(seen.len(), 2, "a phase and a step: {seen:?}");
        assert_eq!(seen[1].progress, Some(0.05));
        std::fs::write(&path, r#"{"perc"#).unwrap();
        file.look(&job);
        assert!(file.complaint().unwrap().contains("is not progress"));
        std::fs::write(&path, r#"{"percent": 6}"#).unwrap();
        file.look(&job);
        assert_eq!(file.complaint(), None);
    }
}
