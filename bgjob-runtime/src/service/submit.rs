//! Submitting: check everything, write the job's directory, commit; only then is there a job.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::JobService;
use super::environment::inherited;
use crate::clock;
use crate::error::{Code, Error, Result, nearest};
use crate::failpoint::failpoint;
use crate::job::id::JobId;
use crate::job::record::JobRecord;
use crate::job::request::Request;
use crate::job::view::JobView;
use crate::store::files::{self, Durability};
use crate::store::job_dir::JobDir;
use crate::store::ledger::{Accepted, NewJob, Settings};
use crate::store::projection;
use crate::supervisor::commit::sha256_hex;
use crate::sys::sweep::MARK;
use crate::tool::registry::Tool;
use crate::tool::spec::Timeout;

/// Inputs up to this size are in the ledger's row, larger ones in a synced file.
const ROW_INPUT_BYTES: usize = 1 << 20;
/// No tool call is larger than this.
const MAX_INPUT_BYTES: usize = 64 << 20;
/// An environment larger than this would not fit an exec(2).
const MAX_ENV_BYTES: usize = 1 << 20;
/// No idempotency key is longer, in bytes.
const MAX_KEY_BYTES: usize = 256;
/// A field may move under the check; one that moves this often is being hammered.
const STATE_TRIES: usize = 8;

impl JobService {
    /// Accepts a call of a tool. When this returns `Ok`, the job survives anything but the loss of
    /// the disk; it starts as soon as a supervisor has a slot, see [`JobService::launch`].
    ///
    /// # Errors
    /// A refusal, and then no job exists: `unknown_argument`, `missing_argument`,
    /// `invalid_argument`, `missing_state`, `invalid_state`, `queue_full`, `idempotency_conflict`,
    /// `too_large`, `dependency_failed`, `job_not_found` (of an awaited job) or `storage_error`.
    pub fn submit(&self, request: Request) -> Result<JobView> {
        refuse_inside_a_job()?;
        let tool = self.tool(&request.tool)?;
        let input = tool.check(request.input.clone())?;
        let input = serde_json::to_vec(&input)
            .map_err(|error| Error::new(Code::InvalidArgument, error.to_string()))?;
        if input.len() > MAX_INPUT_BYTES {
            return Err(Error::new(
                Code::TooLarge,
                format!(
                    "the arguments have {} bytes; the limit is {MAX_INPUT_BYTES}",
                    input.len()
                ),
            )
            .remedy("Pass a path to a file instead of its content."));
        }
        match self.accepted_before(tool, &request, &input)? {
            Some(earlier) => self.replayed(&earlier),
            None => self.accept(tool, &request, &input),
        }
    }

