//! What must hold after every scenario, whatever was killed in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rusqlite::Connection;
use serde_json::Value;

use crate::oracle::Oracle;
use crate::{Sandbox, modes_below};

/// Checks everything that must hold once nothing of the data directory runs and front-ends have
/// looked after it. `acknowledged` are the ids that submitters were given.
#[track_caller]
pub fn check(sandbox: &Sandbox, acknowledged: &[String], oracle: Option<&Oracle>) {
    let problems = problems(sandbox, acknowledged, oracle);
    assert!(
        problems.is_empty(),
        "violated:\n  {}",
        problems.join("\n  ")
    );
}

/// Every violated invariant, as a sentence.
pub fn problems(
    sandbox: &Sandbox,
    acknowledged: &[String],
    oracle: Option<&Oracle>,
) -> Vec<String> {
    let ledger = sandbox.ledger();
    let jobs = jobs(&ledger);
    let mut found = Vec::new();
    known(&jobs, acknowledged, &mut found);
    for job in &jobs {
        ended_once(&ledger, job, &mut found);
        result_or_none(sandbox, job, &mut found);
        patched_once(&ledger, job, &mut found);
        shown(sandbox, job, &mut found);
    }
    in_order(&ledger, &jobs, &mut found);
    fields_shown(sandbox, &ledger, &mut found);
    sound(sandbox, &ledger, &mut found);
    directories(sandbox, &jobs, &mut found);
    private(sandbox, &mut found);
    if let Some(oracle) = oracle {
        started_once(&jobs, oracle, &mut found);
    }
    let left = sandbox.processes();
    if !left.is_empty() {
        found.push(format!("I10: processes are left: {left:?}"));
    }
    found
}

struct Job {
    seq: i64,
    id: String,
    state: String,
    attempt: i64,
    max_attempts: i64,
    field: Option<String>,
    version: Option<i64>,
    skipped: Option<String>,
    bytes: Option<u64>,
    completion: Option<i64>,
    revision: i64,
}

fn jobs(ledger: &Connection) -> Vec<Job> {
    let mut statement = ledger
        .prepare(
            "SELECT seq, id, state, attempt, max_attempts, patch_field, patch_version, patch_skipped, result_bytes,
             completion_seq, revision FROM job ORDER BY seq",
        )
        .expect("the query is right");
    let rows = statement.query_map([], |row| {
        Ok(Job {
            seq: row.get(0)?,
            id: row.get(1)?,
            state: row.get(2)?,
            attempt: row.get(3)?,
            max_attempts: row.get(4)?,
            field: row.get(5)?,
            version: row.get(6)?,
            skipped: row.get(7)?,
            bytes: row.get(8)?,
            completion: row.get(9)?,
            revision: row.get(10)?,
        })
    });
    rows.expect("the ledger reads")
        .map(|job| job.expect("a row"))
        .collect()
}

fn known(jobs: &[Job], acknowledged: &[String], found: &mut Vec<String>) {
    let ids: BTreeSet<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    for id in acknowledged.iter().filter(|id| !ids.contains(id.as_str())) {
        found.push(format!("I1: {id} was acknowledged and is lost"));
    }
}

fn terminal(state: &str) -> bool {
    ["completed", "failed", "cancelled"].contains(&state)
}

