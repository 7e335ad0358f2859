//! What a server and a job cost while nothing happens.

use std::time::Duration;

use bgjob_tests::processes::{self, Kind};
use serde_json::json;

use super::client::Client;
use super::table::{Budget, Table};
use super::{proc, scratch, settle};

/// Prints memory and processor time of a server that is asked nothing for `seconds`.
pub fn run(table: &mut Table, seconds: usize) {
    let dir = scratch();
    let mut ours = Client::ours(dir.path());
    let peer = Client::peer(dir.path());
    let id = ours.submit().0;
    ours.wait(&id);
    settle(dir.path());
    // What was begun at the first request is done.
    std::thread::sleep(Duration::from_secs(3));
    table.part(&format!("idle, {seconds} s"));
    table.row(
        "server, resident MiB, after one job",
        proc::rss_mib(ours.pid()),
        proc::rss_mib(peer.pid()),
        "rmcp",
        Budget::Times(3.0),
    );
    let before = proc::cpu_ms(ours.pid());
    std::thread::sleep(Duration::from_secs(seconds as u64));
    table.alone(
        "server, processor ms",
        proc::cpu_ms(ours.pid()) - before,
        Budget::Most(1.0),
    );

    let (started, _) = ours.call("sleep", json!({"ms": 600_000}));
    let id = started["job_id"].as_str().expect("a job").to_owned();
    bgjob_tests::until("the job runs", || ours.poll(&id).0["state"] == "running");
    std::thread::sleep(Duration::from_secs(1));
    let found = processes::of(&dir.path().join("data"));
    let pids = |kind: Kind| {
        found
            .iter()
            .filter(move |found| found.kind == kind)
            .map(|found| found.pid.cast_unsigned())
    };
    let pss = |kind: Kind| pids(kind).map(proc::pss_mib).sum::<f64>();
    table.alone(
        "supervisor of a sleeping job, PSS MiB",
        pss(Kind::Supervisor),
        Budget::None,
    );
    table.alone("its worker, PSS MiB", pss(Kind::Worker), Budget::None);
    table.alone(
        "both, PSS MiB",
        pss(Kind::Supervisor) + pss(Kind::Worker),
        Budget::Most(6.0),
    );
    let all: Vec<u32> = pids(Kind::Supervisor).chain(pids(Kind::Worker)).collect();
    let before: f64 = all.iter().map(|pid| proc::cpu_ms(*pid)).sum();
    std::thread::sleep(Duration::from_secs(10));
    let after: f64 = all.iter().map(|pid| proc::cpu_ms(*pid)).sum();
    table.alone("both, processor ms in 10 s", after - before, Budget::None);
    ours.call("cancel_job", json!({"job_id": id}));
    drop(ours);
    settle(dir.path());
}
