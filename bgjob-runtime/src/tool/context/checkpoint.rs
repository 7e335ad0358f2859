//! Checkpoints: how far an attempt came, so that the next one goes on from there.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Job;
use crate::error::{Error, Result};
use crate::store::files::{self, open_regular};
use crate::store::job_dir::JobDir;
use crate::tool::call::StateValue;
use crate::tool::finite;

/// The first bytes of a checkpoint are its tags; a reader stops there if they are not its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tags {
    /// Hash of the tool's input schema.
    schema: String,
    /// Hash of the arguments.
    input: String,
    /// Hash of the values of the state fields that the tool reads, without their versions.
    state: String,
}

impl Tags {
    pub(super) fn of(dir: &Path, schema: &str) -> Self {
        let dir = JobDir::new(dir.to_owned());
        let input = files::read_regular(&dir.input()).unwrap_or_default();
        Tags {
            schema: schema.to_owned(),
            input: hex(Sha256::digest(input)),
            state: hash_of_state(&dir),
        }
    }

    fn difference(&self, other: &Tags) -> Option<&'static str> {
        if self.schema != other.schema {
            Some("another version of the tool's arguments")
        } else if self.input != other.input {
            Some("other arguments")
        } else if self.state != other.state {
            Some("another value of the state that the tool reads")
        } else {
            None
        }
    }
}

/// `checkpoint.json`.
#[derive(Deserialize)]
struct Stored {
    #[serde(flatten)]
    tags: Tags,
}

#[derive(Deserialize)]
struct Content {
    value: Box<RawValue>,
}

