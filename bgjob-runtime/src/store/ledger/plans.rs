//! No hot statement reads a whole table: every statement that a job's life and the looks at it run is
//! heard, and its plan asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::samples::{claim_at, new_job};
use super::{Accepted, Claimed, Ledger, ListFilter, NewJob, PatchValue};
use crate::job::id::JobId;
use crate::job::outcome::{Exit, Outcome};
use crate::job::record::JobRecord;
use crate::job::state::JobState;

fn accept(ledger: &mut Ledger, n: u8, after: &[JobId], reads: &[(&str, i64)]) -> JobRecord {
    let id = JobId::new("t", [n; 20]);
    let checked: BTreeMap<String, Option<i64>> = reads
        .iter()
        .map(|(field, version)| ((*field).to_owned(), Some(*version)))
        .collect();
    let accepted = ledger.accept(&NewJob {
        tool_limit: Some(3),
        patch: Some(("field", "")),
        reads: &checked,
        after,
        ..new_job(&id)
    });
    let Ok(Accepted::New(record)) = accepted else {
        panic!("{accepted:?}")
    };
    *record
}

fn run(ledger: &mut Ledger) -> JobRecord {
    let next = ledger.candidates("b", 2, 1).unwrap().pop().expect("a job");
    let claim = claim_at(2);
    let Claimed::Yes(job) = ledger.claim(next.seq, &claim).unwrap() else {
        panic!("the job can be claimed")
    };
    let outcome = Outcome {
        state: JobState::Completed,
        error: None,
        exit: Exit::Code(0),
        warning: None,
        leaked: 0,
        usage: None,
        result_bytes: Some(1),
    };
    let value = PatchValue::Inline(b"1".to_vec());
    let ended = ledger.finish(job.seq, "n", &outcome, Some(&value), 3);
    ended.unwrap().expect("it was ours").record
}

/// A job's life with everything that may be asked of it.
fn live(ledger: &mut Ledger) {
    ledger.settings().unwrap();
    let first = accept(ledger, 1, &[], &[]);
    let second = accept(ledger, 2, std::slice::from_ref(&first.id), &[]);
    ledger.count_alive().unwrap();
    ledger.next_not_before("b", 1).unwrap();
    ledger.queue_position(&second).unwrap();
    ledger.queue_of("local").unwrap();
    ledger.count_alive_of("t").unwrap();
    ledger.can_run("b", &second).unwrap();
    ledger.waits_of(second.seq).unwrap();
    ledger.input(first.seq).unwrap();
    ledger.pinned("local", first.seq).unwrap();
    let ended = run(ledger);
    let third = accept(ledger, 3, &[], &[]);
    ledger.job("local", &third.id).unwrap();
    ledger.job_by_seq(third.seq).unwrap();
    ledger.attempts(third.seq).unwrap();
    ledger.alive().unwrap();
    ledger.latest_ended(10).unwrap();
    ledger.count_queued("local").unwrap();
    ledger.count_running("local").unwrap();
    ledger.runs("local", "t").unwrap();
    ledger.run_times("local", "t").unwrap();
    ledger.ids_with_prefix("local", "t-1").unwrap();
    ledger.field("local", "field").unwrap();
    ledger.value("local", "field", 1).unwrap();
    ledger.cancel("local", &second.id, None, 4).unwrap();
    let filter = ListFilter {
        limit: 50,
        ..ListFilter::default()
    };
    ledger.list("local", &filter).unwrap();
    ledger.ended_before(10).unwrap();
    ledger.count_ended_before(10).unwrap();
    ledger.delete_ended(&[ended.seq]).unwrap();
}

/// What a plan may read from end to end: a handful of rows, or rows of a partial index that holds just
/// those that are wanted.
fn is_fine(step: &str) -> bool {
    const SMALL: [&str; 3] = ["SCAN setting", "SCAN json_each", "SCAN CONSTANT ROW"];
    const WANTED: [&str; 4] = ["job_queue", "job_alive", "job_later", "job_ended"];
    !step.starts_with("SCAN")
        || SMALL.iter().any(|small| step.starts_with(small))
        || WANTED
            .iter()
            .any(|index| step.ends_with(&format!("INDEX {index}")))
}

fn steps(ledger: &Ledger, sql: &str) -> Vec<String> {
    let mut plan = ledger
        .conn
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let parameters = plan.parameter_count();
    let nothing = rusqlite::params_from_iter((0..parameters).map(|_| rusqlite::types::Null));
    let steps = plan.query_map(nothing, |row| row.get("detail")).unwrap();
    steps.collect::<Result<_, _>>().unwrap()
}

#[test]
fn no_hot_statement_reads_a_whole_table() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&dir.path().join("l")).unwrap();
    ledger
        .register_build("b", [("t", "h")].into_iter())
        .unwrap();
    let heard: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let writer = Arc::clone(&heard);
    let listen = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            writer.lock().unwrap().insert(statement.sql().into_owned());
        }
    };
    ledger
        .conn
        .trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(listen))
        .unwrap();
    live(&mut ledger);
    ledger
        .conn
        .trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>)
        .unwrap();
    let heard = heard.lock().unwrap().clone();
    let looked = |sql: &&String| {
        ["SELECT", "INSERT", "UPDATE", "DELETE"]
            .iter()
            .any(|word| sql.starts_with(word))
    };
    let mut bad = Vec::new();
    let statements: Vec<&String> = heard.iter().filter(looked).collect();
    for sql in &statements {
        for step in steps(&ledger, sql) {
            if !is_fine(&step) {
                bad.push(format!("{step}: {sql}"));
            }
        }
    }
    assert!(
        statements.len() > 30,
        "{} statements were heard",
        statements.len()
    );
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_count_of_the_queue_is_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&dir.path().join("l")).unwrap();
    ledger
        .register_build("b", [("t", "h")].into_iter())
        .unwrap();
    let same = |ledger: &Ledger, n: u64| {
        let counted: u64 = ledger
            .conn
            .query_row(
                "SELECT count(*) FROM job WHERE state = 'queued'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!((counted, ledger.count_queued("local").unwrap()), (n, n));
    };
    for n in 1..=3 {
        accept(&mut ledger, n, &[], &[]);
    }
    same(&ledger, 3);
    run(&mut ledger);
    same(&ledger, 2);
    let next = ledger.candidates("b", 2, 1).unwrap().pop().unwrap();
    let claim = claim_at(2);
    ledger.claim(next.seq, &claim).unwrap();
    same(&ledger, 1);
    ledger.give_back(next.seq, "n", 0).unwrap();
    same(&ledger, 2);
    ledger.cancel("local", &next.id, None, 4).unwrap();
    same(&ledger, 1);
}
