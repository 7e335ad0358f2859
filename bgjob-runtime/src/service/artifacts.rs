//! The files that a tool made beside its result.

use std::fs::File;
use std::io;

use super::JobService;
use crate::error::{Code, Error, Result};
use crate::job::artifact::{ArtifactView, is_name, mime_type};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::store::files;

/// More files than anybody looks through are not listed.
const LISTED: usize = 1000;

impl JobService {
    /// The artifacts of a job by name, those of a running one too; at most a thousand.
    ///
    /// # Errors
    /// `job_not_found`, or `storage_error`.
    pub fn artifacts(&self, owner: &Owner, id: &JobId) -> Result<Vec<ArtifactView>> {
        self.record(owner, id)?;
        self.list_artifacts(id)
    }

    pub(super) fn list_artifacts(&self, id: &JobId) -> Result<Vec<ArtifactView>> {
        let failed = |error: io::Error| Error::storage("list the artifacts", error);
        let dir = match files::open_dir_beneath(self.data.job(id).path(), "artifacts") {
            Ok(dir) => dir,
            // None was ever made, or what is there is no directory of ours.
            Err(_) => return Ok(Vec::new()),
        };
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir).map_err(|error| failed(error.into()))? {
            let entry = entry.map_err(|error| failed(error.into()))?;
            let name = entry.file_name().to_str().ok().filter(|name| is_name(name));
            let Some(name) = name else { continue };
            // A link, a pipe or a folder is no artifact.
            let stat = rustix::fs::statat(&dir, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
            let Ok(stat) = stat else { continue };
            if rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
                found.push(ArtifactView {
                    mime_type: mime_type(name).to_owned(),
                    bytes: u64::try_from(stat.st_size).unwrap_or(0),
                    name: name.to_owned(),
                });
            }
            if found.len() == LISTED {
                break;
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Opens an artifact of a job for reading, never through a link.
    ///
    /// # Errors
    /// `job_not_found`; `artifact_not_found` with the names that there are; `storage_error`.
    pub fn open_artifact(
        &self,
        owner: &Owner,
        id: &JobId,
        name: &str,
    ) -> Result<(File, ArtifactView)> {
        self.record(owner, id)?;
        let file = match is_name(name) {
            true => files::open_beneath(self.data.job(id).path(), "artifacts", name),
            false => Err(io::ErrorKind::NotFound.into()),
        };
        let file = file.map_err(|_| self.no_artifact(id, name))?;
        let meta = file
            .metadata()
            .map_err(|error| Error::storage("read the artifact", error))?;
        let view = ArtifactView {
            name: name.to_owned(),
            bytes: meta.len(),
            mime_type: mime_type(name).to_owned(),
        };
        Ok((file, view))
    }

    fn no_artifact(&self, id: &JobId, name: &str) -> Error {
        const SHOWN: usize = 20;
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let there = self.list_artifacts(id).unwrap_or_default();
        let names: Vec<&str> = there.iter().map(|one| one.name.as_str()).collect();
        let near = crate::error::nearest(name, names.iter().copied()).map(str::to_owned);
        let remedy = match names.as_slice() {
            [] => "It has made none.".to_owned(),
            names => format!("It has {}.", names[..names.len().min(SHOWN)].join(", ")),
        };
        Error::new(
            Code::ArtifactNotFound,
            format!("{id} has no artifact `{shown}`"),
        )
        .did_you_mean(near)
        .remedy(remedy)
    }
}
