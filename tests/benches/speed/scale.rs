//! What a hundred thousand jobs and ten thousand waiting ones do to the figures.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Client;
use super::table::{Budget, Table, Times};
use super::{scratch, seed, settle, times};

/// Prints the table of scale, with `jobs` finished ones.
pub fn run(table: &mut Table, jobs: usize) {
    table.part(&format!("scale: {jobs} finished jobs, p50 in us"));
    finished(table, jobs);
    queued(table);
}

fn cold_starts(dir: &Path) -> Times {
    let mut times = Times::default();
    for _ in 0..11 {
        times.push(Client::ours(dir).first_answer);
    }
    times
}

fn finished(table: &mut Table, jobs: usize) {
    let (few, many) = (scratch(), scratch());
    seed::finished(few.path(), 100);
    seed::finished(many.path(), jobs);
    let conn = seed::ledger(many.path());
    let bytes: f64 = conn
        .query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
            [],
            |row| row.get(0),
        )
        .expect("a size");
    drop(conn);
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    let each = bytes / jobs as f64;
    table.alone(
        "ledger bytes for each finished job",
        each,
        Budget::Most(2048.0),
    );
    let (cold, cold_few) = (cold_starts(many.path()), cold_starts(few.path()));
    table.row(
        "cold start to the first answer",
        cold.p50(),
        cold_few.p50(),
        "own with 100",
        Budget::Times(2.0),
    );
    let mut servers = [few.path(), many.path()].map(Client::ours);
    let ids = [few.path(), many.path()].map(|dir| seed::newest(&seed::ledger(dir), 100));
    let polls = [0, 1].map(|which| {
        let (server, ids): (&mut Client, _) = (&mut servers[which], &ids[which]);
        times(200, |n| server.poll(&ids[n % ids.len()]).1)
    });
    table.row(
        "poll",
        polls[1].p50(),
        polls[0].p50(),
        "own at 100",
        Budget::Times(1.5),
    );
    let list = times(50, |_| servers[1].call("list_jobs", json!({"limit": 50})).1);
    table.row(
        "list of the newest 50, p50 (budget in us)",
        list.p50(),
        f64::NAN,
        "",
        Budget::Most(5000.0),
    );
    let list = times(20, |_| {
        servers[1]
            .call("list_jobs", json!({"limit": 50, "state": "failed"}))
            .1
    });
    table.alone(
        "list of failed jobs, of which there are none",
        list.p50(),
        Budget::None,
    );
    let handles = [0, 1].map(|which| {
        let server = &mut servers[which];
        times(50, |_| {
            let (id, took) = server.submit();
            server.wait(&id);
            took
        })
    });
    table.row(
        "call -> handle",
        handles[1].p50(),
        handles[0].p50(),
        "own at 100",
        Budget::Times(1.5),
    );
    prune(table, &mut servers[1], many.path(), &polls[1]);
    drop(servers);
    settle(few.path());
    settle(many.path());
}

/// Everything is out of date: a new server prunes beside its answers.
fn prune(table: &mut Table, server: &mut Client, dir: &Path, before: &Times) {
    let conn = seed::ledger(dir);
    let left = || -> usize {
        conn.query_row("SELECT count(*) FROM job", [], |row| row.get(0))
            .expect("a count")
    };
    let kept = server.submit().0;
    server.wait(&kept);
    let was = left();
    conn.execute_batch("UPDATE setting SET value = '1s' WHERE name = 'retention'")
        .expect("a setting");
    std::thread::sleep(Duration::from_millis(1100));
    let mut pruner = Client::ours(dir);
    let begun = Instant::now();
    let (mut polls, mut handles) = (Times::default(), Times::default());
    while left() > was / 10 && begun.elapsed() < Duration::from_secs(60) {
        let (id, took) = pruner.submit();
        handles.push(took);
        polls.push(pruner.poll(&id).1);
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = begun.elapsed().as_secs_f64();
    table.alone(&format!("prune of {was}, s"), took, Budget::None);
    table.row(
        "poll meanwhile, p50",
        polls.p50(),
        before.p50(),
        "own before",
        Budget::None,
    );
    table.alone("poll meanwhile, p99", polls.at(99), Budget::None);
    table.alone(
        "call -> handle meanwhile, p99",
        handles.at(99),
        Budget::None,
    );
}

/// Submissions and claims before a long queue.
fn queued(table: &mut Table) {
    let dirs = [scratch(), scratch()];
    let sizes = [10, 10_000];
    let mut handles = Vec::new();
    let mut rates = Vec::new();
    for (dir, size) in dirs.iter().zip(sizes) {
        seed::finished(dir.path(), 1);
        let conn = seed::ledger(dir.path());
        // Nothing starts: memory is always short by then.
        conn.execute_batch("UPDATE setting SET value = '1000000000' WHERE name = 'min_memory_mib'")
            .expect("a setting");
        seed::copies(&conn, size, "queued");
        seed::startable(dir.path(), &conn, 200);
        let mut server = Client::ours(dir.path());
        handles.push(times(100, |_| server.submit().1));
        conn.execute_batch("UPDATE setting SET value = '0' WHERE name = 'min_memory_mib'")
            .expect("a setting");
        rates.push(drain(&conn, 60));
        // What is left ends here, unseen.
        conn.execute_batch("UPDATE job SET state = 'cancelled' WHERE state = 'queued'")
            .expect("an end");
        drop(server);
        settle(dir.path());
    }
    table.row(
        "call -> handle with 10,000 queued",
        handles[1].p50(),
        handles[0].p50(),
        "own with 10",
        Budget::Times(1.5),
    );
    table.row(
        "one job claimed, run and ended, us",
        rates[1],
        rates[0],
        "own with 10",
        Budget::Times(1.5),
    );
}

/// How long each of the next `n` jobs takes while the queue drains, in us.
fn drain(conn: &rusqlite::Connection, n: usize) -> f64 {
    let ended = || -> usize {
        conn.query_row(
            "SELECT value FROM counter WHERE name = 'completion_seq'",
            [],
            |row| row.get(0),
        )
        .expect("a count")
    };
    let was = ended();
    bgjob_tests::until("the queue moves", || ended() > was + 5);
    let (begun, from) = (Instant::now(), ended());
    bgjob_tests::until("some jobs have ended", || ended() >= from + n);
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let some = (ended() - from) as f64;
    begun.elapsed().as_secs_f64() * 1e6 / some
}
