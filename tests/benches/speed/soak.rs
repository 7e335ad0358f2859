//! Many jobs through one data directory: what must stay flat stays flat.

use std::path::Path;
use std::time::Instant;

use bgjob_tests::processes::{self, Kind};
use serde_json::json;

use super::client::Client;
use super::plot::{Curve, draw};
use super::table::{Budget, Table};
use super::{proc, scratch, settle};

/// Samples of a run.
const SAMPLES: usize = 100;

/// What is looked at after each part of the run.
struct Sample {
    jobs: f64,
    us_for_each: f64,
    server_mib: f64,
    server_descriptors: f64,
    supervisor_mib: f64,
    ledger_bytes_for_each: f64,
    wal_mib: f64,
}

/// Runs `jobs` jobs, prints how the last tenth compares to the second, and draws it.
pub fn run(table: &mut Table, jobs: usize, plot: Option<&Path>) {
    let dir = scratch();
    let mut server = Client::ours(dir.path());
    server.submit();
    let part = (jobs / SAMPLES).max(20);
    let mut samples: Vec<Sample> = Vec::new();
    let mut done = 0;
    while done < jobs {
        let begun = Instant::now();
        run_some(&mut server, part);
        done += part;
        samples.push(sample(&server, dir.path(), done, part, begun));
    }
    table.part(&format!(
        "soak: {done} jobs through one data directory, the last tenth and the second"
    ));
    report(table, &samples);
    if let Some(path) = plot {
        draw(path, &curves(&samples), done).expect("the plot is written");
        println!("plot: {}", path.display());
    }
    drop(server);
    settle(dir.path());
}

fn run_some(server: &mut Client, n: usize) {
    let started = server.pipeline(n, 16, "add", &json!({"a": 1, "b": 1}));
    for some in started.chunks(50) {
        let ids: Vec<_> = some.iter().map(|job| &job["job_id"]).collect();
        let mut left = true;
        while left {
            let seen = server
                .call("get_job_status", json!({"job_ids": ids, "wait_s": 50}))
                .0;
            let jobs = seen["jobs"].as_array().cloned().unwrap_or_default();
            assert!(jobs.iter().all(|job| job["state"] != "failed"), "{seen}");
            left = jobs.iter().any(|job| job["state"] != "completed");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a hundred thousand jobs")]
fn sample(server: &Client, dir: &Path, done: usize, part: usize, begun: Instant) -> Sample {
    let us_for_each = begun.elapsed().as_secs_f64() * 1e6 / part as f64;
    let size = |name: &str| {
        std::fs::metadata(dir.join("data").join(name)).map_or(0.0, |meta| meta.len() as f64)
    };
    let supervisors = processes::of(&dir.join("data"));
    let supervisor_mib = supervisors
        .iter()
        .filter(|found| found.kind == Kind::Supervisor)
        .map(|found| proc::rss_mib(found.pid.cast_unsigned()))
        .filter(|mib| mib.is_finite())
        .fold(0.0, f64::max);
    Sample {
        jobs: done as f64,
        us_for_each,
        server_mib: proc::rss_mib(server.pid()),
        server_descriptors: proc::descriptors(server.pid()),
        supervisor_mib,
        ledger_bytes_for_each: size("ledger.db") / done as f64,
        wal_mib: size("ledger.db-wal") / f64::from(1 << 20),
    }
}

fn median(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn report(table: &mut Table, samples: &[Sample]) {
    let tenth = (samples.len() / 10).max(1);
    let (early, late) = (
        &samples[tenth..2 * tenth],
        &samples[samples.len() - tenth..],
    );
    let mut row = |figure: &str, of: fn(&Sample) -> f64, budget| {
        table.row(
            figure,
            median(late, of),
            median(early, of),
            "the second tenth",
            budget,
        );
    };
    row(
        "time for each job, us",
        |s| s.us_for_each,
        Budget::Times(1.25),
    );
    row(
        "server, resident MiB",
        |s| s.server_mib,
        Budget::Times(1.25),
    );
    row(
        "server, descriptors",
        |s| s.server_descriptors,
        Budget::Times(1.0),
    );
    row(
        "largest supervisor, resident MiB",
        |s| s.supervisor_mib,
        Budget::None,
    );
    row(
        "ledger bytes for each job",
        |s| s.ledger_bytes_for_each,
        Budget::Times(1.25),
    );
    row("write-ahead log, MiB", |s| s.wal_mib, Budget::Times(1.25));
}

fn curves(samples: &[Sample]) -> Vec<Curve> {
    let curve = |name, of: fn(&Sample) -> f64| Curve {
        name,
        points: samples.iter().map(|s| (s.jobs, of(s))).collect(),
    };
    vec![
        curve("time for each job, µs", |s| s.us_for_each),
        curve("server, resident MiB", |s| s.server_mib),
        curve("server, open descriptors", |s| s.server_descriptors),
        curve("largest supervisor, resident MiB", |s| s.supervisor_mib),
        curve("ledger bytes for each job", |s| s.ledger_bytes_for_each),
        curve("write-ahead log, MiB", |s| s.wal_mib),
    ]
}
