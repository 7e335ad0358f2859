//! The paths of one job: call, look, result, end; bursts, throughput, start.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::baseline::{self, Commits};
use super::client::Client;
use super::table::{Budget, Table, Times};
use super::{scratch, settle};

/// Times of every path, ours and the baselines', taken in turn.
#[derive(Default)]
struct Rounds {
    peer_handle: Times,
    peer_poll: Times,
    peer_self_exec: Times,
    fdatasync: Times,
    commit: Times,
    self_exec: Times,
    handle: Times,
    poll: Times,
    result: Times,
    done: Times,
    poll_at_once: Times,
    woken: Times,
    rested_handle: Times,
    rested_done: Times,
}

/// Prints the table of the paths.
pub fn run(table: &mut Table, rounds: usize) {
    let dir = scratch();
    let (mine, theirs) = (dir.path().join("ours"), dir.path().join("peer"));
    for dir in [&mine, &theirs] {
        std::fs::create_dir(dir).expect("a directory");
    }
    let mut ours = Client::ours(&mine);
    let mut peer = Client::peer(&theirs);
    let commits = Commits::new(dir.path());
    let mut all = Rounds::default();
    warm_up(&mut ours, &mut peer);
    for _ in 0..rounds {
        round(&mut all, &mut ours, &mut peer, &commits, dir.path());
    }
    rested(&mut all, &mut ours, (rounds / 10).clamp(5, 20));
    looks(&mut all, &mut ours, &mut peer, &mine, rounds);
    table.part(&format!("one job at a time, {rounds} rounds, p50 in us"));
    let (peer_handle, sync) = (all.peer_handle.p50(), all.fdatasync.p50());
    let base = "rmcp in process + fdatasync";
    table.row(
        "call -> handle",
        all.handle.p50(),
        4.0 * peer_handle + sync,
        "4 x rmcp in process + fdatasync",
        Budget::Times(1.0),
    );
    table.row(
        "call -> handle",
        all.handle.p50(),
        peer_handle + sync,
        base,
        Budget::None,
    );
    table.row(
        "call -> handle after a second of rest",
        all.rested_handle.p50(),
        peer_handle + sync,
        base,
        Budget::None,
    );
    table.row(
        "poll, 100 jobs",
        all.poll.p50(),
        all.peer_poll.p50(),
        "rmcp at 100",
        Budget::Times(1.5),
    );
    table.row(
        "poll, at once after the end",
        all.poll_at_once.p50(),
        all.peer_poll.p50(),
        "rmcp at 100",
        Budget::None,
    );
    table.row(
        "result",
        all.result.p50(),
        all.poll.p50(),
        "own poll",
        Budget::Times(1.5),
    );
    table.row(
        "call -> done seen",
        all.done.p50(),
        all.peer_self_exec.p50(),
        "rmcp self re-exec",
        Budget::Times(2.0),
    );
    table.row(
        "call -> done seen after a second of rest",
        all.rested_done.p50(),
        all.peer_self_exec.p50(),
        "rmcp self re-exec",
        Budget::None,
    );
    table.row(
        "call -> done seen",
        all.done.p50(),
        all.self_exec.p50(),
        "exec of the same program",
        Budget::None,
    );
    table.row(
        "durable commit, SQLite alone",
        all.commit.p50(),
        sync,
        "fdatasync",
        Budget::None,
    );
    table.alone(
        "end -> a waiter has the reply, ms (1 ms grain)",
        all.woken.p50() / 1000.0,
        Budget::Most(5.0),
    );
    burst(table, &mut ours, &mut peer, &all, rounds);
    throughput(table, &mut ours, dir.path(), (5 * rounds).max(300));
    progress(table, &mut ours);
    drop(ours);
    settle(&mine);
    cold_start(table);
}

