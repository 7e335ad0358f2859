//! The worker: runs the tool's function once, and leaves a result or the reason why there is none.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::diagnostics;
use crate::error::{Code, Error, Result};
use crate::failpoint::failpoint;
use crate::job::id::JobId;
use crate::launcher::{ATTEMPT_VAR, DIR_VAR, KILL_AFTER_VAR, MAX_RESULT_VAR, SCHEMA_VAR};
use crate::store::files::{self, Durability};
use crate::store::job_dir::JobDir;
use crate::store::json_part;
use crate::sys::spawn::{SUPERVISOR_VAR, bind_to_supervisor};
use crate::sys::sweep::MARK;
use crate::sys::{deadline, process, schedule};
use crate::tool::call::{Call, StateValue};
use crate::tool::context::Job;
use crate::tool::registry::linked;
use crate::tool::spec::{Body, Flavor, ToolSpec};

/// What a worker was started for.
struct Assignment {
    id: JobId,
    nonce: String,
    attempt: u32,
    schema: String,
    dir: JobDir,
    max_result: u64,
}

/// The whole life of a worker process: 0 with a result on disk, 1 with its error on disk.
pub fn run() -> u8 {
    let assignment = match Assignment::take() {
        Ok(assignment) => assignment,
        Err(error) => {
            let _ = writeln!(io::stderr(), "bgjob: {error}");
            return 70;
        }
    };
    assignment.note_panics();
    // A subscriber of the program's own learns the job from a span, ours has it in every line.
    let ours = diagnostics::begin(tracing::Level::INFO, Some(assignment.id.as_str()));
    let span = match ours {
        true => tracing::Span::none(),
        false => tracing::error_span!("job", id = %assignment.id, attempt = assignment.attempt),
    };
    let Err(error) = span.in_scope(|| assignment.work()) else {
        return 0;
    };
    // The verdict rests on this file; should it fail, stderr and the status still tell.
    if let Err(unwritten) = assignment.write_error(&error) {
        let _ = writeln!(io::stderr(), "bgjob: {}: {error}", error.code);
        let _ = writeln!(
            io::stderr(),
            "bgjob: the error could not be written: {unwritten}"
        );
    }
    1
}

impl Assignment {
    /// Reads what the supervisor handed over, and hides all but the mark from the tool's children.
    fn take() -> Result<Self> {
        let missing = |name: &str| {
            Error::new(
                Code::Crashed,
                format!("the worker was started without {name}"),
            )
        };
        bind_to_supervisor().map_err(|error| Error::storage("begin as a worker", error))?;
        let text = |name: &str| std::env::var(name).map_err(|_| missing(name));
        if let Ok(after) =
            text(KILL_AFTER_VAR).and_then(|ms| ms.parse().map_err(|_| missing(KILL_AFTER_VAR)))
        {
            deadline::kill_self_after(Duration::from_millis(after))
                .map_err(|error| Error::storage("arm the timeout", error))?;
        }
        // Loading the program was a large part of a short job.
        schedule::let_others_go_first();
        let mark = text(MARK)?;
        let (id, nonce) = mark.split_once(':').ok_or_else(|| missing(MARK))?;
        let dir = std::env::var_os(DIR_VAR)
            .map(PathBuf::from)
            .ok_or_else(|| missing(DIR_VAR))?;
        #[cfg(feature = "failpoints")]
        if let Some(root) = dir.ancestors().nth(2) {
            crate::failpoint::obey_file(root);
        }
        let attempt = text(ATTEMPT_VAR)?
            .parse()
            .map_err(|_| missing(ATTEMPT_VAR))?;
        let schema = text(SCHEMA_VAR)?;
        let max_result = text(MAX_RESULT_VAR)?
            .parse()
            .map_err(|_| missing(MAX_RESULT_VAR))?;
        for name in [
            DIR_VAR,
            ATTEMPT_VAR,
            SCHEMA_VAR,
            KILL_AFTER_VAR,
            MAX_RESULT_VAR,
            SUPERVISOR_VAR,
        ] {
            process::set_env(name, None::<&OsStr>);
        }
        Ok(Assignment {
            id: id.parse()?,
            nonce: nonce.to_owned(),
            attempt,
            schema,
            dir: JobDir::new(dir),
            max_result,
        })
    }

    fn work(&self) -> Result<()> {
        let tool = linked(self.id.tool()).ok_or_else(|| {
            Error::new(
                Code::Crashed,
                format!("this program has no tool `{}`", self.id.tool()),
            )
        })?;
        let call = self.call()?;
        failpoint!("work.before_body");
        // From here on nobody may start this attempt again.
        self.dir
            .mark_begun(&self.nonce)
            .map_err(|error| Error::storage("say that the job begins", error))?;
        failpoint!("work.begun");
        finish(run_body(tool, &call)).map_err(|error| self.name_the_limit(error))?;
        drop(call);
        self.publish_result(tool)
    }

    fn call(&self) -> Result<Call> {
        let job = Job::new(
            self.id.clone(),
            self.attempt,
            self.nonce.clone(),
            self.dir.path().to_path_buf(),
            self.schema.clone(),
        );
        let args: Map<String, Value> = read_json(&self.dir.input())?;
        let states: BTreeMap<String, StateValue> = match self.dir.state().is_file() {
            true => read_json(&self.dir.state())?,
            false => BTreeMap::new(),
        };
        let file = create(&self.half_result())
            .map_err(|error| Error::storage("create the result", error))?;
        let sink = Bounded {
            file,
            left: self.max_result,
        };
        Ok(Call::new(job, args, states, Box::new(sink)))
    }

