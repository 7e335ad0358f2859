//! The directory of one job: every path in it, and the files that more than one process reads.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::store::files;
use crate::store::progress_file::NAME;
use crate::store::variables;

/// The tail of a log that an error carries, in bytes.
const TAIL_BYTES: u64 = 2048;

/// `jobs/<id>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDir {
    path: PathBuf,
}

impl JobDir {
    /// The directory at `path`.
    pub fn new(path: PathBuf) -> Self {
        JobDir { path }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Held by the supervisor while it lives.
    pub fn lock(&self) -> PathBuf {
        self.file("lock")
    }

    /// Held by the worker and all it started while any of them lives.
    pub fn tree_lock(&self) -> PathBuf {
        self.file("tree.lock")
    }

    /// The arguments.
    pub fn input(&self) -> PathBuf {
        self.file("input.json")
    }

    /// The pinned state values.
    pub fn state(&self) -> PathBuf {
        self.file("state.json")
    }

    /// The environment for the worker; removed when the job has ended.
    pub fn env(&self) -> PathBuf {
        self.file("env")
    }

    /// The environment for the hook; removed when that has ended.
    pub fn hook_env(&self) -> PathBuf {
        self.file("hook.env")
    }

    /// Held by the process that runs the hook.
    pub fn hook_lock(&self) -> PathBuf {
        self.file("hook.lock")
    }

    /// What the job prints.
    pub fn stdout(&self) -> PathBuf {
        self.file("stdout.log")
    }

    /// What the job complains about.
    pub fn stderr(&self) -> PathBuf {
        self.file("stderr.log")
    }

    /// How far it is.
    pub fn progress(&self) -> PathBuf {
        self.file(NAME)
    }

    /// What `progress.json` is written as.
    pub fn hidden_progress(&self) -> PathBuf {
        self.file(".progress.json")
    }

    /// The history of what it said, a line each.
    pub fn events(&self) -> PathBuf {
        self.file("events.jsonl")
    }

    /// The result of a completed job.
    pub fn results(&self) -> PathBuf {
        self.file("results.json")
    }

    /// The result of one attempt: its existence is that attempt's success.
    pub fn attempt_results(&self, nonce: &str) -> PathBuf {
        self.file(&format!("results.{nonce}.json"))
    }

    /// The value for the state patch of one attempt.
    pub fn attempt_patch(&self, nonce: &str) -> PathBuf {
        self.file(&format!("patch.{nonce}.json"))
    }

    /// Why an attempt failed, in the worker's words.
    pub fn attempt_error(&self, nonce: &str) -> PathBuf {
        self.file(&format!("error.{nonce}.json"))
    }

    /// What one attempt asks; the worker writes it.
    pub fn questions(&self, nonce: &str) -> PathBuf {
        self.file(&format!("questions.{nonce}.json"))
    }

    /// What one attempt is told; its supervisor writes it.
    pub fn answers(&self, nonce: &str) -> PathBuf {
        self.file(&format!("answers.{nonce}.json"))
    }

    /// The result of one attempt while it is being written.
    pub fn half_results(&self, nonce: &str) -> PathBuf {
        self.file(&format!(".results.{nonce}.half"))
    }

    /// What an ended attempt may have left beside a result.
    pub fn leftovers(&self, nonce: &str) -> Vec<PathBuf> {
        vec![
            self.attempt_patch(nonce),
            self.attempt_error(nonce),
            self.half_results(nonce),
            self.questions(nonce),
            self.answers(nonce),
            self.hidden_progress(),
        ]
    }

    /// Removes these of its files that are there. One look at what there is takes less than a try for each.
    pub fn remove(&self, unwanted: &[PathBuf]) {
        let names = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for path in names.map(|entry| entry.path()) {
            // As texts: paths are compared part by part.
            if unwanted
                .iter()
                .any(|one| one.as_os_str() == path.as_os_str())
            {
                // What cannot be removed goes with the directory.
                let _ = files::remove_if_there(&path);
            }
        }
    }

    /// Why the job failed.
    pub fn error(&self) -> PathBuf {
        self.file("error.json")
    }

    /// The ledger's row, for people and `jq`.
    pub fn record(&self) -> PathBuf {
        self.file("job.json")
    }

    /// Says that the job was deleted on purpose: the row goes next, then the directory.
    pub fn condemned(&self) -> PathBuf {
        self.file("deleted")
    }

    /// The evidence of the worker's end.
    pub fn exit_record(&self) -> PathBuf {
        self.file("exit.rec")
    }

    /// How far an attempt came.
    pub fn checkpoint(&self) -> PathBuf {
        self.file("checkpoint.json")
    }

    /// Copies the checkpoint of `earlier`, if it has one.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn adopt_checkpoint(&self, earlier: &JobDir) -> io::Result<()> {
        let mut source = match files::open_regular(&earlier.checkpoint()) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut copy = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.checkpoint())?;
        io::copy(&mut source, &mut copy).map(drop)
    }

    /// Files that the tool made.
    pub fn artifacts(&self) -> PathBuf {
        self.file("artifacts")
    }

    /// The result file: of the job, or of `nonce` while the final name is not given yet.
    pub fn find_results(&self, nonce: Option<&str>) -> Option<PathBuf> {
        let named = self.results();
        if is_plain_file(&named) {
            return Some(named);
        }
        nonce
            .map(|nonce| self.attempt_results(nonce))
            .filter(|path| is_plain_file(path))
    }

    /// Writes the worker's environment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_env(&self, env: &BTreeMap<OsString, OsString>) -> io::Result<()> {
        variables::write(&self.env(), env)
    }

    /// Writes the hook's environment.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_hook_env(&self, env: &BTreeMap<OsString, OsString>) -> io::Result<()> {
        variables::write(&self.hook_env(), env)
    }

    /// Reads the worker's environment.
    ///
    /// # Errors
    /// When the file is missing.
    pub fn read_env(&self) -> io::Result<Vec<(OsString, OsString)>> {
        variables::read(&self.env())
    }

    /// Reads the hook's environment.
    ///
    /// # Errors
    /// When the file is missing.
    pub fn read_hook_env(&self) -> io::Result<Vec<(OsString, OsString)>> {
        variables::read(&self.hook_env())
    }

    /// The end of a log, at most 2 KiB, from the start of a line where possible.
    pub fn tail(&self, log: &Path) -> Option<String> {
        let file = files::open_regular(log).ok()?;
        let len = file.metadata().ok()?.len();
        let from = len.saturating_sub(TAIL_BYTES);
        let mut bytes = vec![0; usize::try_from(len - from).ok()?];
        file.read_exact_at(&mut bytes, from).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = if from > 0 {
            text.split_once('\n').map_or(&*text, |(_, rest)| rest)
        } else {
            &*text
        };
        let text = text.trim_end();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// Appends one line for people to the job's standard error.
pub fn note_on_stderr(log: &mut File, text: &str) {
    // A full disk must not stop the supervisor; the fact is in the ledger too.
    let _ = writeln!(log, "bgjob: {text}");
}

/// A symbolic link that a job planted is not its result.
fn is_plain_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_file())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn the_environment_comes_back_byte_for_byte() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = JobDir::new(tmp.path().into());
        let env = BTreeMap::from([
            (OsString::from("A"), OsString::from("b=c\nd")),
            (OsString::from("B"), OsString::from_vec(vec![0xff])),
        ]);
        dir.write_env(&env).unwrap();
        assert_eq!(dir.read_env().unwrap(), env.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_tail_begins_at_a_line() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = JobDir::new(tmp.path().into());
        fs::write(dir.stderr(), "x".repeat(3000) + "\nlast line\n").unwrap();
        assert_eq!(dir.tail(&dir.stderr()).as_deref(), Some("last line"));
        fs::write(dir.stderr(), "\n\n").unwrap();
        assert_eq!(dir.tail(&dir.stderr()), None);
    }
}
