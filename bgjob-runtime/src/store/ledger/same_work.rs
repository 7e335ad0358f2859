//! A foreign id and one that nobody has cost the same: every statement that they run is heard, and the
//! steps that SQLite's virtual machine takes for it are counted.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::StatementStatus;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::samples::{claim_at, new_job};
use super::{Accepted, Ledger, NewJob};
use crate::job::id::JobId;

fn accept(ledger: &mut Ledger, owner: &str, n: u8) -> i64 {
    let accepted = ledger.accept(&NewJob {
        owner,
        ..new_job(&id(n))
    });
    match accepted {
        Ok(Accepted::New(record)) => record.seq,
        other => panic!("{other:?}"),
    }
}

fn id(n: u8) -> JobId {
    JobId::new("t", [n; 20])
}

type Heard = Arc<Mutex<Vec<(String, i32)>>>;

fn listen(ledger: &mut Ledger) -> Heard {
    let heard = Heard::default();
    let writer = Arc::clone(&heard);
    let hear = move |event: TraceEvent<'_>| {
        if let TraceEvent::Profile(statement, _) = event {
            let steps = statement.get_status(StatementStatus::VmStep);
            let mut heard = writer.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push((statement.sql().into_owned(), steps));
        }
    };
    let codes = TraceEventCodes::SQLITE_TRACE_PROFILE;
    ledger.conn.trace_v2(codes, Some(hear)).unwrap();
    heard
}

/// The statements that a request runs, and the steps of each; a kept statement counts on and on.
fn work(heard: &Heard, mut request: impl FnMut()) -> Vec<(String, i32)> {
    let take = || std::mem::take(&mut *heard.lock().unwrap());
    take();
    request();
    let before = take();
    request();
    let after = take();
    let kept = |(sql, steps): &(String, i32)| {
        let earlier = before.iter().filter(|(other, _)| other == sql);
        let earlier = earlier.map(|(_, steps)| *steps).max().unwrap_or(0);
        let delta = if *steps > earlier {
            steps - earlier
        } else {
            *steps
        };
        (sql.clone(), delta)
    };
    after.iter().map(kept).collect()
}

type Request = fn(&mut Ledger, &JobId);

/// What may be asked of the ledger with nothing but an id and an owner.
fn requests() -> [(&'static str, Request); 3] {
    [
        ("look", |ledger, id| {
            assert!(ledger.job("bob", id).unwrap().is_none());
        }),
        ("cancel", |ledger, id| {
            assert!(ledger.cancel("bob", id, None, 9).is_err());
        }),
        ("answer", |ledger, id| {
            assert!(ledger.answer("bob", id, &[], 9).is_err());
        }),
    ]
}

#[test]
fn a_foreign_id_and_none_take_the_same_statements_and_steps() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&dir.path().join("l")).unwrap();
    ledger
        .register_build("b", [("t", "h")].into_iter())
        .unwrap();
    let running = accept(&mut ledger, "alice", 10);
    let claim = claim_at(2);
    ledger.claim(running, &claim).unwrap();
    accept(&mut ledger, "alice", 20);
    accept(&mut ledger, "bob", 15);
    let heard = listen(&mut ledger);
    for (name, request) in requests() {
        let nobody_s = work(&heard, || request(&mut ledger, &id(17)));
        assert!(!nobody_s.is_empty(), "{name}: nothing was heard");
        for foreign in [10, 20] {
            let foreign = work(&heard, || request(&mut ledger, &id(foreign)));
            assert_eq!(foreign, nobody_s, "{name}");
        }
    }
    // The measure tells: one's own job takes more.
    let own = work(&heard, || drop(ledger.job("bob", &id(15)).unwrap()));
    let none = work(&heard, || drop(ledger.job("bob", &id(17)).unwrap()));
    assert!(own[0].1 > none[0].1, "{own:?} {none:?}");
}
