//! Hooks: which are due, and what became of them.

use rusqlite::{OptionalExtension, Transaction, params};

use super::Ledger;
use super::finish::json;
use crate::error::Result;
use crate::job::hook::{HookOutcome, HookRecord};

impl Ledger {
    /// The jobs whose hooks are due, the longest first; those that run now are among them.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn due_hooks(&self, limit: u32) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT job FROM hook INDEXED BY hook_due WHERE due = 1 ORDER BY job LIMIT ?1",
        )?;
        Ok(statement
            .query_map([limit], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The hook of the job at `seq`.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn hook(&self, seq: i64) -> Result<Option<HookRecord>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT command, due, starts, outcome FROM hook WHERE job = ?1")?;
        let found = statement.query_row([seq], |row| {
            let (command, outcome): (String, Option<String>) = (row.get(0)?, row.get(3)?);
            Ok(HookRecord {
                command: serde_json::from_str(&command).unwrap_or_default(),
                due: row.get(1)?,
                starts: row.get(2)?,
                outcome: outcome.and_then(|text| serde_json::from_str(&text).ok()),
            })
        });
        Ok(found.optional()?)
    }

    /// Notes that the hook of the job at `seq` is being started: before it is, so that nobody
    /// starts it unnoticed. `None` when it is not due.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn begin_hook(&mut self, seq: i64, now_ms: i64) -> Result<Option<HookRecord>> {
        let begun = self.write(|tx| {
            Ok(tx
                .prepare_cached("UPDATE hook SET starts = starts + 1, started_at = ?2 WHERE job = ?1 AND due = 1")?
                .execute(params![seq, now_ms])?)
        })?;
        match begun {
            0 => Ok(None),
            _ => self.hook(seq),
        }
    }

    /// Writes what became of the hook of the job at `seq`.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn end_hook(&mut self, seq: i64, outcome: &HookOutcome, now_ms: i64) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("UPDATE hook SET due = 0, ended_at = ?2, failed = ?3, outcome = ?4 WHERE job = ?1 AND due = 1")?
                .execute(params![seq, now_ms, outcome.is_failure(), json(Some(outcome))])?;
            Ok(())
        })
    }

    /// How many hooks failed since then, and the job of the last of them.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn failed_hooks(&self, since_ms: i64) -> Result<(u64, Option<String>)> {
        let mut statement = self.conn.prepare_cached(
            "SELECT count(*), (SELECT j.id FROM hook h JOIN job j ON j.seq = h.job WHERE h.failed = 1 ORDER BY h.ended_at DESC LIMIT 1)
             FROM hook WHERE failed = 1 AND ended_at >= ?1",
        )?;
        Ok(statement.query_row([since_ms], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }
}

/// Records the hook of a new job.
pub(super) fn add(tx: &Transaction<'_>, seq: i64, command: &[String]) -> Result<()> {
    tx.prepare_cached("INSERT INTO hook (job, command) VALUES (?1, ?2)")?
        .execute(params![seq, json(Some(&command))])?;
    Ok(())
}
