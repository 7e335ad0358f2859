//! Finding the earlier job that stands for a new call.

use rusqlite::{Transaction, params};

use super::accept::{NewJob, Pin};
use super::row::{COLUMNS, record};
use crate::error::Result;
use crate::job::record::JobRecord;
use crate::job::retry::Dedupe;

/// The newest job of the same owner, tool and input that is recent enough and was promised the same
/// state. On other state the same input is another question.
pub(super) fn same_call(
    tx: &Transaction<'_>,
    job: &NewJob<'_>,
    pins: &[Pin<'_>],
) -> Result<Option<JobRecord>> {
    let (Some(dedupe), None, None) = (job.dedupe, job.idempotency_key, job.retry_of) else {
        return Ok(None);
    };
    let since = match dedupe {
        Dedupe::InFlight => i64::MAX,
        Dedupe::Within(window) => job
            .now_ms
            .saturating_sub(i64::try_from(window.as_millis()).unwrap_or(i64::MAX)),
    };
    let mut statement = tx.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM job INDEXED BY job_same
         WHERE dedupe = 1 AND owner = ?1 AND tool = ?2 AND input_hash = ?3 AND schema_hash = ?4
         AND (state IN ('queued', 'running', 'input_required') AND cancel_requested_at IS NULL
              OR state = 'completed' AND submitted_at >= ?5)
         ORDER BY seq DESC"
    ))?;
    let mut same = statement.query_map(
        params![
            job.owner,
            job.id.tool(),
            job.input_hash,
            job.schema_hash,
            since
        ],
        record,
    )?;
    while let Some(earlier) = same.next().transpose()? {
        if promised_the_same(tx, earlier.seq, pins)? {
            return Ok(Some(earlier));
        }
    }
    Ok(None)
}

fn promised_the_same(tx: &Transaction<'_>, earlier: i64, pins: &[Pin<'_>]) -> Result<bool> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM pin WHERE job = ?1 AND field = ?2
         AND CASE WHEN ?3 IS NULL THEN writer = ?4 AND version IS NULL ELSE version = ?3 END)",
    )?;
    for pin in pins {
        let same: bool = statement.query_row(
            params![earlier, pin.field, pin.version, pin.writer],
            |row| row.get(0),
        )?;
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}