    /// The job of an earlier call with the same key. It stands for this call whatever has become of
    /// the state since; only the acceptance itself can tell for certain that there is none.
    fn accepted_before(
        &self,
        tool: &Tool,
        request: &Request,
        input: &[u8],
    ) -> Result<Option<JobRecord>> {
        let Some(key) = request.idempotency_key.as_deref() else {
            return Ok(None);
        };
        if key.is_empty() || key.len() > MAX_KEY_BYTES {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("the idempotency key has {} bytes", key.len()),
            )
            .remedy(format!(
                "Give 1 to {MAX_KEY_BYTES} bytes: a random one for each call that may be repeated."
            )));
        }
        let hash = sha256_hex(input);
        self.ledger()
            .job_of_key(request.owner.as_str(), tool.spec.name, key, &hash)
    }

    /// The tool `name`.
    ///
    /// # Errors
    /// `invalid_argument` with a did-you-mean.
    pub fn tool(&self, name: &str) -> Result<&'static Tool> {
        self.registry.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.registry.iter().map(|tool| tool.spec.name).collect();
            let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
            Error::new(Code::InvalidArgument, format!("there is no tool `{shown}`"))
                .did_you_mean(nearest(name, names.iter().copied()))
                .remedy(format!("The tools are {}.", names.join(", ")))
        })
    }

    fn accept(&self, tool: &Tool, request: &Request, input: &[u8]) -> Result<JobView> {
        let id = JobId::new(tool.spec.name, crate::sys::random_bytes());
        let dir = self.data.job(&id);
        let settings = self.settings()?;
        let env = self.environment(tool, request)?;
        let large = input.len() > ROW_INPUT_BYTES;
        let hook = request
            .on_finish
            .clone()
            .or_else(|| crate::job::hook::words(&settings.on_finish));
        let outcome = write_dir(&dir, input, large, &env)
            .and_then(|()| write_hook_env(&dir, request, hook.is_some()))
            .map(|()| self.adopt_checkpoint(&dir, request))
            .and_then(|()| self.insert(tool, request, &id, input, &settings, hook.as_deref()));
        match outcome {
            Ok(Accepted::New(record)) => {
                failpoint!("accept.after_commit");
                tracing::info!(job = %record.id, "accepted");
                projection::publish_job(&self.data, &record);
                Ok(JobView {
                    waiting_for: self.ledger().waits_of(record.seq)?,
                    ..JobView::lean(&record)
                })
            }
            Ok(Accepted::Replayed(record)) => {
                remove(&dir);
                self.replayed(&record)
            }
            Ok(Accepted::StateMoved) => {
                remove(&dir);
                Err(Error::new(
                    Code::StorageError,
                    "the state that the tool reads changes too fast",
                )
                .remedy("Call again."))
            }
            Err(error) => {
                remove(&dir);
                Err(error)
            }
        }
    }

    /// A retry goes on where the retried job ended; where its checkpoint cannot be had, from the start.
    fn adopt_checkpoint(&self, dir: &JobDir, request: &Request) {
        if let Some(earlier) = &request.retry_of
            && let Err(error) = dir.adopt_checkpoint(&self.data.job(earlier))
        {
            tracing::warn!(job = %earlier, %error, "the checkpoint of the retried job was not copied");
            let _ = files::remove_if_there(&dir.checkpoint());
        }
    }

    fn replayed(&self, record: &JobRecord) -> Result<JobView> {
        let view = self.view_of(record)?;
        Ok(JobView {
            replayed: Some(true),
            ..view
        })
    }

    fn insert(
        &self,
        tool: &Tool,
        request: &Request,
        id: &JobId,
        input: &[u8],
        settings: &Settings,
        hook: Option<&[String]>,
    ) -> Result<Accepted> {
        if !self.ledger().is_still_at(&self.data.ledger()) {
            return Err(Error::storage(
                "accept a job",
                "the ledger was removed or replaced while this program had it open",
            )
            .remedy("Restart this program."));
        }
        let hash = sha256_hex(input);
        for _ in 0..STATE_TRIES {
            let reads = self.check_state(tool, request.owner.as_str())?;
            failpoint!("accept.before_commit", |error| Error::storage(
                "accept a job",
                error
            ));
            let accepted = self
                .ledger()
                .accept(&NewJob {
                    id,
                    owner: request.owner.as_str(),
                    schema_hash: tool.input_hash(),
                    build: &self.build,
                    boot: &self.boot,
                    priority: tool.spec.priority,
                    tool_limit: tool.spec.max_concurrent,
                    now_ms: clock::now_ms(),
                    timeout_ms: timeout_ms(tool.spec.timeout, settings),
                    input: (input.len() <= ROW_INPUT_BYTES).then_some(input),
                    input_hash: &hash,
                    cwd: &request.origin.cwd,
                    patch: tool
                        .spec
                        .state_patch
                        .map(|patch| (patch.field, patch.pointer)),
                    reads: &reads,
                    after: &request.after,
                    idempotency_key: request.idempotency_key.as_deref(),
                    retries: tool.spec.retries,
                    dedupe: tool.spec.dedupe,
                    retry_of: request.retry_of.as_ref(),
                    max_queued: settings.max_queued,
                    hook,
                })
                .map_err(|error| self.name_producer(tool, error))?;
            if !matches!(accepted, Accepted::StateMoved) {
                return Ok(accepted);
            }
        }
        Ok(Accepted::StateMoved)
    }

    /// Checks the present values of the fields that the tool reads against its types; says which
    /// versions were checked. Absent values are not checked: the ledger knows who will write them.
    fn check_state(&self, tool: &Tool, owner: &str) -> Result<BTreeMap<String, Option<i64>>> {
        let mut checked = BTreeMap::new();
        for state in &tool.signature.states {
            let field = state.field;
            let head = self
                .ledger()
                .field(owner, field)?
                .filter(|head| head.present);
            if let Some(head) = &head
                && let Some(value) = self.ledger().value(owner, field, head.version)?
            {
                let json = projection::read_value(&self.data, value)?;
                let value: Value = serde_json::from_slice(&json).map_err(|error| {
                    Error::storage(format_args!("read the state field `{field}`"), error)
                })?;
                tool.signature.check_state(field, &value)?;
            }
            checked.insert(field.to_owned(), head.map(|head| head.version));
        }
        Ok(checked)
    }

    /// Adds to a `missing_state` which tool would fill the field.
    fn name_producer(&self, tool: &Tool, error: Error) -> Error {
        if error.code != Code::MissingState {
            return error;
        }
        let missing = tool
            .signature
            .states
            .iter()
            .find(|state| error.message.contains(&format!("`{}`", state.field)));
        let producer = missing.and_then(|state| self.registry.producer(state.field));
        match (producer, missing) {
            (Some(producer), _) => error.remedy(format!(
                "Call `{}` first: its result becomes that field.",
                producer.name()
            )),
            (None, Some(state)) => error.remedy(format!(
                "No tool writes it; set it with `state set {}`.",
                state.field
            )),
            (None, None) => error,
        }
    }

    fn environment(
        &self,
        tool: &Tool,
        request: &Request,
    ) -> Result<BTreeMap<std::ffi::OsString, std::ffi::OsString>> {
        let extra: Vec<&str> = tool
            .spec
            .pass_env
            .iter()
            .copied()
            .chain(self.options.pass_env.iter().map(String::as_str))
            .collect();
        let env = inherited(&request.origin.env, &extra);
        let bytes: usize = env
            .iter()
            .map(|(name, value)| name.len() + value.len() + 2)
            .sum();
        if bytes > MAX_ENV_BYTES {
            return Err(Error::new(
                Code::TooLarge,
                format!(
                    "the environment for the job has {bytes} bytes; the limit is {MAX_ENV_BYTES}"
                ),
            )
            .remedy("Unset large variables before starting this program."));
        }
        Ok(env)
    }
}