fn ended_once(ledger: &Connection, job: &Job, found: &mut Vec<String>) {
    let mut statement = ledger
        .prepare_cached("SELECT state, attempt FROM transition WHERE job = ?1 ORDER BY seq")
        .expect("the query is right");
    let moves: Vec<(String, i64)> = statement
        .query_map([job.seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the ledger reads")
        .map(|row| row.expect("a row"))
        .collect();
    let names: Vec<&str> = moves.iter().map(|(state, _)| state.as_str()).collect();
    let ends = names.iter().filter(|state| terminal(state)).count();
    if !terminal(&job.state) || ends != 1 || names.last() != Some(&job.state.as_str()) {
        found.push(format!("I2: {} is {} after {names:?}", job.id, job.state));
    }
    let legal = names.first() == Some(&"queued")
        && names.windows(2).all(|pair| may_follow(pair[0], pair[1]));
    if !legal {
        found.push(format!("I3: {} moved {names:?}", job.id));
    }
    if job.attempt > job.max_attempts {
        found.push(format!(
            "I5: {} had {} attempts of {}",
            job.id, job.attempt, job.max_attempts
        ));
    }
}

fn may_follow(from: &str, to: &str) -> bool {
    match from {
        "queued" => ["running", "cancelled", "failed"].contains(&to),
        "running" | "input_required" => from != to,
        _ => false,
    }
}

fn result_or_none(sandbox: &Sandbox, job: &Job, found: &mut Vec<String>) {
    let path = sandbox.job_dir(&job.id).join("results.json");
    match (job.state.as_str(), fs::read(&path)) {
        ("completed", Ok(bytes)) => {
            if serde_json::from_slice::<Value>(&bytes).is_err()
                || job.bytes != Some(bytes.len() as u64)
            {
                found.push(format!(
                    "I4: the result of {} is not the one that completed it",
                    job.id
                ));
            }
        }
        ("completed", Err(error)) => found.push(format!(
            "I4: {} completed without a result: {error}",
            job.id
        )),
        (state, Ok(_)) => found.push(format!("I4: {} is {state} and has a result", job.id)),
        (_, Err(_)) => {}
    }
}

fn patched_once(ledger: &Connection, job: &Job, found: &mut Vec<String>) {
    let versions: i64 = ledger
        .prepare_cached("SELECT count(*) FROM value WHERE job = ?1")
        .and_then(|mut statement| statement.query_row([&job.id], |row| row.get(0)))
        .expect("the ledger reads");
    let expected = i64::from(job.version.is_some());
    let due = job.state == "completed" && job.field.is_some();
    let told = job.version.is_some() != job.skipped.is_some();
    if versions != expected
        || due != (job.version.is_some() || job.skipped.is_some())
        || (due && !told)
    {
        found.push(format!(
            "I6: {} ({}) made {versions} versions of {:?}",
            job.id, job.state, job.field
        ));
    }
}

fn in_order(ledger: &Connection, jobs: &[Job], found: &mut Vec<String>) {
    let mut order: Vec<i64> = jobs.iter().filter_map(|job| job.completion).collect();
    order.sort_unstable();
    let given: i64 = ledger
        .query_row(
            "SELECT value FROM counter WHERE name = 'completion_seq'",
            [],
            |row| row.get(0),
        )
        .expect("the counter");
    if order.windows(2).any(|pair| pair[1] != pair[0] + 1)
        || order.last().copied().unwrap_or(given) != given
    {
        found.push(format!("I7: completions are numbered {order:?} of {given}"));
    }
    let mut fields: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for job in jobs {
        if let (Some(field), Some(version), Some(completion)) =
            (&job.field, job.version, job.completion)
        {
            fields.entry(field).or_default().push((completion, version));
        }
    }
    for (field, mut versions) in fields {
        versions.sort_unstable();
        if versions.windows(2).any(|pair| pair[0].1 >= pair[1].1) {
            found.push(format!(
                "I7: `{field}` was patched out of order: {versions:?}"
            ));
        }
    }
}

fn shown(sandbox: &Sandbox, job: &Job, found: &mut Vec<String>) {
    let dir = sandbox.job_dir(&job.id);
    let record: Option<Value> = fs::read(dir.join("job.json"))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let agrees = record
        .as_ref()
        .is_some_and(|record| record["revision"] == job.revision && record["state"] == *job.state);
    if !agrees {
        found.push(format!(
            "job.json of {} is not what the ledger says ({})",
            job.id, job.state
        ));
    }
    if dir.join("env").exists() {
        found.push(format!("I15: the environment of {} outlived it", job.id));
    }
}

fn fields_shown(sandbox: &Sandbox, ledger: &Connection, found: &mut Vec<String>) {
    let mut statement = ledger
        .prepare(
            "SELECT f.name, f.version, f.present, v.value, v.file FROM field f LEFT JOIN value v
             ON v.owner = f.owner AND v.field = f.name AND v.version = f.version WHERE f.owner = 'local'",
        )
        .expect("the query is right");
    let mut rows = statement.query([]).expect("the ledger reads");
    while let Some(row) = rows.next().expect("a row") {
        let (name, version, present): (String, i64, bool) = (
            row.get(0).expect("name"),
            row.get(1).expect("version"),
            row.get(2).expect("present"),
        );
        let shown: Option<Value> =
            fs::read(sandbox.data().join("state").join(format!("{name}.json")))
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let inline: Option<Vec<u8>> = row.get(3).expect("value");
        let file: Option<String> = row.get(4).expect("file");
        let truth = inline.or_else(|| fs::read(sandbox.data().join("values").join(file?)).ok());
        let truth: Option<Value> = truth.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let agrees = match &shown {
            Some(shown) => {
                present && shown["version"] == version && Some(&shown["value"]) == truth.as_ref()
            }
            None => !present,
        };
        if !agrees {
            found.push(format!("I8: state/{name}.json is not version {version}"));
        }
    }
}

fn sound(sandbox: &Sandbox, ledger: &Connection, found: &mut Vec<String>) {
    let check: String = ledger
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("the ledger reads");
    let dangling: bool = ledger
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut statement| statement.exists([]))
        .expect("the ledger reads");
    let waits: i64 = ledger
        .query_row("SELECT count(*) FROM wait", [], |row| row.get(0))
        .expect("the ledger reads");
    let wal = fs::metadata(sandbox.data().join("ledger.db-wal")).map_or(0, |meta| meta.len());
    if check != "ok" || dangling || waits != 0 || wal > 64 << 20 {
        found.push(format!(
            "I17: integrity {check}, dangling {dangling}, waits {waits}, {wal} bytes of WAL"
        ));
    }
}

fn directories(sandbox: &Sandbox, jobs: &[Job], found: &mut Vec<String>) {
    let rows: BTreeSet<String> = jobs.iter().map(|job| job.id.clone()).collect();
    let dirs: BTreeSet<String> = fs::read_dir(sandbox.data().join("jobs"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    for id in rows.difference(&dirs) {
        found.push(format!("I24: {id} has no directory"));
    }
    for id in dirs.difference(&rows) {
        // What a killed submitter left is removed when it is an hour old; a job would have a lock.
        if sandbox.job_dir(id).join("lock").exists() {
            found.push(format!("I24: {id} has no row"));
        }
    }
}

fn private(sandbox: &Sandbox, found: &mut Vec<String>) {
    for (path, mode) in modes_below(&sandbox.data()) {
        let by_test = path
            .components()
            .any(|part| part.as_os_str().to_string_lossy().starts_with("failpoints"));
        let by_tool = path
            .components()
            .any(|part| part.as_os_str() == "artifacts");
        if mode & 0o077 != 0 && !by_test && !by_tool {
            found.push(format!("I15: {} has mode {mode:o}", path.display()));
        }
    }
}

fn started_once(jobs: &[Job], oracle: &Oracle, found: &mut Vec<String>) {
    let mut starts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for start in oracle.starts() {
        *starts.entry(start).or_default() += 1;
    }
    for ((job, attempt), count) in &starts {
        if *count > 1 {
            found.push(format!(
                "I5: attempt {attempt} of {job} began {count} times"
            ));
        }
        if !jobs.iter().any(|known| known.id == *job) {
            found.push(format!("I1: {job} ran and is unknown"));
        }
    }
}

/// Watches states from outside: nothing that has ended may ever be seen otherwise again, and the
/// readable copy of a state field is absent or whole, and never goes back.
#[derive(Debug, Default)]
pub struct Watcher {
    seen: BTreeMap<String, String>,
    versions: BTreeMap<String, i64>,
}

impl Watcher {
    /// Takes another look; complains of every step back.
    pub fn look(&mut self, sandbox: &Sandbox) -> Vec<String> {
        let ledger = sandbox.ledger();
        let mut statement = ledger
            .prepare("SELECT id, state FROM job")
            .expect("the query is right");
        let now: BTreeMap<String, String> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("the ledger reads")
            .map(|row| row.expect("a row"))
            .collect();
        let mut found = Vec::new();
        for (id, was) in &self.seen {
            let is = now.get(id);
            if terminal(was) && is != Some(was) {
                found.push(format!("I2: {id} was {was} and is {is:?}"));
            } else if is.is_none() {
                found.push(format!("I1: {id} was there and is gone"));
            }
        }
        self.seen = now;
        self.look_at_fields(sandbox, &mut found);
        found
    }

    fn look_at_fields(&mut self, sandbox: &Sandbox, found: &mut Vec<String>) {
        let entries = fs::read_dir(sandbox.data().join("state"));
        for path in entries.into_iter().flatten().flatten().map(|e| e.path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || !name.ends_with(".json") {
                continue;
            }
            // A reset may come between the list and the look.
            let Ok(bytes) = fs::read(&path) else { continue };
            let version = serde_json::from_slice::<Value>(&bytes)
                .ok()
                .and_then(|copy| copy["version"].as_i64());
            let seen = self.versions.entry(name.into_owned()).or_default();
            if version.is_none_or(|version| version < *seen) {
                let name = path.display();
                found.push(format!(
                    "I8: {name} showed version {seen}, then {version:?}"
                ));
            }
            *seen = version.unwrap_or(*seen);
        }
    }
}
