//! Supervisors that die at each edge between claiming a job and having shown its end.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::orders::resume;
use bgjob_tests::processes::Kind;
use bgjob_tests::until;
use serde_json::{Value, json};

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_supervisor_killed_before_its_claim_costs_nothing",
        a_supervisor_killed_before_its_claim_costs_nothing,
    ),
    (
        "a_supervisor_killed_before_the_body_begins_costs_nothing",
        a_supervisor_killed_before_the_body_begins_costs_nothing,
    ),
    (
        "a_job_whose_supervisor_always_dies_before_the_body_is_lost_in_the_end",
        a_job_whose_supervisor_always_dies_before_the_body_is_lost_in_the_end,
    ),
    (
        "a_supervisor_killed_while_the_body_runs_is_lost_with_one_body",
        a_supervisor_killed_while_the_body_runs_is_lost_with_one_body,
    ),
    (
        "a_result_on_disk_survives_its_supervisor_at_every_edge",
        a_result_on_disk_survives_its_supervisor_at_every_edge,
    ),
    (
        "an_exit_on_record_survives_its_supervisor",
        an_exit_on_record_survives_its_supervisor,
    ),
    (
        "a_worker_killed_around_its_result_has_one_or_none",
        a_worker_killed_around_its_result_has_one_or_none,
    ),
    (
        "a_supervisor_killed_while_it_passes_the_baton_stops_nobody",
        a_supervisor_killed_while_it_passes_the_baton_stops_nobody,
    ),
    (
        "a_supervisor_stopped_with_the_lock_does_not_strand_the_others",
        a_supervisor_stopped_with_the_lock_does_not_strand_the_others,
    ),
    (
        "a_supervisor_stopped_beside_a_new_worker_knows_that_it_ran_out_of_time",
        a_supervisor_stopped_beside_a_new_worker_knows_that_it_ran_out_of_time,
    ),
];

fn a_supervisor_killed_before_its_claim_costs_nothing() {
    for point in ["launch.after_detach", "claim.after_lock"] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        oracle.open();
        sandbox.order(&format!("{point}=kill"));
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        sandbox.wait_for_hit(point);
        assert_eq!(sandbox.recorded(&id), "queued", "{point}");
        let view = sandbox.wait(&id);
        assert_eq!(view["state"], "completed", "{point}: {view}");
        assert_eq!(oracle.starts().len(), 1, "{point}");
        settle(&sandbox, &[id], Some(&oracle));
    }
}

fn a_supervisor_killed_before_the_body_begins_costs_nothing() {
    for point in [
        "claim.after_commit",
        "run.before_prepare",
        "run.after_tree_lock",
        "run.after_exit_reserved",
        "run.before_fork",
        "run.fork",
        "run.after_fork",
    ] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        oracle.open();
        // The worker of the last one shall not get as far as its body.
        sandbox.order(&format!("{point}=kill;work.before_body=stop"));
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        sandbox.wait_for_hit(point);
        sandbox.withdraw_orders();
        let view = sandbox.wait(&id);
        assert_eq!(
            (&view["state"], &view["attempt"]),
            (&json!("completed"), &json!(1)),
            "{point}: {view}"
        );
        assert_eq!(oracle.starts().len(), 1, "{point}");
        settle(&sandbox, &[id], Some(&oracle));
    }
}

fn a_job_whose_supervisor_always_dies_before_the_body_is_lost_in_the_end() {
    let sandbox = sandbox();
    let id = sandbox.submit("sleep", &json!({"ms": 1}));
    sandbox.wait(&id);
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let point = "run.before_prepare";
    sandbox.order(&format!("{point}=kill"));
    let doomed = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    for _ in 0..3 {
        sandbox.wait_for_hit(point);
        sandbox.rearm(point);
        assert_eq!(sandbox.run(["doctor"]).code, Some(0));
    }
    sandbox.wait_for_hit(point);
    let view = sandbox.wait(&doomed);
    assert_eq!(view["error"]["code"], "supervisor_lost", "{view}");
    settle(&sandbox, &[id, doomed], Some(&oracle));
    assert_eq!(oracle.starts().len(), 0);
}

fn a_supervisor_killed_while_the_body_runs_is_lost_with_one_body() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    for found in sandbox.processes() {
        if found.kind == Kind::Supervisor {
            found.kill();
        }
    }
    let view = sandbox.wait(&id);
    assert_eq!(view["error"]["code"], "supervisor_lost", "{view}");
    assert_eq!(oracle.starts().len(), 1);
    assert!(
        oracle.waiting().is_empty(),
        "the body ended before the job did"
    );
    settle(&sandbox, &[id], Some(&oracle));
}

