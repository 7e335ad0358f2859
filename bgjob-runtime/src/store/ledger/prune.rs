//! Forgetting ended jobs: the row goes first, so that nobody finds a half-deleted job.

use rusqlite::params;

use super::Ledger;
use crate::error::Result;
use crate::job::id::JobId;

/// At most this many rows a transaction, so that no writer waits long behind a big prune.
const BATCH: u32 = 200;

impl Ledger {
    /// Jobs that ended before `before_ms`, oldest first, at most a batch.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn ended_before(&self, before_ms: i64) -> Result<Vec<(i64, JobId)>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT seq, id FROM job INDEXED BY job_ended WHERE ended_at IS NOT NULL AND ended_at < ?1 ORDER BY ended_at LIMIT ?2",
        )?;
        let rows = statement.query_map(params![before_ms, BATCH], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })?;
        let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
        Ok(rows
            .into_iter()
            .filter_map(|(seq, id)| Some((seq, id.parse().ok()?)))
            .collect())
    }

    /// How many jobs ended before `before_ms`.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn count_ended_before(&self, before_ms: i64) -> Result<u64> {
        let mut statement = self.conn.prepare_cached("SELECT count(*) FROM job INDEXED BY job_ended WHERE ended_at IS NOT NULL AND ended_at < ?1")?;
        Ok(statement.query_row([before_ms], |row| row.get(0))?)
    }

    /// Deletes the rows of ended jobs; live jobs are never touched.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn delete_ended(&mut self, seqs: &[i64]) -> Result<()> {
        self.write(|tx| {
            let mut delete = tx.prepare_cached(
                "DELETE FROM job WHERE seq = ?1 AND state IN ('completed', 'failed', 'cancelled')",
            )?;
            for seq in seqs {
                delete.execute([seq])?;
            }
            Ok(())
        })
    }

    /// Deletes superseded state values set before `before_ms` that no job is promised; returns the
    /// files that held them.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn delete_superseded_values(&mut self, before_ms: i64) -> Result<Vec<String>> {
        self.write(|tx| {
            let mut delete = tx.prepare_cached(
                "DELETE FROM value WHERE set_at < ?1
                 AND NOT EXISTS (SELECT 1 FROM field f WHERE f.owner = value.owner AND f.name = value.field
                                 AND f.version = value.version AND f.present)
                 AND NOT EXISTS (SELECT 1 FROM pin p JOIN job j ON j.seq = p.job WHERE p.field = value.field
                                 AND p.version = value.version AND j.owner = value.owner
                                 AND j.state IN ('queued', 'running', 'input_required'))
                 RETURNING file",
            )?;
            let files: Vec<Option<String>> = delete.query_map([before_ms], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(files.into_iter().flatten().collect())
        })
    }

    /// Whether a value file is still named by the ledger.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn names_value_file(&self, file: &str) -> Result<bool> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT 1 FROM value WHERE file = ?1")?;
        Ok(statement.exists([file])?)
    }
}
