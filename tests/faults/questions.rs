//! Questions and answers on their way, while those who carry them die or their disk fails.

use bgjob_tests::{Sandbox, finish, until};
use serde_json::{Value, json};

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_question_is_asked_wherever_its_worker_or_its_supervisor_dies",
        a_question_is_asked_wherever_its_worker_or_its_supervisor_dies,
    ),
    (
        "an_answerer_killed_around_its_commit_has_answered_or_has_not",
        an_answerer_killed_around_its_commit_has_answered_or_has_not,
    ),
    (
        "an_answer_reaches_its_job_wherever_its_supervisor_dies_and_nobody_is_asked_twice",
        an_answer_reaches_its_job_wherever_its_supervisor_dies_and_nobody_is_asked_twice,
    ),
    (
        "questions_and_answers_wait_for_a_disk_that_fails",
        questions_and_answers_wait_for_a_disk_that_fails,
    ),
];

fn submit(sandbox: &Sandbox) -> String {
    sandbox.submit("ask_in_turn", &json!({"keys": ["a"]}))
}

/// Waits until the job asks, by what the ledger says; with `look`, somebody looks after the dead.
#[track_caller]
fn asks(sandbox: &Sandbox, id: &str, look: bool) {
    until("the job asks", || {
        if look {
            assert_eq!(sandbox.run(["doctor"]).code, Some(0));
        }
        sandbox.recorded(id) == "input_required"
    });
}

fn answer(sandbox: &Sandbox, id: &str, number: u8, orders: &str) -> Value {
    let mut command = sandbox.command(["jobs", "answer", id, &number.to_string(), "--json"]);
    let ran = finish(command.env("BGJOB_FAILPOINTS", orders));
    let code = ran.code;
    let error = (code != Some(0) && code.is_some()).then(|| ran.json()["error"]["code"].clone());
    json!({"code": code, "error": error})
}

fn taken() -> Value {
    json!({"code": 0, "error": null})
}

fn times_asked(sandbox: &Sandbox, id: &str) -> i64 {
    let sql = "SELECT count(*) FROM transition t JOIN job j ON j.seq = t.job
               WHERE j.id = ?1 AND t.state = 'input_required'";
    let asked = sandbox.ledger().query_row(sql, [id], |row| row.get(0));
    asked.expect("the ledger reads")
}

fn a_question_is_asked_wherever_its_worker_or_its_supervisor_dies() {
    for point in ["ask.before_file", "ask.before_commit", "ask.after_commit"] {
        let sandbox = sandbox();
        sandbox.order(&format!("{point}=kill"));
        let id = submit(&sandbox);
        sandbox.wait_for_hit(point);
        until("the next attempt asks", || {
            assert_eq!(sandbox.run(["doctor"]).code, Some(0));
            let view = sandbox.show(&id);
            view["state"] == "input_required" && view["attempt"] == 2
        });
        assert_eq!(answer(&sandbox, &id, 7, ""), taken(), "{point}");
        let view = sandbox.wait(&id);
        assert_eq!(
            view["result"],
            json!({"answers": [7], "attempt": 2}),
            "{point}: {view}"
        );
        settle(&sandbox, &[id], None);
    }
}

fn an_answerer_killed_around_its_commit_has_answered_or_has_not() {
    for (point, given, again) in [
        ("answer.before_commit", 2, taken()),
        (
            "answer.after_commit",
            1,
            json!({"code": 2, "error": "no_open_question"}),
        ),
    ] {
        let sandbox = sandbox();
        let id = submit(&sandbox);
        asks(&sandbox, &id, false);
        let killed = answer(&sandbox, &id, 1, &format!("{point}=kill"));
        assert_eq!(killed["code"], Value::Null, "{point}");
        assert_eq!(answer(&sandbox, &id, 2, ""), again, "{point}");
        let view = sandbox.wait(&id);
        assert_eq!(
            view["result"],
            json!({"answers": [given], "attempt": 1}),
            "{point}: {view}"
        );
        settle(&sandbox, &[id], None);
    }
}

fn an_answer_reaches_its_job_wherever_its_supervisor_dies_and_nobody_is_asked_twice() {
    for (point, attempts) in [("tell.before_file", 2..=2), ("tell.after_file", 1..=2)] {
        let sandbox = sandbox();
        sandbox.order(&format!("{point}=kill"));
        let id = submit(&sandbox);
        asks(&sandbox, &id, false);
        assert_eq!(answer(&sandbox, &id, 3, ""), taken(), "{point}");
        sandbox.wait_for_hit(point);
        let view = sandbox.wait(&id);
        assert_eq!(view["result"]["answers"], json!([3]), "{point}: {view}");
        let attempt = view["result"]["attempt"].as_i64().unwrap_or_default();
        // Told just before its supervisor died, the first attempt may be quick enough.
        assert!(attempts.contains(&attempt), "{point}: {view}");
        assert_eq!(times_asked(&sandbox, &id), 1, "{point}");
        settle(&sandbox, &[id], None);
    }
}

fn questions_and_answers_wait_for_a_disk_that_fails() {
    let sandbox = sandbox();
    let complains = |what: &str| {
        until(&format!("the supervisor cannot {what}"), || {
            let log = std::fs::read_to_string(sandbox.data().join("supervisor.log"));
            log.is_ok_and(|log| log.contains(what))
        });
    };
    sandbox.order("ask.before_commit=err(ENOSPC)");
    let id = submit(&sandbox);
    complains("note what the job asks");
    assert_eq!(sandbox.recorded(&id), "running");
    sandbox.order("tell.before_file=err(EIO)");
    asks(&sandbox, &id, false);
    let refused = answer(&sandbox, &id, 4, "answer.before_commit=err(ENOSPC)");
    assert_eq!(refused["error"], "storage_error", "{refused}");
    assert_eq!(answer(&sandbox, &id, 5, ""), taken());
    complains("tell the job its answers");
    assert_eq!(sandbox.recorded(&id), "running");
    sandbox.withdraw_orders();
    assert_eq!(
        sandbox.wait(&id)["result"],
        json!({"answers": [5], "attempt": 1})
    );
    // What a job cannot ask it hears at once.
    sandbox.order("ask.before_file=err(ENOSPC)");
    let id = submit(&sandbox);
    let view = sandbox.wait(&id);
    assert_eq!(view["state"], "failed", "{view}");
    let said = view["error"]["message"].as_str().unwrap_or_default();
    assert!(said.contains("ask `a`"), "{view}");
    settle(&sandbox, &[id], None);
}
