//! Mending what somebody's death left half-shown: the ledger is right, its readable copies may lag.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::JobService;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::job::id::JobId;
use crate::job::record::JobRecord;
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::job::view::{JobView, ViewState};
use crate::store::files;
use crate::store::job_dir::JobDir;
use crate::store::ledger::{Adopted, AdoptedField, StoredValue};
use crate::store::projection;
use crate::supervisor::commit::{self, INLINE_VALUE_BYTES, sha256_hex};
use crate::sys::lock::Lock;

/// How many of the latest ends are looked at when nobody asks for all.
const LATEST: u32 = 64;
/// Temporary files that nobody renamed for this long belong to the dead.
const LITTER_AGE: Duration = Duration::from_secs(3600);
const RECORD_BYTES: u64 = 4 << 20;
const STATE_BYTES: u64 = 1 << 30;

/// What was put right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Ended jobs that are shown as ended now.
    pub shown: u64,
    /// Readable copies of state fields.
    pub fields: u64,
    /// Jobs of a lost ledger.
    pub adopted: u64,
    /// State fields of a lost ledger.
    pub adopted_fields: u64,
    /// Forgotten temporary files.
    pub litter: u64,
}

#[derive(Deserialize)]
struct JobFile {
    #[serde(default)]
    owner: Option<String>,
    #[serde(flatten)]
    view: JobView,
}

#[derive(Deserialize)]
struct FieldFile<'a> {
    version: i64,
    #[serde(borrow)]
    value: &'a RawValue,
}

impl JobService {
    /// Finishes what whoever ended the latest jobs did not live to show. Cheap when all is well.
    pub(super) fn mend_latest(&self) -> Result<Mended> {
        Ok(Mended {
            shown: self.show_ended(LATEST, |dir, _| projection::is_unfinished(dir))?,
            fields: self.show_fields()?,
            ..Mended::default()
        })
    }

    /// Mends everything that can be mended, and adopts what a lost ledger left.
    pub(super) fn mend_all(&self) -> Result<Mended> {
        // Adopted first: a field that is not in the ledger yet would lose its only copy.
        let adopted_fields = self.adopt_fields()?;
        Ok(Mended {
            adopted: self.adopt_jobs()?,
            adopted_fields,
            shown: self.show_ended(u32::MAX, |dir, job| {
                projection::is_unfinished(dir) || !projection::shows_end(dir, job)
            })?,
            fields: self.show_fields()?,
            litter: self.sweep_litter(),
        })
    }

    fn show_ended(&self, limit: u32, lags: impl Fn(&JobDir, &JobRecord) -> bool) -> Result<u64> {
        let mut shown = 0;
        let ended = self.ledger().latest_ended(limit)?;
        for job in ended {
            if lags(&self.data.job(&job.id), &job) {
                self.show(job);
                shown += 1;
            }
        }
        Ok(shown)
    }

    fn show(&self, record: JobRecord) {
        let finished = crate::store::ledger::Finished {
            record,
            dependents: Vec::new(),
        };
        commit::publish(&self.data, &self.ledger(), &finished);
    }

    fn show_fields(&self) -> Result<u64> {
        let mut shown = 0;
        let fields = self.ledger().all_fields()?;
        for (owner, field) in fields {
            let owner = Owner(owner);
            let path = self.data.state_file(&owner, &field.field);
            if !projection::shows_field(&path, &field) {
                projection::publish_field(&self.data, &self.ledger(), &owner, &field.field)?;
                shown += 1;
            }
        }
        Ok(shown)
    }

