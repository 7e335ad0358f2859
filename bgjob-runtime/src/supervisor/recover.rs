//! Ending jobs whose supervisor died: any process may do it, and doing it twice is harmless.
//!
//! A free `lock` proves the supervisor dead, but its worker may run user code for a moment longer;
//! so the tree is swept and `tree.lock` taken before anything is judged. A job whose body has not
//! begun is not lost: it goes back to the queue.

use std::time::{Duration, Instant};

use super::commit::{End, commit};
use super::holder::Holder;
use super::overdue;
use crate::clock;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::job::outcome::{Cause, Exit};
use crate::job::record::JobRecord;
use crate::store::data_dir::DataDir;
use crate::store::files::create_private_dir;
use crate::store::job_dir::JobDir;
use crate::store::ledger::Ledger;
use crate::store::projection::publish_job;
use crate::sys::lock::Lock;
use crate::sys::sweep;

/// How long a tree may resist before the job is left visibly running until the next look.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often an attempt goes back to the queue: what kills its supervisor each time is the job.
const CHANCES: u32 = 3;

/// Ends every running job whose supervisor is dead; says how many. One that cannot be ended does
/// not keep the others from it.
///
/// # Errors
/// `storage_error` when the ledger cannot be used, or the last job's that could not be ended.
pub fn recover(data: &DataDir, ledger: &mut Ledger, boot: &str) -> Result<usize> {
    let (mut ended, mut failed) = (0, None);
    for job in ledger.alive()? {
        match recover_one(data, ledger, &job, boot) {
            Ok(true) => ended += 1,
            Ok(false) => {}
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if ended == 0 => Err(error),
        _ => Ok(ended),
    }
}

fn recover_one(data: &DataDir, ledger: &mut Ledger, job: &JobRecord, boot: &str) -> Result<bool> {
    let dir = data.job(&job.id);
    let failed = |error| Error::storage("look after a lost job", error);
    create_private_dir(dir.path()).map_err(failed)?;
    let lock = match Lock::try_take(&dir.lock()).map_err(failed)? {
        None if overdue::enforce(&dir.lock(), boot) => {
            Lock::try_take(&dir.lock()).map_err(failed)?
        }
        other => other,
    };
    let Some(_lock) = lock else {
        return Ok(false);
    };
    failpoint!("reconcile.after_lock");
    // It may have ended, and even have been claimed again, between the list and the lock.
    let Some(now) = ledger
        .job_by_seq(job.seq)?
        .filter(|now| now.state.is_running() && now.nonce == job.nonce)
    else {
        return Ok(false);
    };
    let nonce = now.nonce.clone().unwrap_or_default();
    // In another boot nothing of the job can be alive, and no number in its records means anything.
    let _tree = if now.boot.as_deref() == Some(boot) {
        match clear(&dir, &format!("{}:{nonce}", now.id)).map_err(failed)? {
            Some(tree) => Some(tree),
            None => return Ok(false),
        }
    } else {
        None
    };
    failpoint!("reconcile.after_sweep");
    if never_began(&dir, &now, &nonce, boot) && ledger.times_claimed(&now)? <= CHANCES {
        failpoint!("reconcile.before_give_back");
        let back = ledger.give_back(now.seq, &nonce, clock::now_ms())?;
        if let Some(job) = &back {
            publish_job(data, job);
        }
        return Ok(back.is_some());
    }
    Ok(commit(data, ledger, &now, &evidence_of(&dir, &now, &nonce), boot)?.is_some())
}

/// Whether the body of the attempt provably has not begun, so that it can begin as if nothing had
/// happened. What was written in another boot may be lost with it, and proves nothing.
fn never_began(dir: &JobDir, job: &JobRecord, nonce: &str, boot: &str) -> bool {
    let promised = || {
        Holder::read(&dir.lock())
            .is_some_and(|holder| holder.boot == boot && holder.nonce.as_deref() == Some(nonce))
    };
    job.boot.as_deref() == Some(boot)
        && job.cancel_requested_at.is_none()
        && promised()
        && !dir.may_have_begun(nonce)
}

/// Kills what is left of the job until its tree lock is free, and takes that.
fn clear(dir: &JobDir, mark: &str) -> std::io::Result<Option<Lock>> {
    let until = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        failpoint!("reconcile.before_sweep");
        let killed = sweep::kill_tree(mark, &dir.tree_lock());
        if killed == 0
            && let Some(lock) = Lock::try_take(&dir.tree_lock())?
        {
            return Ok(Some(lock));
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn evidence_of(dir: &JobDir, job: &JobRecord, nonce: &str) -> End {
    if let Some(record) = dir.read_exit_record(nonce) {
        return End {
            exit: record.exit,
            cause: record.cause,
            leaked: 0,
            usage: record.usage,
        };
    }
    // How it ended is unknown; that somebody wanted it ended, and that it has, is known.
    let cause = job.cancel_requested_at.map(|_| Cause::Cancel);
    End {
        exit: Exit::Unknown,
        cause,
        leaked: 0,
        usage: None,
    }
}
