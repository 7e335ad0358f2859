//! Disks that are full or broken for a while, and kernels that run out of processes.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::until;
use serde_json::json;

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_supervisor_killed_while_it_gives_a_job_back_loses_no_body",
        a_supervisor_killed_while_it_gives_a_job_back_loses_no_body,
    ),
    (
        "a_job_that_cannot_be_prepared_goes_back_and_runs_once_later",
        a_job_that_cannot_be_prepared_goes_back_and_runs_once_later,
    ),
    (
        "a_worker_that_cannot_be_forked_is_tried_again",
        a_worker_that_cannot_be_forked_is_tried_again,
    ),
    (
        "an_end_that_cannot_be_written_is_written_when_it_can",
        an_end_that_cannot_be_written_is_written_when_it_can,
    ),
    (
        "a_result_that_cannot_be_written_is_no_success",
        a_result_that_cannot_be_written_is_no_success,
    ),
];

fn a_job_that_cannot_be_prepared_goes_back_and_runs_once_later() {
    for point in ["run.after_tree_lock", "run.after_exit_reserved"] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        oracle.open();
        sandbox.order(&format!("{point}=err(ENOSPC)"));
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        let back = "SELECT count(*) FROM transition WHERE state = 'queued'";
        until("it went back to the queue", || {
            sandbox
                .ledger()
                .query_row(back, [], |row| row.get::<_, i64>(0))
                .is_ok_and(|count| count >= 2)
        });
        assert_eq!(oracle.starts().len(), 0);
        sandbox.withdraw_orders();
        // No front-end looks: the supervisor that waits for the time is there.
        oracle.wait_for_starts(1);
        settle(&sandbox, &[id], Some(&oracle));
        assert_eq!(oracle.starts().len(), 1, "{point}");
    }
}

fn a_worker_that_cannot_be_forked_is_tried_again() {
    for error in ["EAGAIN", "EMFILE"] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        oracle.open();
        sandbox.order(&format!("run.fork=err({error})"));
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        until("it is claimed", || sandbox.recorded(&id) == "running");
        assert_eq!(oracle.starts().len(), 0);
        sandbox.withdraw_orders();
        assert_eq!(sandbox.wait(&id)["state"], "completed", "{error}");
        settle(&sandbox, &[id], Some(&oracle));
        assert_eq!(oracle.starts().len(), 1);
    }
}

fn an_end_that_cannot_be_written_is_written_when_it_can() {
    for point in ["run.write_exit_record", "commit.before"] {
        for error in ["ENOSPC", "EIO"] {
            let sandbox = sandbox();
            let oracle = Oracle::listen(&sandbox.path("gate"));
            sandbox.order(&format!("{point}=err({error})"));
            let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
            oracle.wait_for(1);
            oracle.open();
            let log = sandbox.data().join("supervisor.log");
            until("the supervisor complains", || {
                std::fs::read_to_string(&log).is_ok_and(|text| text.contains("trying again"))
            });
            assert_eq!(sandbox.recorded(&id), "running", "{point}");
            sandbox.withdraw_orders();
            assert_eq!(sandbox.wait(&id)["state"], "completed", "{point} {error}");
            settle(&sandbox, &[id], Some(&oracle));
        }
    }
}

fn a_result_that_cannot_be_written_is_no_success() {
    for point in ["work.after_patch", "work.before_result"] {
        for error in ["ENOSPC", "EIO"] {
            let sandbox = sandbox();
            sandbox.order(&format!("{point}=err({error})"));
            let id = sandbox.submit("part", &json!({"with": true}));
            let view = sandbox.wait(&id);
            assert_eq!(view["error"]["code"], "storage_error", "{point}: {view}");
            settle(&sandbox, &[id], None);
        }
    }
}

fn a_supervisor_killed_while_it_gives_a_job_back_loses_no_body() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    oracle.open();
    sandbox.order("run.after_tree_lock=err(ENOSPC);give_back.before_commit=kill");
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    sandbox.wait_for_hit("give_back.before_commit");
    sandbox.withdraw_orders();
    let view = sandbox.wait(&id);
    assert_eq!(view["state"], "completed", "{view}");
    assert_eq!(oracle.starts().len(), 1);
    settle(&sandbox, &[id], Some(&oracle));
}