    fn adopt_jobs(&self) -> Result<u64> {
        let mut adopted = 0;
        for entry in fs::read_dir(self.data.jobs())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<JobId>().ok()) else {
                continue;
            };
            let dir = JobDir::new(entry.path());
            let claimed = dir.lock().exists() || dir.exit_record().exists();
            let known = self.ledger().has_job(&id)?;
            if claimed && !known && !dir.condemned().exists() && self.adopt_job(&id, &dir)? {
                adopted += 1;
            }
        }
        Ok(adopted)
    }

    fn adopt_job(&self, id: &JobId, dir: &JobDir) -> Result<bool> {
        // Held: its supervisor runs it yet, and what it will be is not known.
        let Ok(Some(_lock)) = Lock::try_take(&dir.lock()) else {
            return Ok(false);
        };
        let told = files::read_capped(&dir.record(), RECORD_BYTES)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<JobFile>(&bytes).ok());
        let result_bytes = self.find_result(dir);
        let owner = told.as_ref().and_then(|file| file.owner.clone());
        let view = told.map_or_else(|| JobView::bare(ViewState::Running), |file| file.view);
        let (state, error) = end_of(&view, result_bytes.is_some());
        let input = files::read_capped(&dir.input(), STATE_BYTES).unwrap_or_default();
        let ms = |text: &Option<String>| text.as_deref().and_then(clock::parse_rfc3339);
        let ended = ms(&view.ended_at).unwrap_or_else(clock::now_ms);
        let job = self.ledger().adopt(&Adopted {
            id,
            owner: owner.as_deref().unwrap_or(Owner::local().as_str()),
            schema_hash: self
                .registry
                .get(id.tool())
                .map_or("", |tool| tool.input_hash()),
            build: &self.build,
            boot: &self.boot,
            input_hash: &sha256_hex(&input),
            cwd: Path::new("/"),
            state,
            times: (
                ms(&view.submitted_at).unwrap_or(ended),
                ms(&view.started_at).or((state == JobState::Completed).then_some(ended)),
                ended,
            ),
            attempt: view.attempt.unwrap_or(1),
            error: error.as_ref(),
            exit: view.exit,
            usage: view.usage,
            result_bytes: result_bytes.filter(|_| state == JobState::Completed),
        })?;
        let Some(job) = job else { return Ok(false) };
        self.show(job);
        Ok(true)
    }

    /// The size of the job's whole result, after giving it its plain name.
    fn find_result(&self, dir: &JobDir) -> Option<u64> {
        if !dir.results().is_file() {
            let of_attempt = |name: &str| name.starts_with("results.") && name.ends_with(".json");
            let found = fs::read_dir(dir.path())
                .ok()?
                .flatten()
                .find(|entry| entry.file_name().to_str().is_some_and(of_attempt))?;
            fs::rename(found.path(), dir.results()).ok()?;
        }
        commit::check_result(&dir.results()).ok().flatten()
    }

    fn adopt_fields(&self) -> Result<u64> {
        let (mut adopted, owner) = (0, Owner::local());
        for entry in fs::read_dir(self.data.state())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let Some(field) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
                continue;
            };
            if field.starts_with('.') || self.ledger().field(owner.as_str(), field)?.is_some() {
                continue;
            }
            let Ok(bytes) = files::read_capped(&entry.path(), STATE_BYTES) else {
                continue;
            };
            if let Ok(file) = serde_json::from_slice::<FieldFile<'_>>(&bytes)
                && self.adopt_field(&owner, field, &file)?
            {
                adopted += 1;
            }
        }
        Ok(adopted)
    }

    fn adopt_field(&self, owner: &Owner, field: &str, file: &FieldFile<'_>) -> Result<bool> {
        let json = file.value.get().as_bytes();
        let value = if json.len() as u64 <= INLINE_VALUE_BYTES {
            StoredValue::Inline(json.to_vec())
        } else {
            self.store_large(json)?
        };
        self.ledger().adopt_field(&AdoptedField {
            owner: owner.as_str(),
            field,
            version: file.version.max(1),
            value: &value,
            bytes: json.len() as u64,
            set_at: clock::now_ms(),
        })
    }

    /// Removes temporary files whose writer died before the rename.
    fn sweep_litter(&self) -> u64 {
        let folders = fs::read_dir(self.data.jobs())
            .into_iter()
            .flatten()
            .flatten();
        folders
            .map(|entry| entry.path())
            .chain([self.data.state(), self.data.values()])
            .map(|folder| sweep_folder(&folder))
            .sum()
    }
}

fn sweep_folder(folder: &Path) -> u64 {
    let litter = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let old = entry
                .metadata()
                .ok()
                .filter(fs::Metadata::is_file)
                .and_then(|meta| meta.modified().ok())
                .and_then(|at| SystemTime::now().duration_since(at).ok())
                .is_some_and(|age| age > LITTER_AGE);
            old && entry.file_name().to_string_lossy().starts_with(".tmp-")
        });
    litter
        .filter(|entry| fs::remove_file(entry.path()).is_ok())
        .count() as u64
}

/// How a job ended whose row is lost: as its readable copy says, or by what is left of it.
fn end_of(view: &JobView, has_result: bool) -> (JobState, Option<Error>) {
    let lost = |what: &str| {
        let error = Error::new(
            Code::SupervisorLost,
            format!("the ledger was lost {what}; how the job ended is unknown"),
        );
        (JobState::Failed, Some(error.remedy("Retry the job.")))
    };
    match view.state {
        ViewState::Failed => (JobState::Failed, view.error.clone()),
        ViewState::Cancelled => (JobState::Cancelled, None),
        _ if has_result => (JobState::Completed, None),
        ViewState::Completed => lost("with the job's result"),
        _ => lost("while the job ran"),
    }
}

impl Mended {
    /// What was done, in words; empty when nothing was.
    pub fn words(&self) -> Vec<String> {
        let say = |count: u64, what: &str| (count > 0).then(|| format!("{what}: {count}"));
        [
            say(
                self.adopted,
                "jobs of a lost ledger were adopted from their folders",
            ),
            say(
                self.adopted_fields,
                "state fields of a lost ledger were read back from their copies",
            ),
            say(
                self.shown,
                "ended jobs whose files were not in their final places were put right",
            ),
            say(
                self.fields,
                "readable copies of state fields were written anew",
            ),
            say(self.litter, "temporary files of dead writers were removed"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