/// The first calls fill caches; both have 100 jobs then.
fn warm_up(ours: &mut Client, peer: &mut Client) {
    ours.call("get_system_status", json!({}));
    for _ in 0..100 {
        let id = ours.submit().0;
        ours.wait(&id);
        peer.task("inproc");
    }
}

fn round(
    all: &mut Rounds,
    ours: &mut Client,
    peer: &mut Client,
    commits: &Commits,
    dir: &std::path::Path,
) {
    baseline::fdatasync(dir, &mut all.fdatasync);
    all.commit.push(commits.commit());
    all.self_exec.push(baseline::self_exec());
    all.peer_handle.push(peer.task("inproc").1);
    let (done, _) = peer.task("selfx");
    all.peer_self_exec.push(done);
    let begun = Instant::now();
    let (id, handle) = ours.submit();
    ours.wait(&id);
    all.done.push(begun.elapsed());
    all.handle.push(handle);
    // Its supervisor is still at work then, on the same cores.
    all.poll_at_once.push(ours.poll(&id).1);
    // A job that somebody waits for while it runs.
    let (started, _) = ours.call("sleep", json!({"ms": 30}));
    let id = started["job_id"].as_str().expect("a job").to_owned();
    ours.wait(&id);
    let seen = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    if let Some(ended) = ended_at(&dir.join("ours/data/ledger.db"), &id) {
        all.woken.push(seen.saturating_sub(ended));
    }
}