fn hash_of_state(dir: &JobDir) -> String {
    let fields: std::collections::BTreeMap<String, StateValue> = files::read_regular(&dir.state())
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .unwrap_or_default();
    let mut hash = Sha256::new();
    for (field, state) in fields {
        hash.update(field.as_bytes());
        hash.update([0]);
        hash.update(state.value.to_string().as_bytes());
        hash.update([0]);
    }
    hex(hash.finalize())
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

impl Job {
    /// Keeps how far the work is, in place of what was kept before. The next attempt of the job, and
    /// a retry by hand with the same arguments, gets it from [`Job::restore`]. When this returns it
    /// survives a kill and a power cut; it costs a write to disk, so store it every few seconds or
    /// steps and not in an inner loop.
    ///
    /// ```
    /// use bgjob_runtime::{Job, Result};
    ///
    /// fn sum(job: &Job, upto: u64) -> Result<u64> {
    ///     let (mut next, mut sum) = job.restore().unwrap_or((1, 0));
    ///     while next <= upto {
    ///         sum += next;
    ///         next += 1;
    ///         if next % 1000 == 0 {
    ///             job.checkpoint(&(next, sum))?;
    ///         }
    ///     }
    ///     Ok(sum)
    /// }
    ///
    /// let job = Job::test();
    /// job.checkpoint(&(3, 3)).unwrap();
    /// assert_eq!(sum(&job, 10).unwrap(), 55);
    /// ```
    ///
    /// # Errors
    /// `storage_error` where it cannot be written, `bad_result` where it is not JSON, such as a NaN;
    /// the one kept before then stays.
    pub fn checkpoint<T: Serialize + ?Sized>(&self, value: &T) -> Result<()> {
        let failed = |error: std::io::Error| Error::storage("write the checkpoint", error);
        let dir = self.dir();
        let head = serde_json::to_string(self.tags()).map_err(|error| failed(error.into()))?;
        // tempfile creates with O_EXCL and 0600, and removes the file when a step fails.
        let temporary = tempfile::Builder::new()
            .prefix(".tmp-")
            .tempfile_in(dir)
            .map_err(failed)?;
        let mut sink = BufWriter::with_capacity(64 << 10, temporary);
        write!(sink, "{},\"value\":", head.trim_end_matches('}')).map_err(failed)?;
        finite::write(&mut sink, value).map_err(of_checkpoint)?;
        sink.write_all(b"}").map_err(failed)?;
        let file = sink
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(JobDir::new(dir.to_owned()).checkpoint())
            .map_err(|error| failed(error.error))?;
        files::sync_dir(dir).map_err(failed)
    }

    /// What an earlier attempt kept by [`Job::checkpoint`], or the job that this one retries; `None`
    /// to begin afresh. A checkpoint is ignored, with a line in the job's log, where it was made by
    /// another version of the tool's arguments, for other arguments or other state, or does not fit
    /// `T`.
    pub fn restore<T: DeserializeOwned>(&self) -> Option<T> {
        let path = JobDir::new(self.dir().to_owned()).checkpoint();
        let file = match open_regular(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => return ignore(&error),
        };
        match self.read(&file, &path) {
            Ok(value) => Some(value),
            Err(why) => ignore(&why),
        }
    }

    fn read<T: DeserializeOwned>(&self, file: &File, path: &Path) -> Result<T, String> {
        let stored: Stored = serde_json::from_reader(BufReader::new(file))
            .map_err(|error| format!("it cannot be read: {error}"))?;
        if let Some(difference) = stored.tags.difference(self.tags()) {
            return Err(format!("it was made for {difference}"));
        }
        let text = files::read_regular(path).map_err(|error| error.to_string())?;
        let content: Content =
            serde_json::from_slice(&text).map_err(|error| format!("it cannot be read: {error}"))?;
        serde_json::from_str(content.value.get())
            .map_err(|error| format!("it does not fit what the tool expects: {error}"))
    }

    fn tags(&self) -> &Tags {
        self.inner
            .tags
            .get_or_init(|| Tags::of(self.dir(), &self.inner.schema))
    }
}

/// The writer of results speaks of results.
fn of_checkpoint(error: Error) -> Error {
    Error {
        message: error.message.replacen("the result", "the checkpoint", 1),
        ..error
    }
}

/// Standard error is the job's log.
fn ignore<T>(why: &dyn std::fmt::Display) -> Option<T> {
    let _ = writeln!(
        std::io::stderr(),
        "bgjob: the checkpoint is ignored, and the work begins afresh: {why}"
    );
    None
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::job::id::JobId;

    fn job(dir: &Path, schema: &str) -> Job {
        let id = JobId::new("size", crate::sys::random_bytes());
        Job::new(id, 2, "n".into(), dir.to_owned(), schema.into())
    }

    fn with(input: &Value, state: &Value) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("input.json"), input.to_string()).unwrap();
        std::fs::write(dir.path().join("state.json"), state.to_string()).unwrap();
        dir
    }

    #[test]
    fn the_last_checkpoint_comes_back_whole() {
        let dir = with(&json!({"a": 1}), &json!({}));
        let first = job(dir.path(), "s");
        assert_eq!(first.restore::<Value>(), None);
        first.checkpoint(&json!({"day": 1})).unwrap();
        first.checkpoint(&json!({"day": 2, "x": 0.1})).unwrap();
        assert_eq!(
            job(dir.path(), "s").restore(),
            Some(json!({"day": 2, "x": 0.1}))
        );
        let names = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(names, 3, "no litter");
    }

    #[test]
    fn a_checkpoint_of_another_schema_input_or_state_is_ignored() {
        let (input, state) = (json!({"a": 1}), json!({"f": {"version": 3, "value": [1]}}));
        let dir = with(&input, &state);
        job(dir.path(), "s").checkpoint(&7).unwrap();
        let moved = |input: &Value, state: &Value, schema: &str| {
            let other = with(input, state);
            std::fs::copy(
                dir.path().join("checkpoint.json"),
                other.path().join("checkpoint.json"),
            )
            .unwrap();
            job(other.path(), schema).restore::<u32>()
        };
        assert_eq!(moved(&input, &state, "s"), Some(7));
        let same_value = json!({"f": {"version": 4, "value": [1]}});
        assert_eq!(moved(&input, &same_value, "s"), Some(7));
        assert_eq!(moved(&input, &state, "t"), None);
        assert_eq!(moved(&json!({"a": 2}), &state, "s"), None);
        let other_value = json!({"f": {"version": 3, "value": [2]}});
        assert_eq!(moved(&input, &other_value, "s"), None);
    }

    #[test]
    fn a_torn_or_foreign_checkpoint_is_ignored() {
        let dir = with(&json!({}), &json!({}));
        let job = job(dir.path(), "s");
        job.checkpoint(&vec![1, 2, 3]).unwrap();
        assert_eq!(job.restore::<String>(), None, "another type");
        let path = dir.path().join("checkpoint.json");
        let whole = std::fs::read(&path).unwrap();
        for cut in (0..whole.len()).step_by(13) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(job.restore::<Vec<u32>>(), None, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_json_leaves_the_one_before() {
        let job = Job::test();
        job.checkpoint(&1.5).unwrap();
        let refused = job.checkpoint(&f64::NAN).unwrap_err();
        assert!(refused.message.contains("the checkpoint cannot be written"));
        assert_eq!(job.restore(), Some(1.5));
    }
}