/// A job that submits jobs by re-entering its own program would be a fork bomb.
pub(crate) fn refuse_inside_a_job() -> Result<()> {
    if std::env::var_os(MARK).is_none() {
        return Ok(());
    }
    Err(Error::new(
        Code::StorageError,
        format!("this process runs inside a job ({MARK} is set), where no job can be submitted"),
    )
    .remedy("Chain jobs by state or `--after` instead."))
}

fn timeout_ms(timeout: Timeout, settings: &Settings) -> Option<u64> {
    let limit = match timeout {
        Timeout::Never => return None,
        Timeout::Default => settings.default_timeout,
        Timeout::After(limit) => limit,
    };
    Some(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
}

fn write_dir(
    dir: &JobDir,
    input: &[u8],
    large: bool,
    env: &BTreeMap<std::ffi::OsString, std::ffi::OsString>,
) -> Result<()> {
    let failed = |error| Error::storage("write the job's directory", error);
    let durability = if large {
        Durability::Synced
    } else {
        Durability::Relaxed
    };
    failpoint!("accept.before_dir", failed);
    files::create_private_dir(dir.path()).map_err(failed)?;
    failpoint!("accept.after_dir", failed);
    files::write_new(&dir.input(), input, durability).map_err(failed)?;
    failpoint!("accept.after_input", failed);
    dir.write_env(env).map_err(failed)?;
    if large {
        files::sync_dir(dir.path().parent().unwrap_or(Path::new("/"))).map_err(failed)
    } else {
        Ok(())
    }
}

/// A hook gets the list that every job gets, without what the tool and the program pass on: secrets
/// of a job are not the hook's.
fn write_hook_env(dir: &JobDir, request: &Request, hooked: bool) -> Result<()> {
    if !hooked {
        return Ok(());
    }
    dir.write_hook_env(&inherited(&request.origin.env, &[]))
        .map_err(|error| Error::storage("write the job's directory", error))
}

/// Takes back the directory of a job that was not accepted.
fn remove(dir: &JobDir) {
    // By name: walking the directory would need a descriptor, and their want may be why we are here.
    for file in [dir.input(), dir.env(), dir.hook_env()] {
        let _ = files::remove_if_there(&file);
    }
    if std::fs::remove_dir(dir.path()).is_err() {
        let _ = std::fs::remove_dir_all(dir.path());
    }
}

/// The arguments of a job without those that must not be shown.
pub(super) fn redact(tool: Option<&Tool>, mut input: Map<String, Value>) -> Map<String, Value> {
    for secret in tool
        .into_iter()
        .flat_map(|tool| &tool.signature.args)
        .filter(|arg| arg.skip_log)
    {
        if let Some(value) = input.get_mut(secret.name) {
            *value = Value::from("***");
        }
    }
    input
}