/// When the ledger says that a job ended.
fn ended_at(ledger: &std::path::Path, id: &str) -> Option<Duration> {
    let conn =
        rusqlite::Connection::open_with_flags(ledger, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .ok()?;
    let sql = "SELECT ended_at FROM job WHERE id = ?1";
    let ms: i64 = conn.query_row(sql, [id], |row| row.get(0)).ok()?;
    Some(Duration::from_millis(ms.unsigned_abs()))
}

/// Everything that stayed for a moment after the last job is gone by then.
fn rested(all: &mut Rounds, ours: &mut Client, rounds: usize) {
    for _ in 0..rounds {
        std::thread::sleep(Duration::from_millis(1000));
        let begun = Instant::now();
        let (id, handle) = ours.submit();
        ours.wait(&id);
        all.rested_done.push(begun.elapsed());
        all.rested_handle.push(handle);
    }
}

/// Looks at what has ended, while nothing runs.
fn looks(
    all: &mut Rounds,
    ours: &mut Client,
    peer: &mut Client,
    mine: &std::path::Path,
    rounds: usize,
) {
    let (id, _) = ours.submit();
    ours.wait(&id);
    let (started, _) = peer.call_raw("inproc", json!({}));
    let theirs = json!({"taskId": started["taskId"]});
    settle(mine);
    for _ in 0..rounds {
        all.peer_poll.push(peer.ask("tasks/get", &theirs).1);
        all.poll.push(ours.poll(&id).1);
        all.result
            .push(ours.call("get_job_results", json!({"job_id": id})).1);
    }
}

/// Three bursts, and the middle figure of each kind: a single one has two calls beyond its 99th percentile.
fn burst(table: &mut Table, ours: &mut Client, peer: &mut Client, all: &Rounds, rounds: usize) {
    let mut bursts = [(); 3].map(|()| one_burst(ours, peer, rounds));
    let mut middle = |figure: fn(&Burst) -> f64| {
        bursts.sort_by(|one, other| figure(one).total_cmp(&figure(other)));
        figure(&bursts[1])
    };
    table.row(
        "call -> handle, back to back",
        middle(|burst| burst.mine.p50()),
        5.0 * middle(|burst| burst.theirs.p50()) + all.fdatasync.p50(),
        "5 x rmcp in process + fdatasync",
        Budget::Times(1.0),
    );
    // The middle ratio, not the ratio of the middles.
    let ratio = |burst: &Burst| burst.mine.at(99) / burst.mine.p50();
    bursts.sort_by(|one, other| ratio(one).total_cmp(&ratio(other)));
    table.row(
        "call -> handle, back to back, p99",
        bursts[1].mine.at(99),
        bursts[1].mine.p50(),
        "own p50",
        Budget::Times(5.0),
    );
}

/// Times of calls back to back, ours and the peer's.
#[derive(Default)]
struct Burst {
    mine: Times,
    theirs: Times,
}

fn one_burst(ours: &mut Client, peer: &mut Client, calls: usize) -> Burst {
    let mut burst = Burst::default();
    let mut last = String::new();
    for _ in 0..calls {
        let (id, took) = ours.submit();
        (last, _) = (id, burst.mine.push(took));
        burst.theirs.push(peer.call_raw("inproc", json!({})).1);
    }
    // In the order of submission, so the last one ends about last.
    ours.wait(&last);
    burst
}

/// Three rounds in turn with the baseline, and the one whose ratio is the middle one: a second of a shared machine
/// is a tenth faster or slower than the next.
fn throughput(table: &mut Table, ours: &mut Client, dir: &std::path::Path, jobs: usize) {
    ours.call("get_system_status", json!({}));
    let mut rounds = [(); 3].map(|()| (baseline::least_throughput(dir, jobs), rate(ours, jobs)));
    rounds.sort_by(|(base, ours), (other_base, others)| {
        (ours / base).total_cmp(&(others / other_base))
    });
    let (least, rate) = rounds[1];
    table.row(
        &format!("jobs per second, {jobs} jobs, two at a time"),
        rate,
        least,
        "exec + 2 durable commits, 2 at a time",
        Budget::AtLeast(0.5),
    );
}

/// Jobs per second, submitted in a window of 16 and waited for in groups.
fn rate(ours: &mut Client, jobs: usize) -> f64 {
    let begun = Instant::now();
    let started = ours.pipeline(jobs, 16, "add", &json!({"a": 1, "b": 1}));
    for some in started.chunks(50) {
        let ids: Vec<_> = some.iter().map(|job| &job["job_id"]).collect();
        loop {
            let args = json!({"job_ids": ids, "wait_s": 50, "until": "all"});
            let seen = ours.call("get_job_status", args).0;
            let jobs = seen["jobs"].as_array().cloned().unwrap_or_default();
            if jobs.iter().all(|job| job["state"] == "completed") && jobs.len() == ids.len() {
                break;
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let jobs = jobs as f64;
    jobs / begun.elapsed().as_secs_f64()
}

/// What telling progress costs a job, measured in the job.
fn progress(table: &mut Table, ours: &mut Client) {
    let (started, _) = ours.call("cost_of_progress", json!({}));
    let id = started["job_id"].as_str().expect("a job");
    // A wait ends with each phase, too.
    let until_done = json!({"job_id": id, "wait_s": 50});
    let mut done = ours.poll(id).0;
    while done["state"] != "completed" {
        assert_ne!(done["state"], "failed", "{done}");
        done = ours.call("get_job_status", until_done.clone()).0;
    }
    let cost = |name: &str| done["result"][name].as_f64().unwrap_or(f64::NAN);
    table.alone(
        "job.progress that drops, ns",
        cost("dropped_ns"),
        Budget::Most(100.0),
    );
    table.alone(
        "job.phase that writes, us",
        cost("written_us"),
        Budget::Most(50.0),
    );
}

fn cold_start(table: &mut Table) {
    let dir = scratch();
    let (mut mine, mut theirs) = (Times::default(), Times::default());
    for round in 0..21 {
        let peer = Client::peer(dir.path());
        let ours = Client::ours(dir.path());
        // The first one makes the data directory.
        if round > 0 {
            theirs.push(peer.first_answer);
            mine.push(ours.first_answer);
        }
        drop((ours, peer));
    }
    settle(dir.path());
    table.row(
        "cold start to the first answer",
        mine.p50(),
        theirs.p50(),
        "rmcp",
        Budget::Times(5.0),
    );
}
