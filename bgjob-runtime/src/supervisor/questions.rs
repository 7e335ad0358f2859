//! Carries a job's questions to the ledger and the answers back. The worker writes what it asks, this
//! process writes what was answered, each in a file of its own; so the worker never opens the ledger.
//!
//! Both files say how things are, not what happened: reading one twice, or missing a wake-up, changes
//! nothing. A failure is tried again at the next look.

use std::collections::BTreeMap;
use std::io;

use crate::clock;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::job::question::{Delivery, MOST_OPEN, Wanted};
use crate::job::record::JobRecord;
use crate::store::data_dir::DataDir;
use crate::store::files::{self, Durability};
use crate::store::job_dir::JobDir;
use crate::store::ledger::Ledger;
use crate::store::projection::publish_job;

/// Questions are small; what is larger was not written by us.
const FILE_BYTES: u64 = 4 << 20;

/// The questions of one attempt.
pub struct Carrier<'a> {
    data: &'a DataDir,
    dir: &'a JobDir,
    nonce: &'a str,
    /// The worker's file as the ledger knows it.
    seen: Vec<u8>,
    asks: bool,
    told: BTreeMap<String, Delivery>,
}

impl<'a> Carrier<'a> {
    /// Nothing is asked yet.
    pub fn new(data: &'a DataDir, dir: &'a JobDir, nonce: &'a str) -> Self {
        Carrier {
            data,
            dir,
            nonce,
            seen: Vec::new(),
            asks: false,
            told: BTreeMap::new(),
        }
    }

    /// Brings the ledger and the worker up to date with each other. A job that never asks costs one
    /// look for a file that is not there.
    pub fn carry(&mut self, ledger: &mut Ledger, job: &JobRecord) {
        let carried = self.ask(ledger, job).and_then(|()| {
            if self.asks {
                self.tell(ledger, job)
            } else {
                Ok(())
            }
        });
        if let Err(error) = carried {
            super::log(&format!("the questions of {}: {error}", job.id));
        }
    }

    fn ask(&mut self, ledger: &mut Ledger, job: &JobRecord) -> Result<()> {
        // Compared as a whole: inode and time may be those of an earlier version.
        let bytes = match files::read_capped(&self.dir.questions(self.nonce), FILE_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::storage("read what the job asks", error)),
        };
        if bytes == self.seen {
            return Ok(());
        }
        let wanted = wanted(&bytes);
        failpoint!("ask.before_commit", |error| {
            Error::storage("note what the job asks", error)
        });
        if let Some(job) = ledger.ask(job.seq, self.nonce, &wanted, clock::now_ms())? {
            failpoint!("ask.after_commit");
            publish_job(self.data, &job);
        }
        (self.seen, self.asks) = (bytes, !wanted.is_empty());
        Ok(())
    }

    fn tell(&mut self, ledger: &Ledger, job: &JobRecord) -> Result<()> {
        let answers = ledger.answers(job.seq, self.nonce)?;
        if answers == self.told {
            return Ok(());
        }
        let json = serde_json::to_vec(&answers).unwrap_or_default();
        failpoint!("tell.before_file", |error| {
            Error::storage("tell the job its answers", error)
        });
        files::write_atomic(&self.dir.answers(self.nonce), &json, Durability::Relaxed)
            .map_err(|error| Error::storage("tell the job its answers", error))?;
        failpoint!("tell.after_file");
        self.told = answers;
        Ok(())
    }
}

/// What the worker asks. It runs foreign code, so nothing of the file is taken on trust: what keeps no
/// limit is left out, and its asker waits until its timeout.
fn wanted(bytes: &[u8]) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = serde_json::from_slice(bytes).unwrap_or_default();
    wanted.retain(|question| question.check().is_ok());
    wanted.truncate(MOST_OPEN);
    wanted
}
