//! Opening, holding and closing a ledger.

use rusqlite::StatementStatus;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_full_disk_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    let fill = "PRAGMA max_page_count = 1; CREATE TABLE full AS SELECT zeroblob(1000000)";
    let error = Error::from(ledger.conn.execute_batch(fill).unwrap_err());
    let remedy = error.remedy.as_deref().unwrap_or_default();
    assert!(remedy.starts_with("Make room on the disk"), "{error:?}");
}

#[test]
fn a_new_ledger_is_private_and_sound() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.integrity_problems().unwrap(), Vec::<String>::new());
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_ledger_from_the_future_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    Ledger::open(&path)
        .unwrap()
        .set_setting("min_writer_version", "99", Source::Set)
        .unwrap();
    assert!(
        Ledger::open(&path)
            .unwrap_err()
            .message
            .contains("newer version")
    );
}

/// A fresh file, not yet in write-ahead mode, that somebody holds for writing.
fn held(path: &Path) -> Connection {
    let holder = Connection::open(path).unwrap();
    holder
        .execute_batch("BEGIN IMMEDIATE; CREATE TABLE t (x)")
        .unwrap();
    holder
}

#[test]
fn sqlite_refuses_the_switch_of_the_journal_without_asking_the_handler() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let holder = held(&path);
    let mut other = Connection::open(&path).unwrap();
    static ASKED: AtomicBool = AtomicBool::new(false);
    other
        .busy_handler(Some(|_| {
            ASKED.store(true, Ordering::Relaxed);
            false
        }))
        .unwrap();
    let refused = other.execute_batch("PRAGMA journal_mode = WAL");
    assert!(is_busy(&refused.unwrap_err()) && !ASKED.load(Ordering::Relaxed));
    let opening = std::thread::spawn(move || Ledger::open(&path));
    holder.execute_batch("COMMIT").unwrap();
    drop(holder);
    opening.join().unwrap().unwrap();
}

#[test]
fn a_ledger_that_is_held_for_ever_is_an_error_and_no_hang() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let mut ledger = Ledger::open(&path).unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let error = ledger
        .set_setting("max_jobs", "1", Source::Set)
        .unwrap_err();
    // 1 s of tries; trying all of that again as often would be minutes.
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(
        error
            .remedy
            .is_some_and(|remedy| remedy.contains("holds it"))
    );
}

#[test]
fn the_log_shrinks_again_once_nobody_reads_what_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let ledger = Ledger::open(&path).unwrap();
    let log = || {
        std::fs::metadata(path.with_extension("db-wal"))
            .unwrap()
            .len()
    };
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT 1 FROM job").unwrap();
    let fill = "CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(9 << 20))";
    ledger.conn.execute_batch(fill).unwrap();
    assert!(log() > 9 << 20);
    drop(reader);
    // The first is written behind what is checkpointed then, the second from the beginning.
    let small = "DROP TABLE t; CREATE TABLE t (x); DROP TABLE t";
    ledger.conn.execute_batch(small).unwrap();
    assert!(log() <= 4 << 20, "{}", log());
}

#[test]
fn a_statement_is_not_prepared_again_for_other_values() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    for tool in ["a", "b", "c"] {
        ledger.runs("local", tool).unwrap();
    }
    let mut runs = ledger.conn.prepare_cached(run_time::RUNS).unwrap();
    assert!(runs.exists(["local", "d"]).is_ok());
    assert_eq!(runs.get_status(StatementStatus::RePrepare), 0);
    assert_eq!(runs.get_status(StatementStatus::Run), 4);
}

#[test]
fn a_file_that_is_no_ledger_is_one_clear_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    std::fs::write(
        &path,
        "not a database, and longer than a hundred bytes ".repeat(4),
    )
    .unwrap();
    let error = Ledger::open(&path).unwrap_err();
    assert_eq!(error.code, Code::StorageError);
    assert!(error.message.starts_with("cannot open the ledger"));
}
