//! External programs inside a job: what to run, and how.

mod failure;
mod lines;
mod output;
mod progress_file;
mod run;
mod spoken;
mod start;
mod tee;
#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use failure::CommandError;
pub use output::{Output, Ran};

use super::Job;
use progress_file::ProgressFile;
use run::Leash;

/// How much of a program's standard output is kept unless asked otherwise: 16 MiB.
const MAX_OUTPUT: u64 = 16 << 20;

/// Where a program says how far it is.
///
/// Printed forms, one a line, also where a carriage return ends it: `Progress: 45%`, `45.5% (3 of 10)`, `45% complete`,
/// `[ 45%] …`, ` 45%|###  | …`, `Day 10/20`, `Epoch 3 of 10`, `[3/10] …`. Any other number is no progress.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgressFrom {
    /// In lines on its standard output.
    Stdout,
    /// In lines on its standard error, where progress bars usually go.
    Stderr,
    /// In a JSON file that it writes anew at each step; relative to its working directory. An object with
    /// `progress` (0 to 1), `percent` (0 to 100), or `done` (or `current`) and `total`; also `message` (or `status`) and
    /// `phase`. Not the job's own `progress.json`.
    File(PathBuf),
}

/// A program to run inside the job, made by [`Job::command`].
///
/// It has the job's environment and working directory, an empty standard input, and the job's logs as its output: live, and
/// without a pipe in between unless something reads along. Python does not hold its output back
/// (`PYTHONUNBUFFERED=1` unless set otherwise). Files that it makes are readable by their owner alone (umask 077).
///
/// When the job is cancelled or runs out of time, the program gets the SIGTERM that the job gets, and the rest of the
/// grace period to end; then [`run`](Command::run) returns an error that [is cancelled](CommandError::is_cancelled).
/// Whatever it starts or leaves running ends with the job.
///
/// ```
/// use bgjob_runtime::{CommandError, Job, ProgressFrom};
///
/// fn count(job: &Job, upto: u32) -> Result<u32, CommandError> {
///     let script = r#"for n in $(seq "$1"); do echo "Line $n/$1"; done; echo "{\"lines\": $1}" > out.json"#;
///     let ran = job
///         .command("sh")
///         .args(["-c", script, "count"])
///         .arg(upto.to_string())
///         .current_dir(job.dir())
///         .progress(ProgressFrom::Stdout)
///         .run()?;
///     let out: std::collections::BTreeMap<String, u32> = ran.json_file("out.json")?;
///     Ok(out["lines"])
/// }
///
/// let job = Job::test();
/// assert_eq!(count(&job, 3).unwrap(), 3);
/// assert_eq!(job.progress_seen().last().unwrap().progress, Some(1.0));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a command does nothing until it is run"]
pub struct Command {
    job: Job,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    dir: Option<PathBuf>,
    stdin: Option<Arc<[u8]>>,
    progress: Vec<ProgressFrom>,
    max_output: u64,
}

impl Job {
    /// A program to run inside this job: a name that is looked for on the job's PATH, or a path.
    pub fn command(&self, program: impl Into<OsString>) -> Command {
        Command {
            job: self.clone(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            stdin: None,
            progress: Vec::new(),
            max_output: MAX_OUTPUT,
        }
    }
}

impl Command {
    /// Adds an argument. Other users of the machine can see arguments; secrets belong into the environment or `stdin`.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable beside those of the job (see `pass_env` of the attribute).
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a variable of the job's environment away.
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.env.push((name.into(), None));
        self
    }

