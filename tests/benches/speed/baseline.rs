//! What the machine itself can do, measured in the same run.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::plain;
use super::table::Times;

/// One write of 4 KiB and its fdatasync.
pub fn fdatasync(dir: &Path, times: &mut Times) {
    let path = dir.join("probe");
    let file = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .expect("a file");
    let begun = Instant::now();
    (&file)
        .write_all(&[7; 4096])
        .and_then(|()| file.sync_data())
        .expect("a disk");
    times.push(begun.elapsed());
}

/// A ledger with one table and no framework around it.
pub struct Commits(rusqlite::Connection);

impl Commits {
    /// A new one in `dir`.
    pub fn new(dir: &Path) -> Self {
        let conn = rusqlite::Connection::open(dir.join("bare.db")).expect("a database");
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS t (a);",
        )
        .expect("a table");
        Commits(conn)
    }

    /// One durable commit.
    pub fn commit(&self) -> Duration {
        let begun = Instant::now();
        let mut insert = self
            .0
            .prepare_cached("INSERT INTO t VALUES (zeroblob(300))")
            .expect("a statement");
        insert.execute([]).expect("a row");
        begun.elapsed()
    }
}

/// Starts the program of the tests as something that leaves at once: what one exec of it costs.
fn exec() -> Child {
    Command::new(plain())
        .arg0("bgjob")
        .arg("__work")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// One exec of the program that runs the jobs, reaped.
pub fn self_exec() -> Duration {
    let begun = Instant::now();
    let _ = exec().wait();
    begun.elapsed()
}

/// Jobs per second of the least that is isolated and durable: an exec of the same program and two
/// durable commits for each, two at a time.
pub fn least_throughput(dir: &Path, jobs: usize) -> f64 {
    let commits = Commits::new(dir);
    let begun = Instant::now();
    let mut running: std::collections::VecDeque<Child> = std::collections::VecDeque::new();
    for _ in 0..jobs {
        commits.commit();
        if running.len() == 2
            && let Some(mut oldest) = running.pop_front()
        {
            let _ = oldest.wait();
            commits.commit();
        }
        running.push_back(exec());
    }
    for mut left in running {
        let _ = left.wait();
        commits.commit();
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let jobs = jobs as f64;
    jobs / begun.elapsed().as_secs_f64()
}