    /// A result that met its limit says so, with the limit.
    fn name_the_limit(&self, error: Error) -> Error {
        if error.code != Code::StorageError || !error.message.ends_with(PAST_THE_LIMIT) {
            return error;
        }
        let mib = self.max_result >> 20;
        Error::new(
            Code::TooLarge,
            format!("the result is larger than the limit of {mib} MiB"),
        )
        .remedy(
            "Write large data to a file in `job.artifact(…)`, or raise the setting max_result_mib.",
        )
    }

    fn half_result(&self) -> PathBuf {
        self.dir.half_results(&self.nonce)
    }

    /// Patch first, result last: the result's rename is what makes the attempt a success.
    fn publish_result(&self, tool: &ToolSpec) -> Result<()> {
        let failed = |error: io::Error| Error::storage("write the result", error);
        let half = self.half_result();
        if let Some(patch) = tool.state_patch.filter(|patch| !patch.pointer.is_empty()) {
            let file = files::open_regular(&half).map_err(failed)?;
            if let Some(value) =
                json_part::extract(io::BufReader::new(file), patch.pointer).map_err(failed)?
            {
                files::write_atomic(
                    &self.dir.attempt_patch(&self.nonce),
                    &value,
                    Durability::Synced,
                )
                .map_err(failed)?;
            }
        }
        failpoint!("work.after_patch", failed);
        File::open(&half)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        failpoint!("work.before_result", failed);
        std::fs::rename(&half, self.dir.attempt_results(&self.nonce)).map_err(failed)?;
        failpoint!("work.after_result");
        files::sync_dir(self.dir.path()).map_err(failed)
    }

    fn write_error(&self, error: &Error) -> io::Result<()> {
        let bytes = serde_json::to_vec(error).map_err(io::Error::other)?;
        let _ = files::remove_if_there(&self.half_result());
        files::write_atomic(
            &self.dir.attempt_error(&self.nonce),
            &bytes,
            Durability::Relaxed,
        )
    }

    /// Keeps the place of the last panic for the error; where panics abort, writes the error at once,
    /// since nothing else will run.
    fn note_panics(&self) {
        let default = std::panic::take_hook();
        let (dir, nonce) = (self.dir.clone(), self.nonce.clone());
        std::panic::set_hook(Box::new(move |info| {
            default(info);
            let place = info
                .location()
                .map(|at| format!(" at {}:{}", at.file(), at.line()))
                .unwrap_or_default();
            if cfg!(panic = "abort") {
                let error = panicked(&text_of(info.payload()), &place);
                let bytes = serde_json::to_vec(&error).unwrap_or_default();
                let _ =
                    files::write_atomic(&dir.attempt_error(&nonce), &bytes, Durability::Relaxed);
            }
            if let Ok(mut last) = LAST_PANIC.lock() {
                *last = place;
            }
        }));
    }
}

/// What a result past its limit is refused with.
const PAST_THE_LIMIT: &str = "the result is past its limit";

/// A file that takes so many bytes and no more.
struct Bounded {
    file: File,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, PAST_THE_LIMIT));
        }
        let written = self.file.write(bytes)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

type Panic = Box<dyn std::any::Any + Send>;

fn finish(outcome: Result<Result<()>, Panic>) -> Result<()> {
    outcome.unwrap_or_else(|payload| {
        let place = LAST_PANIC
            .lock()
            .map(|place| place.clone())
            .unwrap_or_default();
        Err(panicked(&text_of(payload.as_ref()), &place))
    })
}

fn text_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".into())
}

fn panicked(text: &str, place: &str) -> Error {
    Error::new(Code::Panicked, format!("the tool panicked{place}: {text}")).remedy(
        "Read the job's log; set RUST_BACKTRACE=1 for the submitter to see the call stack there.",
    )
}

/// Runs the function: a plain one outside any runtime, so that it may start its own; an async one on
/// the runtime of the tool's flavour.
fn run_body(tool: &ToolSpec, call: &Call) -> Result<Result<()>, Panic> {
    match tool.body {
        Body::Sync(body) => catch_unwind(AssertUnwindSafe(|| body(call).map_err(|error| *error))),
        Body::Async(body) => {
            let runtime = match runtime(tool.flavor) {
                Ok(runtime) => runtime,
                Err(error) => return Ok(Err(Error::storage("start the async runtime", error))),
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(body(call)).map_err(|error| *error)
            }));
            // The result is what counts; blocking threads that are still at work end with the process.
            runtime.shutdown_background();
            outcome
        }
    }
}

fn runtime(flavor: Flavor) -> io::Result<tokio::runtime::Runtime> {
    match flavor {
        Flavor::CurrentThread => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
        Flavor::MultiThread => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build(),
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Result<T> {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let bytes =
        std::fs::read(path).map_err(|error| Error::storage(format_args!("read {name}"), error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::storage(format_args!("read {name}"), error))
}

fn create(path: &std::path::Path) -> io::Result<File> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}