    /// Sets the working directory; without it the job's, which is its submitter's.
    pub fn current_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    /// Gives the program `bytes` on its standard input, which is empty otherwise.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into().into());
        self
    }

    /// Reads the program's progress and tells it as the job's. May be said several times.
    pub fn progress(mut self, from: ProgressFrom) -> Self {
        self.progress.push(from);
        self
    }

    /// How many bytes of standard output [`output`](Command::output) keeps at most; 16 MiB unless said. All of it is in
    /// the log in any case.
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.max_output = bytes;
        self
    }

    /// Runs the program and waits for its end.
    ///
    /// # Errors
    /// Where it cannot be started, exits with a status other than 0, is ended by a signal, or the job is asked to end.
    pub fn run(&self) -> Result<Ran, CommandError> {
        run::run(self, None, &Leash::default()).map(|output| output.ran)
    }

    /// As [`run`](Command::run), keeping what the program writes to standard output.
    ///
    /// # Errors
    /// As `run`, and where it writes more than `max_output`.
    pub fn output(&self) -> Result<Output, CommandError> {
        run::run(self, Some(self.max_output), &Leash::default())
    }

    /// [`run`](Command::run) for async functions. Dropping the future, as `select!` and `timeout` do, kills the program.
    ///
    /// # Errors
    /// As `run`.
    ///
    /// # Panics
    /// Outside of a tokio runtime; an async tool has one.
    pub async fn run_async(&self) -> Result<Ran, CommandError> {
        self.on_thread(None).await.map(|output| output.ran)
    }

    /// [`output`](Command::output) for async functions. Dropping the future kills the program.
    ///
    /// # Errors
    /// As `output`.
    ///
    /// # Panics
    /// Outside of a tokio runtime; an async tool has one.
    pub async fn output_async(&self) -> Result<Output, CommandError> {
        self.on_thread(Some(self.max_output)).await
    }

    async fn on_thread(&self, keep: Option<u64>) -> Result<Output, CommandError> {
        struct LetGo(Arc<Leash>);
        impl Drop for LetGo {
            fn drop(&mut self) {
                self.0.let_go();
            }
        }
        let leash = Arc::new(Leash::default());
        let _guard = LetGo(Arc::clone(&leash));
        let command = self.clone();
        let running = tokio::task::spawn_blocking(move || run::run(&command, keep, &leash));
        match running.await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and the job with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    fn to_std(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args);
        if std::env::var_os(UNBUFFERED).is_none() {
            command.env(UNBUFFERED, "1");
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    fn shown_program(&self) -> String {
        self.program.to_string_lossy().into_owned()
    }

    fn working_dir(&self) -> PathBuf {
        let own = std::env::current_dir().unwrap_or_default();
        self.dir
            .as_ref()
            .map_or_else(|| own.clone(), |dir| own.join(dir))
    }

    fn search_path(&self) -> String {
        let given = self.env.iter().rev().find(|(name, _)| name == "PATH");
        let path = given.map_or_else(|| std::env::var_os("PATH"), |(_, value)| value.clone());
        path.map_or_else(
            || "which is not set".to_owned(),
            |path| path.to_string_lossy().into_owned(),
        )
    }

    fn progress_files(&self) -> io::Result<Vec<ProgressFile>> {
        let dir = self.working_dir();
        let paths = self.progress.iter().filter_map(|from| match from {
            ProgressFrom::File(path) => Some(dir.join(path)),
            ProgressFrom::Stdout | ProgressFrom::Stderr => None,
        });
        let own = self.job.dir().join("progress.json");
        let own = same_file(&own);
        let checked = paths.map(|path| {
            if same_file(&path) == own {
                return Err(io::Error::other(
                    "its progress file would be the job's own `progress.json`; let it write another name, or into a directory below",
                ));
            }
            Ok(ProgressFile::new(path))
        });
        checked.collect()
    }
}

/// The variable that keeps Python from holding its output back until it ends.
const UNBUFFERED: &str = "PYTHONUNBUFFERED";

/// A path whose directory has its real name.
fn same_file(path: &Path) -> (PathBuf, Option<&OsStr>) {
    let dir = path.parent().unwrap_or(Path::new("/"));
    (
        dir.canonicalize().unwrap_or_else(|_| dir.to_owned()),
        path.file_name(),
    )
}
