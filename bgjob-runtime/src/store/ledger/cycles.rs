//! Why no job can wait for itself, however long the way round: whatever is submitted, ended and reset,
//! every wait and every pin leads to an earlier submission.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::samples::{claim_at, new_job};
use super::{Accepted, Claimed, Ledger, NewJob, PatchValue};
use crate::job::id::JobId;
use crate::job::outcome::{Exit, Outcome};
use crate::job::state::JobState;

const FIELDS: [&str; 3] = ["a", "b", "c"];

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Step {
    Submit {
        reads: Vec<usize>,
        writes: Option<usize>,
        after: Vec<usize>,
    },
    /// The next eligible job runs, and completes or fails.
    Run(bool),
    Reset(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let field = 0..FIELDS.len();
    let submit = (
        proptest::collection::vec(field.clone(), 0..3),
        proptest::option::of(field.clone()),
        proptest::collection::vec(0..8usize, 0..3),
    );
    prop_oneof![
        4 => submit.prop_map(|(reads, writes, after)| Step::Submit { reads, writes, after }),
        2 => any::<bool>().prop_map(Step::Run),
        1 => field.prop_map(Step::Reset),
    ]
}

/// Submits; `None` where it is refused.
fn submit(
    ledger: &mut Ledger,
    reads: &[usize],
    writes: Option<usize>,
    after: &[JobId],
) -> Option<JobId> {
    let id = JobId::new("t", crate::sys::random_bytes());
    let mut checked: BTreeMap<String, Option<i64>> = BTreeMap::new();
    for field in reads {
        let head = ledger.field("o", FIELDS[*field]).unwrap();
        let version = head.filter(|head| head.present).map(|head| head.version);
        checked.insert(FIELDS[*field].to_owned(), version);
    }
    let job = NewJob {
        owner: "o",
        patch: writes.map(|field| (FIELDS[field], "")),
        reads: &checked,
        after,
        ..new_job(&id)
    };
    match ledger.accept(&job) {
        Ok(Accepted::New(_)) => Some(id),
        _ => None,
    }
}

fn run_one(ledger: &mut Ledger, completes: bool) {
    let Some(candidate) = ledger.candidates("b", 1, 1).unwrap().pop() else {
        return;
    };
    let claim = claim_at(1);
    let Claimed::Yes(job) = ledger.claim(candidate.seq, &claim).unwrap() else {
        panic!("a candidate can be claimed");
    };
    let outcome = Outcome {
        state: if completes {
            JobState::Completed
        } else {
            JobState::Failed
        },
        error: None,
        exit: Exit::Code(0),
        warning: None,
        leaked: 0,
        usage: None,
        result_bytes: completes.then_some(1),
    };
    let value = PatchValue::Inline(b"1".to_vec());
    let patch = (completes && job.patch.is_some()).then_some(&value);
    let ended = ledger.finish(job.seq, "n", &outcome, patch, 2).unwrap();
    assert!(ended.is_some());
}

fn count(ledger: &Ledger, sql: &str) -> i64 {
    ledger.conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_wait_and_every_pin_leads_to_an_earlier_submission(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        ledger.conn.execute_batch("PRAGMA synchronous = OFF").unwrap();
        ledger.register_build("b", std::iter::once(("t", "h"))).unwrap();
        let mut ids: Vec<JobId> = Vec::new();
        for step in steps {
            match step {
                Step::Submit { reads, writes, after } => {
                    let after: Vec<JobId> = after
                        .iter()
                        .filter_map(|back| ids.iter().rev().nth(*back).cloned())
                        .collect();
                    ids.extend(submit(&mut ledger, &reads, writes, &after));
                }
                Step::Run(completes) => run_one(&mut ledger, completes),
                Step::Reset(field) => {
                    ledger.reset("o", FIELDS[field]).unwrap();
                }
            }
            prop_assert_eq!(count(&ledger, "SELECT count(*) FROM wait WHERE on_job >= job"), 0);
            prop_assert_eq!(count(&ledger, "SELECT count(*) FROM pin WHERE writer >= job"), 0);
        }
        // So the oldest live job waits for nobody, and running what can run ends every job.
        while !ledger.candidates("b", 1, 1).unwrap().is_empty() {
            run_one(&mut ledger, true);
        }
        prop_assert_eq!(count(&ledger, "SELECT count(*) FROM job WHERE state NOT IN ('completed', 'failed', 'cancelled')"), 0);
    }
}
