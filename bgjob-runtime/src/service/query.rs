//! Looking at jobs: reads that write nothing.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::JobService;
use super::submit::redact;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::job::id::{JobId, not_found};
use crate::job::record::JobRecord;
use crate::job::request::Owner;
use crate::job::state::JobState;
use crate::job::view::JobView;
use crate::store::files;
use crate::store::ledger::ListFilter;

const INPUT_BYTES: u64 = 64 << 20;

/// How a job stands: its row and what is told of it, both of one moment.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The ledger's row.
    pub record: JobRecord,
    /// What a caller needs to know of it.
    pub view: JobView,
    /// When it last said how far it is, in ms since the epoch; of running jobs.
    pub said_at: Option<i64>,
}

impl JobService {
    /// The ledger's row of a job.
    ///
    /// # Errors
    /// `job_not_found` for unknown and foreign ids alike.
    pub fn record(&self, owner: &Owner, id: &JobId) -> Result<JobRecord> {
        self.ledger()
            .job(owner.as_str(), id)?
            .ok_or_else(|| not_found(id.as_str()))
    }

    /// The id that `text` is, or is the unique beginning of.
    ///
    /// # Errors
    /// `job_not_found`, or `invalid_argument` when several begin so.
    pub fn resolve(&self, owner: &Owner, text: &str) -> Result<JobId> {
        if let Ok(id) = text.parse::<JobId>() {
            return self.record(owner, &id).map(|job| job.id);
        }
        let plain = !text.is_empty()
            && text.len() <= 64
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b));
        if !plain {
            return Err(not_found(text));
        }
        match &self.ledger().ids_with_prefix(owner.as_str(), text)?[..] {
            [] => Err(not_found(text)),
            [only] => only.parse(),
            [first, second, ..] => Err(Error::new(
                Code::InvalidArgument,
                format!("`{text}` is the beginning of several job ids"),
            )
            .remedy(format!("Give more of it: {first} or {second}."))),
        }
    }

    /// What a caller needs to know of a job.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn view(&self, owner: &Owner, id: &JobId) -> Result<JobView> {
        self.view_of(&self.record(owner, id)?)
    }

    /// The row of a job and what a caller needs to know of it.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn standing(&self, owner: &Owner, id: &JobId) -> Result<Standing> {
        let record = self.record(owner, id)?;
        let view = self.view_of(&record)?;
        let running = Some(&record).filter(|job| job.state.is_running());
        let said_at = running
            .and_then(|job| self.progress(job))
            .map(|progress| progress.at_ms);
        Ok(Standing {
            record,
            view,
            said_at,
        })
    }

    /// Everything about a job.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn full_view(&self, owner: &Owner, id: &JobId) -> Result<JobView> {
        let job = self.record(owner, id)?;
        let full = JobView::full(&job);
        let attempts = self.ledger().attempts(job.seq)?;
        let hook = self.ledger().hook(job.seq)?;
        Ok(JobView {
            tool: full.tool,
            submitted_at: full.submitted_at,
            started_at: full.started_at,
            ended_at: full.ended_at,
            attempt: full.attempt,
            exit: full.exit,
            usage: full.usage,
            silent_s: self.silent_s(&job),
            attempts: attempts.into_iter().map(Into::into).collect(),
            hook: hook.map(Into::into),
            artifacts: self.list_artifacts(id)?,
            dir: Some(self.data.job(id).path().display().to_string()),
            ..self.view_of(&job)?
        })
    }

    /// Jobs of `owner`, newest first, without their results; and the cursor of the next page.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn list(&self, owner: &Owner, filter: &ListFilter) -> Result<(Vec<JobView>, Option<i64>)> {
        let page = self.ledger().list(owner.as_str(), filter)?;
        let views = page.jobs.iter().map(|job| JobView {
            tool: Some(job.tool.clone()),
            submitted_at: Some(clock::rfc3339(job.submitted_at)),
            ..self.with_live_facts(job, JobView::lean(job))
        });
        let mut views: Vec<JobView> = views.collect();
        self.explain_queued(owner, &page.jobs, &mut views)?;
        Ok((views, page.next))
    }

    /// The arguments of a job, those marked `skip_log` shown as `***`.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error` when the file is gone.
    pub fn input(&self, owner: &Owner, id: &JobId) -> Result<Map<String, Value>> {
        Ok(redact(
            self.registry.get(id.tool()),
            self.raw_input(owner, id)?,
        ))
    }

    pub(super) fn raw_input(&self, owner: &Owner, id: &JobId) -> Result<Map<String, Value>> {
        let job = self.record(owner, id)?;
        let unreadable =
            |why: &dyn std::fmt::Display| Error::storage("read the job's arguments", why);
        // The file of a small one is a copy that a power cut may have emptied.
        let bytes = match self.ledger().input(job.seq)? {
            (Some(row), _) => row,
            (None, _) => files::read_capped(&self.data.job(id).input(), INPUT_BYTES)
                .map_err(|error| unreadable(&error))?,
        };
        serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))
    }

    /// The folder of a job.
    ///
    /// # Errors
    /// `job_not_found`.
    pub fn dir(&self, owner: &Owner, id: &JobId) -> Result<PathBuf> {
        self.record(owner, id)?;
        Ok(self.data.job(id).path().to_path_buf())
    }

    /// What a caller needs to know of a job whose row was read.
    ///
    /// # Errors
    /// `storage_error`.
    pub fn view_of(&self, job: &JobRecord) -> Result<JobView> {
        let mut view = self.with_live_facts(job, JobView::lean(job));
        match job.state {
            JobState::Queued => {
                let ledger = self.ledger();
                let place = ledger.queue_position(job)?;
                self.moment(&ledger)?
                    .explain(&ledger, job, place, &mut view)?;
            }
            JobState::Completed => {
                view.result = self.small_result(job);
                view.artifacts = self.list_artifacts(&job.id)?;
            }
            JobState::InputRequired => {
                let open = self.ledger().open_questions(job)?;
                view.questions = open.into_iter().map(Into::into).collect();
            }
            _ => {}
        }
        Ok(view)
    }
}
