//! State fields: versions, pins, resets.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::Ledger;
use crate::error::Result;
use crate::job::id::JobId;
use crate::job::record::{FieldRecord, VersionRecord};

/// Where a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredValue {
    /// Its JSON.
    Inline(Vec<u8>),
    /// The name of a file in the data directory's `values`.
    File(String),
}

/// A state value that a job was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedValue {
    /// The field.
    pub field: String,
    /// The version.
    pub version: i64,
    /// The value.
    pub value: StoredValue,
}

#[expect(clippy::too_many_arguments, reason = "one for each column of the row")]
pub(super) fn add_version(
    tx: &Transaction<'_>,
    owner: &str,
    field: &str,
    value: Option<&Vec<u8>>,
    file: Option<&String>,
    bytes: u64,
    job: Option<&JobId>,
    now_ms: i64,
) -> Result<i64> {
    let version: i64 = tx
        .prepare_cached(
            "INSERT INTO field (owner, name, version, present) VALUES (?1, ?2, 1, 1)
             ON CONFLICT (owner, name) DO UPDATE SET version = version + 1, present = 1 RETURNING version",
        )?
        .query_row([owner, field], |row| row.get(0))?;
    tx.prepare_cached("INSERT INTO value (owner, field, version, value, file, bytes, job, set_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![owner, field, version, value, file, i64::try_from(bytes).unwrap_or(i64::MAX), job.map(JobId::as_str), now_ms])?;
    Ok(version)
}

impl Ledger {
    /// A field of `owner`, if it was ever set or reset.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn field(&self, owner: &str, name: &str) -> Result<Option<FieldRecord>> {
        let mut statement = self
            .conn
            .prepare_cached(&format!("{FIELDS} WHERE f.owner = ?1 AND f.name = ?2"))?;
        Ok(statement
            .query_row([owner, name], field_record)
            .optional()?)
    }

    /// All fields of `owner`, by name.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn fields(&self, owner: &str) -> Result<Vec<FieldRecord>> {
        let mut statement = self
            .conn
            .prepare_cached(&format!("{FIELDS} WHERE f.owner = ?1 ORDER BY f.name"))?;
        Ok(statement
            .query_map([owner], field_record)?
            .collect::<Result<_, _>>()?)
    }

    /// Every owner's fields.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn all_fields(&self) -> Result<Vec<(String, FieldRecord)>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT DISTINCT owner FROM field")?;
        let owners: Vec<String> = statement
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut all = Vec::new();
        for owner in owners {
            let fields = self.fields(&owner)?;
            all.extend(fields.into_iter().map(|field| (owner.clone(), field)));
        }
        Ok(all)
    }

    /// One version of a field, if it is still kept.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn value(&self, owner: &str, field: &str, version: i64) -> Result<Option<StoredValue>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT value, file FROM value WHERE owner = ?1 AND field = ?2 AND version = ?3",
        )?;
        Ok(statement
            .query_row(params![owner, field, version], stored)
            .optional()?)
    }

    /// The kept versions of a field, newest first, at most `limit`.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn history(&self, owner: &str, field: &str, limit: u32) -> Result<Vec<VersionRecord>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT v.version, v.job, v.set_at, v.bytes, f.present AND f.version = v.version FROM value v
             JOIN field f ON f.owner = v.owner AND f.name = v.field
             WHERE v.owner = ?1 AND v.field = ?2 ORDER BY v.version DESC LIMIT ?3",
        )?;
        let rows = statement.query_map(params![owner, field, limit], |row| {
            Ok(VersionRecord {
                version: row.get(0)?,
                job: row.get(1)?,
                set_at: row.get(2)?,
                bytes: u64::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
                present: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The values that the job at `seq` was promised.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn pinned(&self, owner: &str, seq: i64) -> Result<Vec<PinnedValue>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT v.value, v.file, p.field, p.version FROM pin p
             JOIN value v ON v.owner = ?1 AND v.field = p.field AND v.version = p.version WHERE p.job = ?2 ORDER BY p.field",
        )?;
        let rows = statement.query_map(params![owner, seq], |row| {
            Ok(PinnedValue {
                field: row.get(2)?,
                version: row.get(3)?,
                value: stored(row)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Sets a field by hand; the new version.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn set_value(
        &mut self,
        owner: &str,
        field: &str,
        value: &StoredValue,
        bytes: u64,
        now_ms: i64,
    ) -> Result<i64> {
        let (inline, file) = match value {
            StoredValue::Inline(json) => (Some(json), None),
            StoredValue::File(name) => (None, Some(name)),
        };
        self.write(|tx| add_version(tx, owner, field, inline, file, bytes, None, now_ms))
    }

    /// Empties a field: jobs submitted before do not write it any more. False if it had no value
    /// and no job was about to write it.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written.
    pub fn reset(&mut self, owner: &str, field: &str) -> Result<bool> {
        self.write(|tx| {
            let had: Option<bool> = tx
                .prepare_cached("SELECT present FROM field WHERE owner = ?1 AND name = ?2")?
                .query_row([owner, field], |row| row.get(0))
                .optional()?;
            tx.prepare_cached(
                "INSERT INTO field (owner, name, generation) VALUES (?1, ?2, 1)
                 ON CONFLICT (owner, name) DO UPDATE SET generation = generation + 1, present = 0",
            )?
            .execute([owner, field])?;
            Ok(had.unwrap_or(false))
        })
    }
}

const FIELDS: &str = "SELECT f.name, f.version, f.generation, f.present, v.job, v.set_at, v.bytes FROM field f
    LEFT JOIN value v ON v.owner = f.owner AND v.field = f.name AND v.version = f.version AND f.present";

fn field_record(row: &Row<'_>) -> rusqlite::Result<FieldRecord> {
    Ok(FieldRecord {
        field: row.get(0)?,
        version: row.get(1)?,
        generation: row.get(2)?,
        present: row.get(3)?,
        job: row.get(4)?,
        set_at: row.get(5)?,
        bytes: row
            .get::<_, Option<i64>>(6)?
            .and_then(|bytes| u64::try_from(bytes).ok()),
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<StoredValue> {
    let inline: Option<Vec<u8>> = row.get(0)?;
    Ok(match inline {
        Some(json) => StoredValue::Inline(json),
        None => StoredValue::File(row.get(1)?),
    })
}
