//! Random jobs under random deaths; at the end every invariant is checked, and nothing may run.
//!
//! `cargo test -p bgjob-tests --test storm -- --seconds 1800 --seed 7`
//!
//! The seed decides what is done and in which order; what the kernel makes of it is its own affair.
//! Jobs wait for jobs, read and write one field that is reset under them, are tried again, ask and are
//! answered, and share idempotency keys. Built with `--features failpoints`, deaths and errors strike the engine's own
//! edges too.
//! `--program` names another build of the fixture, so that a long storm does not see the next build.
//! Without arguments it blows for 5 s, so that it stays sound between the long runs.

mod calls;
mod gusts;
mod weather;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bgjob_tests::dataflow;
use bgjob_tests::invariants::{self, Watcher};
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{PATIENCE, Sandbox};
use rustix::process::{Pid, WaitOptions};

use weather::Weather;

/// Bodies that may run at once.
const LIMIT: usize = 4;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let text = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).cloned()
    };
    let given = |name: &str| text(name)?.parse::<u64>().ok();
    let program = text("--program").unwrap_or_else(|| env!("CARGO_BIN_EXE_fixture").to_owned());
    let seconds = given("--seconds").unwrap_or(5);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = given("--seed").unwrap_or_else(|| now.map_or(1, |now| now.as_secs()));
    println!("storm of {seconds} s, seed {seed}");
    let problems = blow(&program, Duration::from_secs(seconds), seed);
    for problem in &problems {
        println!("VIOLATED  {problem}");
    }
    println!("{} violations (seed {seed})", problems.len());
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn blow(program: &str, length: Duration, seed: u64) -> Vec<String> {
    // Whatever escapes from a job becomes our child.
    rustix::process::set_child_subreaper(Pid::from_raw(1)).expect("we become a subreaper");
    let sandbox = Sandbox::new(program);
    sandbox.set("max_jobs", &LIMIT.to_string());
    let oracle = Oracle::listen(&sandbox.path("gate"));
    oracle.open();
    let mut weather = Weather::new(&sandbox, &oracle, seed);
    let mut watcher = Watcher::default();
    let mut problems = Vec::new();
    let end = Instant::now() + length;
    while Instant::now() < end && problems.is_empty() {
        weather.step();
        if weather.steps().is_multiple_of(16) {
            problems.extend(watcher.look(&sandbox));
            problems.extend(weather.trouble());
        }
    }
    weather.calm();
    problems.extend(weather.trouble());
    problems.extend(come_to_rest(&sandbox));
    problems.extend(watcher.look(&sandbox));
    let told = weather.told();
    problems.extend(invariants::problems(&sandbox, told.ids(), Some(&oracle)));
    problems.extend(dataflow::problems(&sandbox));
    problems.extend(told.broken(&sandbox));
    if oracle.most() > LIMIT {
        problems.push(format!("I9: {} bodies ran at once", oracle.most()));
    }
    problems.extend(leaked());
    report(&sandbox, &weather, &oracle);
    problems
}

/// Front-ends look after everything until nothing is left to do.
fn come_to_rest(sandbox: &Sandbox) -> Vec<String> {
    let deadline = Instant::now() + 3 * PATIENCE;
    let live = || -> i64 {
        let sql = "SELECT count(*) FROM job WHERE state IN ('queued', 'running', 'input_required')";
        sandbox
            .ledger()
            .query_row(sql, [], |row| row.get(0))
            .expect("the ledger reads")
    };
    loop {
        let ran = sandbox.run(["doctor"]);
        if ran.code != Some(0) {
            return vec![format!("doctor: {ran:?}")];
        }
        for (id, key) in weather::open_questions(sandbox) {
            sandbox.run(["jobs", "answer", &id, "--key", &key, "7"]);
        }
        if live() == 0 && sandbox.processes().is_empty() {
            let ran = sandbox.run(["doctor"]);
            return if ran.code == Some(0) {
                Vec::new()
            } else {
                vec![format!("doctor: {ran:?}")]
            };
        }
        if Instant::now() > deadline {
            return vec![format!(
                "I2: {} jobs never end; processes: {:?}",
                live(),
                sandbox.processes()
            )];
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// Zombies are reaped; a living child is a leak.
fn leaked() -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) if Instant::now() < deadline => {
                std::thread::park_timeout(Duration::from_millis(5))
            }
            Ok(None) => return vec!["I10: processes escaped".into()],
            Err(_) => return Vec::new(),
        }
    }
}

fn report(sandbox: &Sandbox, weather: &Weather<'_>, oracle: &Oracle) {
    let ledger = sandbox.ledger();
    let sql =
        "SELECT state || coalesce(' ' || (error ->> '$.code'), ''), count(*) FROM job GROUP BY 1";
    let mut statement = ledger.prepare(sql).expect("the query is right");
    let ends: BTreeMap<String, i64> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the ledger reads")
        .map(|row| row.expect("a row"))
        .collect();
    let jobs: i64 = ends.values().sum();
    println!(
        "{jobs} jobs ({} acknowledged): {ends:?}",
        weather.told().ids().len()
    );
    println!("{}", weather.summary());
    let number = |sql: &str| -> i64 {
        let row = ledger.query_row(sql, [], |row| row.get(0));
        row.expect("the ledger reads")
    };
    println!(
        "{} promised values of live writers, {} failed attempts, {} patches of before a reset, {} replayed calls, \
         {} answers on record, {} told so; \
         at most {} bodies at once",
        number("SELECT count(*) FROM pin WHERE writer IS NOT NULL"),
        number("SELECT count(*) FROM attempt"),
        number("SELECT count(*) FROM job WHERE patch_skipped LIKE '%reset%'"),
        weather.told().replayed(),
        number("SELECT count(*) FROM question WHERE answer IS NOT NULL"),
        weather.told().answers(),
        oracle.most()
    );
}