fn a_result_on_disk_survives_its_supervisor_at_every_edge() {
    for point in [
        "run.before_exit_record",
        "run.after_exit_record",
        "run.after_tree",
        "commit.before",
        "commit.after",
        "commit.after_files",
        "commit.after_field",
        "commit.after_projection",
    ] {
        let sandbox = sandbox();
        sandbox.order(&format!("{point}=kill"));
        let id = sandbox.submit("note", &json!({"text": "kept"}));
        sandbox.wait_for_hit(point);
        sandbox.withdraw_orders();
        let view = sandbox.wait(&id);
        assert_eq!(
            (&view["state"], &view["result"]),
            (&json!("completed"), &json!({"text": "kept"})),
            "{point}: {view}"
        );
        assert_eq!(view["state_patch"]["version"], 1, "{point}");
        settle(&sandbox, &[id], None);
        assert_eq!(
            sandbox.json(["state", "show", "note"])["value"]["text"],
            "kept",
            "{point}"
        );
    }
}

fn an_exit_on_record_survives_its_supervisor() {
    let expect = |point: &str, code: &str, exit: Value| {
        let sandbox = sandbox();
        sandbox.order(&format!("{point}=kill"));
        let id = sandbox.submit("exit", &json!({"status": 3}));
        sandbox.wait_for_hit(point);
        sandbox.withdraw_orders();
        let view = sandbox.wait(&id);
        assert_eq!(
            (&view["error"]["code"], &view["exit"]),
            (&json!(code), &exit),
            "{point}: {view}"
        );
        settle(&sandbox, &[id], None);
    };
    expect(
        "run.before_exit_record",
        "supervisor_lost",
        json!("unknown"),
    );
    for point in [
        "run.after_exit_record",
        "run.after_tree",
        "commit.before",
        "commit.after",
    ] {
        expect(point, "crashed", json!({"code": 3}));
    }
}

fn a_worker_killed_around_its_result_has_one_or_none() {
    for (point, state) in [
        ("work.before_body", "failed"),
        ("work.begun", "failed"),
        ("work.after_patch", "failed"),
        ("work.before_result", "failed"),
        ("work.after_result", "completed"),
    ] {
        let sandbox = sandbox();
        sandbox.order(&format!("{point}=kill"));
        let id = sandbox.submit("part", &json!({"with": true}));
        let view = sandbox.wait(&id);
        assert_eq!(
            (&view["state"], &view["exit"]),
            (&json!(state), &json!({"signal": 9})),
            "{point}: {view}"
        );
        assert_eq!(
            view["state_patch"]["applied"] == true,
            state == "completed",
            "{point}: {view}"
        );
        settle(&sandbox, &[id], None);
    }
}

fn a_supervisor_killed_while_it_passes_the_baton_stops_nobody() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    // Two fill the slots; the end of one makes its supervisor claim the third and look for more.
    let mut ids: Vec<String> = (0..2)
        .map(|_| sandbox.submit("gate", &json!({"socket": oracle.path()})))
        .collect();
    oracle.wait_for(2);
    ids.extend((0..3).map(|_| sandbox.submit("gate", &json!({"socket": oracle.path()}))));
    sandbox.set("max_jobs", "3");
    sandbox.order("baton.before_launch=kill");
    oracle.release(&ids[0]);
    sandbox.wait_for_hit("baton.before_launch");
    sandbox.withdraw_orders();
    oracle.open();
    // Nobody looks after anything now but the other supervisor.
    oracle.wait_for_starts(4);
    settle(&sandbox, &ids, Some(&oracle));
    assert!(oracle.most() <= 3);
}

fn a_supervisor_stopped_with_the_lock_does_not_strand_the_others() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "2");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    oracle.open();
    sandbox.order("claim.after_lock=stop");
    let held = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    let stopped = sandbox.wait_for_hit("claim.after_lock");
    let other = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    assert_eq!(sandbox.wait(&other)["state"], "completed");
    assert_eq!(sandbox.recorded(&held), "queued");
    bgjob_tests::orders::resume(stopped);
    settle(&sandbox, &[held, other], Some(&oracle));
}

fn a_supervisor_stopped_beside_a_new_worker_knows_that_it_ran_out_of_time() {
    let sandbox = sandbox();
    sandbox.order("run.after_fork=stop");
    let id = sandbox.submit("stubborn", &json!({}));
    let stopped = sandbox.wait_for_hit("run.after_fork");
    // Timeout 1 s, grace 10 s, margin 5 s: the worker's own timer.
    until("the worker's own timer has killed it", || {
        let all = sandbox.processes();
        all.iter().all(|found| found.kind != Kind::Worker)
    });
    resume(stopped);
    let view = sandbox.wait(&id);
    assert_eq!(view["error"]["code"], "timed_out", "{view}");
    settle(&sandbox, &[id], None);
}
