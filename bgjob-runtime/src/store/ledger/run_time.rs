//! How long jobs took: what is left of them when they are deleted. A trigger of the schema writes it.

use rusqlite::OptionalExtension;

use super::Ledger;
use crate::error::Result;

pub(super) const RUNS: &str =
    "SELECT n FROM run_time WHERE owner = ?1 AND tool = ?2 ORDER BY n DESC LIMIT 1";

impl Ledger {
    /// How many jobs of a tool have completed for an owner since the ledger was made; 0 where none has.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn runs(&self, owner: &str, tool: &str) -> Result<u64> {
        let mut statement = self.conn.prepare_cached(RUNS)?;
        let last: Option<u64> = statement
            .query_row([owner, tool], |row| row.get(0))
            .optional()?;
        Ok(last.unwrap_or(0))
    }

    /// How long an owner's last completed jobs of a tool ran, in ms, in no particular order; a hundred
    /// at most.
    ///
    /// # Errors
    /// `storage_error` when the ledger cannot be read.
    pub fn run_times(&self, owner: &str, tool: &str) -> Result<Vec<u64>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT ms FROM run_time WHERE owner = ?1 AND tool = ?2")?;
        Ok(statement
            .query_map([owner, tool], |row| row.get(0))?
            .collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::super::samples::{claim_at, new_job};
    use super::super::{Accepted, Claimed, MIGRATIONS, NewJob};
    use super::*;
    use crate::error::{Code, Error};
    use crate::job::id::JobId;
    use crate::job::outcome::{Exit, Outcome};
    use crate::job::state::JobState;

    fn run(ledger: &mut Ledger, owner: &str, number: u32, ms: i64, state: JobState) {
        let mut random = [0; 20];
        for (at, byte) in random.iter_mut().enumerate().take(4) {
            *byte = u8::try_from(number >> (5 * at) & 31).unwrap();
        }
        let id = JobId::new("t", random);
        let accepted = ledger.accept(&NewJob {
            owner,
            ..new_job(&id)
        });
        let Ok(Accepted::New(record)) = accepted else {
            panic!("{accepted:?}")
        };
        let claim = claim_at(1000);
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
        assert_eq!(ledger.runs("local", "t").unwrap(), 0);
        assert_eq!(ledger.run_times("local", "t").unwrap(), Vec::<u64>::new());
        run(&mut ledger, "local", 0, 7, JobState::Failed);
        assert_eq!(
            ledger.runs("local", "t").unwrap(),
            0,
            "a failure is no measure"
        );
        for number in 1..=150 {
            run(
                &mut ledger,
                "local",
                number,
                i64::from(number),
                JobState::Completed,
            );
        }
        ledger.conn.execute("DELETE FROM job", []).unwrap();
        assert_eq!(ledger.runs("local", "t").unwrap(), 150);
        let mut kept = ledger.run_times("local", "t").unwrap();
        kept.sort_unstable();
        assert_eq!(kept, (51..=150).collect::<Vec<u64>>());
        // The clock was set back while it ran.
        run(&mut ledger, "local", 151, -500, JobState::Completed);
        assert!(ledger.run_times("local", "t").unwrap().contains(&0));
    }

    #[test]
    fn each_owner_has_times_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        ledger
            .register_build("b", [("t", "h")].into_iter())
            .unwrap();
        for number in 1..=3 {
            run(&mut ledger, "alice", number, 10, JobState::Completed);
        }
        run(&mut ledger, "bob", 4, 70, JobState::Completed);
        let of = |owner| {
            (
                ledger.runs(owner, "t").unwrap(),
                ledger.run_times(owner, "t").unwrap(),
            )
        };
        assert_eq!(of("alice"), (3, vec![10, 10, 10]));
        assert_eq!(of("bob"), (1, vec![70]));
        assert_eq!(of("local"), (0, vec![]));
    }

    /// A ledger as an earlier format has it, with completed jobs of the tool `t`: their owners, and how
    /// long they ran.
    fn of_format(path: &Path, format: usize, jobs: &[(&str, i64)]) -> Connection {
        let ledger = Connection::open(path).unwrap();
        for migration in &MIGRATIONS[..format] {
            ledger.execute_batch(migration).unwrap();
        }
        ledger.pragma_update(None, "user_version", format).unwrap();
        for (n, (owner, ms)) in jobs.iter().enumerate() {
            ledger
                .execute(
                    "INSERT INTO job (id, owner, tool, schema_hash, build, state, submitted_at, submit_boot,
                         started_at, ended_at, input_hash, cwd, completion_seq)
                     VALUES ('t-' || ?1, ?2, 't', 'h', 'b', 'completed', 0, 'boot', 0, ?3, 'x', x'2f', ?1)",
                    (n, owner, ms),
                )
                .unwrap();
        }
        ledger
    }

    #[test]
    fn a_ledger_of_the_first_format_keeps_what_it_knows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        drop(of_format(&path, 1, &[("local", 10); 3]));
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.run_times("local", "t").unwrap(), [10, 10, 10]);
        assert_eq!(ledger.runs("local", "t").unwrap(), 3);
    }

    /// Two jobs that are there and, in the sixth format, what is known of six that are not.
    fn sixth(path: &Path, jobs: &[(&str, i64)]) -> Connection {
        let ledger = of_format(path, 6, jobs);
        ledger
            .execute_batch(
                "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 8)
                 INSERT INTO run_time (tool, n, ms) SELECT 't', n, n FROM n",
            )
            .unwrap();
        ledger
    }

    #[test]
    fn the_times_of_before_are_the_local_user_s_where_there_is_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        drop(sixth(&path, &[("local", 7), ("local", 8)]));
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.runs("local", "t").unwrap(), 8);
        let known = ledger.run_times("local", "t").unwrap();
        assert_eq!(known, (1..=8).collect::<Vec<u64>>());
    }

    #[test]
    fn the_times_of_before_that_might_be_anybody_s_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        drop(sixth(&path, &[("local", 7), ("alice", 8)]));
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.run_times("local", "t").unwrap(), [7]);
        assert_eq!(ledger.run_times("alice", "t").unwrap(), [8]);
        // Somebody had a job once, and it is gone.
        let path = dir.path().join("another.db");
        sixth(&path, &[("local", 7)])
            .execute("INSERT INTO queued (owner, n) VALUES ('bob', 0)", [])
            .unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.run_times("local", "t").unwrap(), [7]);
        assert_eq!(ledger.run_times("bob", "t").unwrap(), Vec::<u64>::new());
    }
}
