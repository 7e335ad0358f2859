//! How long jobs took: what is left of them when they are deleted. A trigger of the schema writes it.

use rusqlite::OptionalExtension;

use super::Ledger;
use crate::error::Result;

impl Ledger {
    /// How many jobs of a tool have completed since the ledger was made; 0 where none has.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn runs(&self, tool: &str) -> Result<u64> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT n FROM run_time WHERE tool = ?1 ORDER BY n DESC LIMIT 1")?;
        let last: Option<u64> = statement.query_row([tool], |row| row.get(0)).optional()?;
        Ok(last.unwrap_or(0))
    }

    /// How long the last completed jobs of a tool ran, in ms, in no particular order; a hundred at most.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn run_times(&self, tool: &str) -> Result<Vec<u64>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT ms FROM run_time WHERE tool = ?1")?;
        Ok(statement
            .query_map([tool], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::super::{Accepted, Claim, Claimed, NewJob};
    use super::*;
    use crate::error::{Code, Error};
    use crate::job::id::JobId;
    use crate::job::outcome::{Exit, Outcome};
    use crate::job::state::JobState;

    fn run(ledger: &mut Ledger, number: u32, ms: i64, state: JobState) {
        let mut random = [0; 20];
        for (at, byte) in random.iter_mut().enumerate().take(4) {
            *byte = u8::try_from(number >> (5 * at) & 31).unwrap();
        }
        let id = JobId::new("t", random);
        let accepted = ledger.accept(&NewJob {
            id: &id,
            owner: "local",
            schema_hash: "h",
            build: "b",
            boot: "boot",
            priority: 0,
            tool_limit: None,
            now_ms: 1,
            timeout_ms: None,
            input: Some(b"{}"),
            input_hash: "x",
            cwd: Path::new("/"),
            patch: None,
            reads: &BTreeMap::new(),
            after: &[],
            idempotency_key: None,
            retries: None,
            dedupe: None,
            retry_of: None,
            max_queued: 1000,
            hook: None,
        });
        let Ok(Accepted::New(record)) = accepted else {
            panic!("{accepted:?}")
        };
        let claim = Claim {
            build: "b",
            nonce: "n",
            boot: "boot",
            now_ms: 1000,
        };
        let claimed = ledger.claim(record.seq, &claim).unwrap();
        assert!(matches!(claimed, Claimed::Yes(_)));
        let failed = state != JobState::Completed;
        let outcome = Outcome {
            state,
            error: failed.then(|| Error::new(Code::Crashed, "x")),
            exit: Exit::Code(0),
            warning: None,
            leaked: 0,
            usage: None,
            result_bytes: None,
        };
        ledger
            .finish(record.seq, "n", &outcome, None, 1000 + ms)
            .unwrap()
            .unwrap();
    }

    #[test]
    fn the_last_hundred_completed_runs_are_kept_whatever_becomes_of_their_jobs() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        ledger
            .conn
            .execute_batch("PRAGMA synchronous = OFF")
            .unwrap();
        ledger
            .register_build("b", [("t", "h")].into_iter())
            .unwrap();
        assert_eq!(ledger.runs("t").unwrap(), 0);
        assert_eq!(ledger.run_times("t").unwrap(), Vec::<u64>::new());
        run(&mut ledger, 0, 7, JobState::Failed);
        assert_eq!(ledger.runs("t").unwrap(), 0, "a failure is no measure");
        for number in 1..=150 {
            run(&mut ledger, number, i64::from(number), JobState::Completed);
        }
        ledger.conn.execute("DELETE FROM job", []).unwrap();
        assert_eq!(ledger.runs("t").unwrap(), 150);
        let mut kept = ledger.run_times("t").unwrap();
        kept.sort_unstable();
        assert_eq!(kept, (51..=150).collect::<Vec<u64>>());
        // The clock was set back while it ran.
        run(&mut ledger, 151, -500, JobState::Completed);
        assert!(ledger.run_times("t").unwrap().contains(&0));
    }

    #[test]
    fn a_ledger_of_the_first_format_keeps_what_it_knows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let mut ledger = Ledger::open(&path).unwrap();
        ledger
            .register_build("b", [("t", "h")].into_iter())
            .unwrap();
        for number in 1..=3 {
            run(&mut ledger, number, 10, JobState::Completed);
        }
        ledger
            .conn
            .execute_batch("DROP TABLE run_time; DROP TRIGGER job_timed; DROP INDEX job_owner_id; DROP TABLE question; DROP TABLE queued;
                DROP TRIGGER job_came; DROP TRIGGER job_came_back; DROP TRIGGER job_left; DROP TRIGGER job_gone;
                DROP TABLE hook; DROP TRIGGER hook_becomes_due; ALTER TABLE setting DROP COLUMN source; PRAGMA user_version = 1")
            .unwrap();
        drop(ledger);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.run_times("t").unwrap(), [10, 10, 10]);
        assert_eq!(ledger.runs("t").unwrap(), 3);
    }
}
