//! Questions of running jobs: the supervisor carries them here, front-ends answer them here, and whether
//! any is open decides between `running` and `input_required`, in the same transaction.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Map, Value};

use super::Ledger;
use super::query::{by_id, by_seq};
use crate::error::Result;
use crate::job::id::{JobId, not_found};
use crate::job::question::{Answer, Delivery, QuestionRecord, Wanted, not_open};
use crate::job::record::JobRecord;
use crate::job::state::JobState;

/// What the ledger has of a question that is asked again.
struct Stored {
    nonce: Option<String>,
    round: u32,
    text: String,
    schema: String,
    answered: bool,
}

/// The answer to one question.
#[derive(Clone, Debug)]
pub struct Given {
    /// The question as it was when the answer was checked.
    pub question: QuestionRecord,
    /// What was said.
    pub answer: Answer,
}

impl Ledger {
    /// Makes the open questions of the attempt `nonce` be those in `wanted`, but for those that are
    /// answered already, by whomever and in whichever attempt. The job's new row, if it changed.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be written; then nothing has changed.
    pub fn ask(
        &mut self,
        seq: i64,
        nonce: &str,
        wanted: &[Wanted],
        now_ms: i64,
    ) -> Result<Option<JobRecord>> {
        self.write(|tx| {
            let job = by_seq(tx, seq)?
                .filter(|job| job.state.is_running() && job.nonce.as_deref() == Some(nonce));
            let Some(job) = job else {
                return Ok(None);
            };
            let mut changed = withdraw(tx, seq, nonce, wanted)?;
            for (place, question) in wanted.iter().enumerate() {
                changed |= put(tx, seq, nonce, place, question, now_ms)?;
            }
            settle(tx, &job, changed)
        })
    }

