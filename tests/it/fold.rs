//! Many jobs of many processes patch few fields: every patch exactly once, in one order.

use bgjob_tests::Sandbox;
use bgjob_tests::until;
use serde_json::{Value, json};

use crate::sandbox;

const FIELDS: usize = 10;
const PROCESSES: usize = 8;

fn submit_from_eight_processes(sandbox: &Sandbox, jobs: usize) {
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            scope.spawn(move || {
                for number in (process..jobs).step_by(PROCESSES) {
                    let tool = format!("fill_{}", number % FIELDS);
                    sandbox.submit(&tool, &json!({"number": number}));
                }
            });
        }
    });
}

fn number(sandbox: &Sandbox, sql: &str) -> i64 {
    sandbox
        .ledger()
        .query_row(sql, [], |row| row.get(0))
        .unwrap()
}

/// A job's field, version and place in the order of completion, in that order.
fn patches(sandbox: &Sandbox, field: &str) -> Vec<(String, i64)> {
    let ledger = sandbox.ledger();
    let mut statement = ledger
        .prepare("SELECT id, patch_version FROM job WHERE patch_field = ?1 AND state = 'completed' ORDER BY completion_seq")
        .unwrap();
    let rows = statement.query_map([field], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().map(Result::unwrap).collect()
}

fn patch_from_everywhere(jobs: usize) {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "4");
    submit_from_eight_processes(&sandbox, jobs);
    // In portions, since waiting for one condition ends after a minute.
    for done in (10..=jobs).step_by(10) {
        until("ten more jobs have ended", || {
            let ended = number(
                &sandbox,
                "SELECT count(*) FROM job WHERE ended_at IS NOT NULL",
            );
            usize::try_from(ended).is_ok_and(|ended| ended >= done)
        });
    }
    sandbox.settle();
    let jobs = i64::try_from(jobs).unwrap();
    assert_eq!(
        number(
            &sandbox,
            "SELECT count(*) FROM job WHERE state = 'completed'"
        ),
        jobs
    );
    assert_eq!(number(&sandbox, "SELECT count(*) FROM value"), jobs);
    assert_eq!(
        number(&sandbox, "SELECT max(completion_seq) FROM job"),
        jobs,
        "completions are numbered without gaps"
    );
    for index in 0..FIELDS {
        let field = format!("slot_{index}");
        let patches = patches(&sandbox, &field);
        let versions: Vec<i64> = patches.iter().map(|(_, version)| *version).collect();
        let expected: Vec<i64> = (1..=i64::try_from(patches.len()).unwrap()).collect();
        assert_eq!(versions, expected, "versions follow the completions");
        let (last, version) = patches.last().expect("every field is patched");
        let copy = std::fs::read(sandbox.data().join(format!("state/{field}.json"))).unwrap();
        let copy: Value = serde_json::from_slice(&copy).unwrap();
        assert_eq!(
            (&copy["version"], &copy["job"]),
            (&json!(version), &json!(last))
        );
        let result = sandbox.run(["jobs", "result", last]).stdout;
        assert_eq!(copy["value"].to_string(), result.trim());
    }
}

#[test]
fn a_hundred_jobs_patch_ten_fields_from_eight_processes() {
    patch_from_everywhere(100);
}

#[test]
#[ignore = "takes some minutes"]
fn a_thousand_jobs_patch_ten_fields_from_eight_processes() {
    patch_from_everywhere(1000);
}
