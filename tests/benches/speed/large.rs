//! Very large files: a part out of a result, the end of a log, and a log that is flooded.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::client::Client;
use super::table::{Budget, Table, Times};
use super::{proc, scratch, seed, settle, times};

const MIB: usize = 1 << 20;
/// What a job prints, in MiB.
const FLOOD: usize = 1024;
/// What is kept of it, in MiB.
const CAP: usize = 16;

/// Prints the table of large files.
pub fn run(table: &mut Table) {
    table.part("large files");
    large_result(table);
    many_logs(table);
    flooded_log(table);
}

fn large_result(table: &mut Table) {
    let dir = scratch();
    seed::finished(dir.path(), 1);
    let id = seed::newest(&seed::ledger(dir.path()), 1).remove(0);
    seed::result(dir.path(), &id, 100 * MIB);
    let mut server = Client::ours(dir.path());
    server.poll(&id);
    let text = std::fs::read(dir.path().join("data/jobs").join(&id).join("results.json"))
        .expect("a result");
    let before = proc::rss_mib(server.pid());
    let page = json!({"job_id": id, "pointer": "/rows", "offset": 1_000_000, "count": 20});
    let one = json!({"job_id": id, "pointer": "/rows/1000000/name"});
    let (mut parses, mut pages, mut pointers) =
        (Times::default(), Times::default(), Times::default());
    // In turn: what else the machine does meets all three.
    for _ in 0..7 {
        let begun = Instant::now();
        let _: serde::de::IgnoredAny = serde_json::from_slice(&text).expect("JSON");
        parses.push(begun.elapsed());
        let (answer, took) = server.call("get_job_results", page.clone());
        assert_eq!(answer["page"]["count"], 20, "{answer}");
        pages.push(took);
        let (answer, took) = server.call("get_job_results", one.clone());
        assert_eq!(answer["value"], "digester", "{answer}");
        pointers.push(took);
    }
    for (figure, times) in [
        ("a page at the end of a 100 MB result, p50, ms", &pages),
        ("a pointer into it, p50, ms", &pointers),
    ] {
        table.row(
            figure,
            times.p50() / 1000.0,
            parses.p50() / 1000.0,
            "one parse",
            Budget::Times(1.5),
        );
    }
    table.alone(
        "what the server grew by, MiB",
        proc::peak_mib(server.pid()) - before,
        Budget::Most(16.0),
    );
    drop(server);
    settle(dir.path());
}

fn many_logs(table: &mut Table) {
    let dir = scratch();
    seed::finished(dir.path(), 1000);
    let ids = seed::newest(&seed::ledger(dir.path()), 1000);
    let line = "a line of a log, as long as lines of logs usually are\n";
    let text = line.repeat(MIB / line.len());
    for id in &ids {
        let folder = dir.path().join("data/jobs").join(id);
        std::fs::create_dir_all(&folder).expect("a directory");
        std::fs::write(folder.join("stdout.log"), &text).expect("room");
    }
    let mut server = Client::ours(dir.path());
    let tails = times(200, |n| {
        let args = json!({"job_id": ids[n * 5], "lines": 50});
        server.call("get_job_logs", args).1
    });
    table.alone(
        "tail of one of 1,000 logs of 1 MB, p50, us",
        tails.p50(),
        Budget::Most(5000.0),
    );
    drop(server);
    settle(dir.path());
}

fn flooded_log(table: &mut Table) {
    let dir = scratch();
    seed::finished(dir.path(), 1);
    seed::ledger(dir.path())
        .execute(
            "UPDATE setting SET value = ?1 WHERE name = 'max_log_mib'",
            [CAP.to_string()],
        )
        .expect("a setting");
    let mut server = Client::ours(dir.path());
    let known = seed::newest(&seed::ledger(dir.path()), 1).remove(0);
    let before = times(200, |_| server.poll(&known).1);
    let alone = write_as_much(dir.path());
    let begun = Instant::now();
    let (started, _) = server.call("flood", json!({"kib": FLOOD * 1024}));
    let id = started["job_id"].as_str().expect("a job").to_owned();
    let log = dir.path().join("data/jobs").join(&id).join("stderr.log");
    let (mut polls, mut tails) = (Times::default(), Times::default());
    let (mut most, mut live) = (0.0_f64, true);
    while live {
        let (seen, took) = server.poll(&id);
        polls.push(took);
        live = seen["state"] == "queued" || seen["state"] == "running";
        let tail = json!({"job_id": id, "lines": 50, "stream": "stderr"});
        tails.push(server.call("get_job_logs", tail).1);
        most = most.max(occupied_mib(&log));
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = begun.elapsed().as_secs_f64();
    table.row(
        &format!("a job that prints {FLOOD} MiB, ms"),
        took * 1000.0,
        alone * 1000.0,
        "as much written to a file",
        Budget::None,
    );
    table.row(
        "poll meanwhile, p50, us",
        polls.p50(),
        before.p50(),
        "own before",
        Budget::None,
    );
    table.alone(
        "its log's tail meanwhile, p50, us",
        tails.p50(),
        Budget::Most(5000.0),
    );
    table.alone("its log at its largest, MiB", most, Budget::None);
    table.alone(
        &format!("its log in the end, MiB, of at most {CAP}"),
        occupied_mib(&log),
        Budget::Most((CAP + 1) as f64),
    );
    drop(server);
    settle(dir.path());
}

/// What writing the flood's bytes in the same portions takes without a job around it, in s.
fn write_as_much(dir: &Path) -> f64 {
    let path = dir.join("as-much");
    let mut file = std::fs::File::create(&path).expect("a file");
    let begun = Instant::now();
    for _ in 0..FLOOD * 1024 {
        file.write_all(&[b'x'; 1023])
            .and_then(|()| file.write_all(b"\n"))
            .expect("room");
    }
    let took = begun.elapsed().as_secs_f64();
    std::fs::remove_file(path).expect("a file of ours");
    took
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn occupied_mib(path: &Path) -> f64 {
    let meta = std::fs::metadata(path);
    meta.map_or(0.0, |meta| meta.blocks() as f64 / 2048.0)
}
