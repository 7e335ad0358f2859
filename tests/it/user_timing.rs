//! What time tells of another user: nothing. Neither how long that user's jobs took, nor, by how long
//! an answer takes, whether an id is that user's or nobody's.

use std::time::Instant;

use bgjob_tests::http::{Kept, Listening, User};
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{PATIENCE, Sandbox, until};
use serde_json::{Value, json};

use crate::sandbox;
use crate::users::{routes, unknown};

/// As if a hundred jobs of an owner had taken `ms` each.
fn pretend_past(sandbox: &Sandbox, owner: &str, tool: &str, ms: u64) {
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger.busy_timeout(PATIENCE).unwrap();
    let sql = format!(
        "DELETE FROM run_time WHERE owner = '{owner}' AND tool = '{tool}';
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
         INSERT INTO run_time (owner, tool, n, ms) SELECT '{owner}', '{tool}', n, {ms} FROM n"
    );
    ledger.execute_batch(&sql).unwrap();
}

/// What a user is told of the times of a tool: the advice at the start, and of a running job the
/// remaining time, whether it is slow, the advice to wait and to poll.
fn told(sandbox: &Sandbox, user: &User, oracle: &Oracle) -> [Value; 5] {
    let started = user.call("gate", json!({"socket": oracle.path()}));
    let id = started["job_id"].as_str().expect("a job").to_owned();
    until("the body runs", || oracle.waiting().contains(&id));
    // As if it had begun 40 s ago.
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger.busy_timeout(PATIENCE).unwrap();
    let sql = "UPDATE job SET started_at = started_at - 40000, submitted_at = submitted_at - 40000
         WHERE id = ?1";
    ledger.execute(sql, [&id]).unwrap();
    let seen = user.call("get_job_status", json!({"job_id": id, "wait_s": 0}));
    let task = user.ask("tasks/get", json!({"taskId": id})).json()["result"].clone();
    oracle.release(&id);
    user.finish(&id);
    [
        started["next"]["args"]["wait_s"].clone(),
        seen["eta_s"].clone(),
        seen["slow"].clone(),
        seen["next"]["args"]["wait_s"].clone(),
        json!(task["pollIntervalMs"].as_u64().expect("advice") / 1000),
    ]
}

#[test]
fn how_long_one_user_s_jobs_took_is_told_to_no_other() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let server = Listening::for_users(&sandbox);
    let (alice, bob) = (server.user("alice"), server.user("bob"));
    let nothing = told(&sandbox, &bob, &oracle);
    assert_eq!(
        nothing,
        [json!(20), Value::Null, Value::Null, json!(20), json!(4)]
    );
    // What was measured just now is Bob's own; it goes, so that all that he could learn is foreign.
    for ms in [100, 10_000, 100_000] {
        pretend_past(&sandbox, "alice", "gate", ms);
        pretend_past(&sandbox, "local", "gate", ms);
        let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
        ledger.busy_timeout(PATIENCE).unwrap();
        ledger
            .execute("DELETE FROM run_time WHERE owner = 'bob'", [])
            .unwrap();
        assert_eq!(told(&sandbox, &bob, &oracle), nothing, "{ms}");
        let of_alice = told(&sandbox, &alice, &oracle);
        assert_ne!(of_alice, nothing, "{ms}: she is told");
    }
    // And not by counts on the command line either: those are the local user's.
    let takes = sandbox.json(["tools", "gate"])["tools"][0]["takes"].clone();
    assert_eq!(takes["runs"], 100, "{takes}");
}

/// How long the answer to each of two ids takes, asked in turns so that what else the machine does falls on
/// both.
struct Pair {
    foreign: Vec<f64>,
    unknown: Vec<f64>,
}

fn probe(connection: &mut Kept, route: &str, params: [Value; 2], rounds: usize) -> Pair {
    let mut times = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
    for round in 0..2 * rounds {
        // a b b a a b b a …: neither always follows the other.
        let which = usize::from(matches!(round % 4, 1 | 2));
        let params = params[which].clone();
        let begun = Instant::now();
        let answer = match route.contains('/') {
            true => connection.ask(route, params),
            false => connection.ask("tools/call", json!({"name": route, "arguments": params})),
        };
        times[which].push(begun.elapsed().as_secs_f64() * 1e6);
        assert!(matches!(answer.status, 200 | 400), "{route}: {answer:?}");
    }
    let [foreign, unknown] = times;
    Pair { foreign, unknown }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

impl Pair {
    /// How far the medians are apart, as a share of the smaller.
    fn apart(&self) -> f64 {
        let (foreign, unknown) = (median(&self.foreign), median(&self.unknown));
        (foreign - unknown).abs() / foreign.min(unknown)
    }

    /// Welch's t, without the tenth of the times at each end, which the machine's other work makes.
    fn welch(&self) -> f64 {
        let kept = |times: &[f64]| {
            let mut sorted = times.to_vec();
            sorted.sort_by(f64::total_cmp);
            let cut = sorted.len() / 10;
            sorted[cut..sorted.len() - cut].to_vec()
        };
        let about = |times: &[f64]| {
            let n = times.len() as f64;
            let mean = times.iter().sum::<f64>() / n;
            let spread = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
            (mean, spread / (n - 1.0) / n)
        };
        let (foreign, unknown) = (about(&kept(&self.foreign)), about(&kept(&self.unknown)));
        (foreign.0 - unknown.0) / (foreign.1 + unknown.1).sqrt()
    }
}

/// A running job of Alice's, and Bob's connection.
fn watched(sandbox: &Sandbox, oracle: &Oracle) -> (Listening, String, Kept) {
    let server = Listening::for_users(sandbox);
    let id = server
        .user("alice")
        .start("gate", json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let connection = server.user("bob").keep();
    (server, id, connection)
}

#[test]
fn an_answer_about_a_foreign_job_takes_as_long_as_about_none() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let (server, id, mut bob) = watched(&sandbox, &oracle);
    let none = unknown(&id);
    for (route, params) in routes() {
        let asked = || [params(&id), params(&none)];
        probe(&mut bob, route, asked(), 10);
        // Medians of turns stand still on a busy machine, where means do not.
        let apart = probe(&mut bob, route, asked(), 200).apart();
        assert!(apart < 0.15, "{route} {}: {apart:.3}", params(&id));
    }
    oracle.open();
    assert_eq!(server.user("alice").finish(&id)["state"], "completed");
}

/// The figure of the book: ten thousand answers of each kind. By hand, on a quiet machine:
/// `cargo test --release -p bgjob-tests --test it -- --ignored --nocapture ten_thousand_answers`.
#[test]
#[ignore = "a measurement of a minute"]
fn ten_thousand_answers_about_a_foreign_job_and_about_none_differ_by_noise() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let (_server, id, mut bob) = watched(&sandbox, &oracle);
    let none = unknown(&id);
    for (route, params) in [
        ("get_job_status", json!({"job_id": id, "wait_s": 0})),
        ("tasks/get", json!({"taskId": id})),
    ] {
        let other = serde_json::from_str(&params.to_string().replace(&id, &none)).unwrap();
        let asked = [params, other];
        probe(&mut bob, route, asked.clone(), 500);
        let pair = probe(&mut bob, route, asked, 10_000);
        println!(
            "{route}: foreign {:.1} us, unknown {:.1} us, Welch t {:.2}",
            median(&pair.foreign),
            median(&pair.unknown),
            pair.welch()
        );
        assert!(pair.apart() < 0.1 && pair.welch().abs() < 4.5);
    }
    oracle.open();
}
