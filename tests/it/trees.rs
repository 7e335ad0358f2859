//! Nothing that a job started outlives it.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{processes::Kind, until};
use serde_json::json;

use crate::sandbox;

const ESCAPES: [&str; 6] = ["plain", "setsid", "daemon", "respawn", "hop", "unmarked"];

#[test]
fn a_job_that_returns_leaves_nothing_behind() {
    let sandbox = sandbox();
    for escape in ESCAPES {
        let view = sandbox.finish(
            "litter",
            &json!({"escape": escape, "count": 5, "stay": false}),
        );
        assert_eq!(view["state"], "completed", "{escape}: {view}");
        assert!(
            view["warning"]
                .as_str()
                .is_some_and(|w| w.contains("left running")),
            "{escape}: {view}"
        );
    }
    sandbox.settle();
}

#[test]
fn a_timeout_takes_the_whole_tree() {
    let sandbox = sandbox();
    let ids: Vec<String> = ESCAPES
        .iter()
        .map(|escape| {
            sandbox.submit(
                "litter",
                &json!({"escape": escape, "count": 3, "stay": true}),
            )
        })
        .collect();
    for id in ids {
        assert_eq!(sandbox.wait(&id)["error"]["code"], "timed_out");
    }
    sandbox.settle();
}

#[test]
fn cancelling_takes_the_whole_tree() {
    let sandbox = sandbox();
    for escape in ESCAPES {
        let id = sandbox.submit("litter_for_ever", &json!({"escape": escape, "count": 3}));
        until("the job has littered", || {
            sandbox.show(&id)["phase"] == "littered"
        });
        assert_eq!(sandbox.run(["jobs", "cancel", &id]).code, Some(0));
        assert_eq!(sandbox.wait(&id)["state"], "cancelled", "{escape}");
    }
    sandbox.settle();
}

#[test]
fn what_a_dead_supervisor_left_is_swept() {
    let sandbox = sandbox();
    for escape in ["plain", "daemon", "respawn", "unmarked"] {
        let id = sandbox.submit("litter_for_ever", &json!({"escape": escape, "count": 3}));
        until("the job has littered", || {
            sandbox.show(&id)["phase"] == "littered"
        });
        let supervisor = sandbox
            .processes()
            .into_iter()
            .find(|found| found.kind == Kind::Supervisor);
        supervisor.expect("the job has a supervisor").kill();
        let view = sandbox.wait(&id);
        assert_eq!(view["error"]["code"], "supervisor_lost", "{escape}: {view}");
        assert_eq!(view["exit"], "unknown");
        sandbox.settle();
    }
}

#[test]
fn descendants_that_are_killed_do_not_decide_their_job() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let input = json!({"count": 5, "socket": oracle.path()});
    let id = sandbox.submit("family", &input);
    oracle.wait_for(1);
    let children = || {
        let found = sandbox.processes().into_iter();
        found
            .filter(|found| found.kind == Kind::Descendant)
            .collect::<Vec<_>>()
    };
    until("all children are there", || children().len() == 5);
    for child in children() {
        child.kill();
        until("it is gone", || {
            children().iter().all(|left| left.pid != child.pid)
        });
    }
    oracle.open();
    let view = sandbox.wait(&id);
    assert_eq!(
        (&view["state"], &view["result"]),
        (&json!("completed"), &json!({"dead": 5})),
        "{view}"
    );
    assert!(view["warning"].is_null(), "{view}");
}