    /// The answers that the attempt `nonce` of the job at `seq` is to be told, by key.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn answers(&self, seq: i64, nonce: &str) -> Result<BTreeMap<String, Delivery>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT key, round, answer FROM question WHERE job = ?1 AND nonce = ?2 AND answer IS NOT NULL",
        )?;
        let rows = statement.query_map(params![seq, nonce], |row| {
            let delivery = Delivery {
                round: row.get("round")?,
                answer: parsed(row, "answer")?,
            };
            Ok((row.get("key")?, delivery))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a job asks now, in the order of asking.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn open_questions(&self, job: &JobRecord) -> Result<Vec<QuestionRecord>> {
        if job.state != JobState::InputRequired {
            return Ok(Vec::new());
        }
        open(&self.conn, job)
    }

    /// Answers questions of the job `id` of `owner`: all of them or none.
    ///
    /// # Errors
    /// `job_not_found`; `no_open_question` for one that is not open any more; `storage_error`.
    pub fn answer(
        &mut self,
        owner: &str,
        id: &JobId,
        given: &[Given],
        now_ms: i64,
    ) -> Result<JobRecord> {
        self.write(|tx| {
            let job = by_id(tx, owner, id.as_str())?.ok_or_else(|| not_found(id.as_str()))?;
            for Given { question, answer } in given {
                let taken = job.state == JobState::InputRequired
                    && tx
                        .prepare_cached(
                            "UPDATE question SET answer = ?4, answered_at = ?5 WHERE job = ?1 AND key = ?2 AND round = ?3
                             AND nonce = ?6 AND answer IS NULL",
                        )?
                        .execute(params![job.seq, question.key, question.round, text(answer), now_ms, job.nonce])?
                        == 1;
                if !taken {
                    return Err(not_open(&question.key, &open(tx, &job)?));
                }
            }
            Ok(settle(tx, &job, !given.is_empty())?.unwrap_or(job))
        })
    }
}

/// Questions that the attempt does not ask any more; the answered ones stay on record.
fn withdraw(tx: &Transaction<'_>, seq: i64, nonce: &str, wanted: &[Wanted]) -> Result<bool> {
    let keys: Vec<&str> = wanted
        .iter()
        .map(|question| question.key.as_str())
        .collect();
    let gone = tx
        .prepare_cached(
            "UPDATE question SET nonce = NULL WHERE job = ?1 AND nonce = ?2 AND answer IS NULL
             AND key NOT IN (SELECT value FROM json_each(?3))",
        )?
        .execute(params![seq, nonce, text(&keys)])?;
    Ok(gone > 0)
}

/// Opens a question unless it is open or answered; says whether it did.
fn put(
    tx: &Transaction<'_>,
    seq: i64,
    nonce: &str,
    place: usize,
    wanted: &Wanted,
    now_ms: i64,
) -> Result<bool> {
    let stored = stored(tx, seq, &wanted.key)?;
    let schema = text(&wanted.schema);
    let round = match &stored {
        Some(stored)
            if stored.answered && stored.schema == schema && stored.round >= wanted.round =>
        {
            // Known already: this attempt is told, and nobody is asked.
            tx.prepare_cached("UPDATE question SET nonce = ?3 WHERE job = ?1 AND key = ?2")?
                .execute(params![seq, wanted.key, nonce])?;
            return Ok(false);
        }
        Some(stored) if stored.answered => wanted.round.max(stored.round + 1),
        Some(stored) if is_same(stored, nonce, wanted, &schema) => return Ok(false),
        Some(stored) => wanted.round.max(stored.round),
        None => wanted.round,
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO question (job, key, place, nonce, round, message, schema, refused, asked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        seq,
        wanted.key,
        i64::try_from(place).unwrap_or(i64::MAX),
        nonce,
        round,
        wanted.message,
        schema,
        wanted.refused,
        now_ms
    ])?;
    Ok(true)
}

fn is_same(stored: &Stored, nonce: &str, wanted: &Wanted, schema: &str) -> bool {
    stored.nonce.as_deref() == Some(nonce)
        && stored.text == wanted.message
        && stored.schema == schema
        && stored.round >= wanted.round
}

fn stored(tx: &Transaction<'_>, seq: i64, key: &str) -> Result<Option<Stored>> {
    let mut statement = tx.prepare_cached(
        "SELECT nonce, round, message, schema, answer IS NOT NULL AS answered FROM question WHERE job = ?1 AND key = ?2",
    )?;
    let row = |row: &Row<'_>| {
        Ok(Stored {
            nonce: row.get("nonce")?,
            round: row.get("round")?,
            text: row.get("message")?,
            schema: row.get("schema")?,
            answered: row.get("answered")?,
        })
    };
    Ok(statement.query_row(params![seq, key], row).optional()?)
}

fn open(conn: &Connection, job: &JobRecord) -> Result<Vec<QuestionRecord>> {
    let mut statement = conn.prepare_cached(
        "SELECT key, round, message, schema, refused FROM question
         WHERE job = ?1 AND nonce = ?2 AND answer IS NULL ORDER BY asked_at, place, key",
    )?;
    let rows = statement.query_map(params![job.seq, job.nonce], |row| {
        Ok(QuestionRecord {
            key: row.get("key")?,
            round: row.get("round")?,
            message: row.get("message")?,
            schema: parsed::<Map<String, Value>>(row, "schema")?,
            refused: row.get("refused")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The state that a live job has with its questions as they are now; its row, if anything changed.
fn settle(tx: &Transaction<'_>, job: &JobRecord, changed: bool) -> Result<Option<JobRecord>> {
    let asks = !open(tx, job)?.is_empty();
    let state = if asks {
        JobState::InputRequired
    } else {
        JobState::Running
    };
    if !changed && (state == job.state || !job.state.is_running()) {
        return Ok(None);
    }
    tx.prepare_cached("UPDATE job SET state = ?2, revision = revision + 1 WHERE seq = ?1")?
        .execute(params![job.seq, state.as_str()])?;
    by_seq(tx, job.seq)
}

fn text(value: &impl serde::Serialize) -> String {
    // Plain data with string keys cannot fail to serialise.
    serde_json::to_string(value).unwrap_or_default()
}

fn parsed<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
