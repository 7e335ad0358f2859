//! Cancelling a job whose supervisor, or canceller, stands still or dies at each edge.

use bgjob_tests::finish;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::orders::resume;
use serde_json::json;

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_canceller_that_wakes_late_does_not_show_the_past",
        a_canceller_that_wakes_late_does_not_show_the_past,
    ),
    (
        "cancelling_at_every_edge_is_acknowledged_and_ends_once",
        cancelling_at_every_edge_is_acknowledged_and_ends_once,
    ),
    (
        "a_job_cancelled_while_it_is_claimed_is_never_also_started",
        a_job_cancelled_while_it_is_claimed_is_never_also_started,
    ),
    (
        "a_canceller_killed_around_its_commit_cancels_or_does_not",
        a_canceller_killed_around_its_commit_cancels_or_does_not,
    ),
    (
        "a_cancelled_job_whose_supervisor_dies_is_cancelled",
        a_cancelled_job_whose_supervisor_dies_is_cancelled,
    ),
];

fn cancelling_at_every_edge_is_acknowledged_and_ends_once() {
    // Where the supervisor stands still, and what becomes of the job.
    for (point, end) in [
        ("claim.after_commit", "cancelled"),
        ("run.before_prepare", "cancelled"),
        ("run.before_fork", "cancelled"),
        ("run.after_fork", "cancelled"),
        ("run.before_exit_record", "completed"),
        ("run.after_exit_record", "completed"),
        ("run.after_tree", "completed"),
        ("commit.before", "completed"),
        ("commit.after", "completed"),
    ] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        sandbox.order(&format!("{point}=stop"));
        if end == "completed" {
            oracle.open();
        }
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        let stopped = sandbox.wait_for_hit(point);
        for _ in 0..2 {
            let ran = sandbox.run(["jobs", "cancel", &id, "--grace", "0s"]);
            assert_eq!(ran.code, Some(0), "{point}: {ran:?}");
        }
        resume(stopped);
        let view = sandbox.wait(&id);
        assert_eq!(view["state"], end, "{point}: {view}");
        assert_eq!(
            sandbox.run(["jobs", "cancel", &id]).code,
            Some(0),
            "{point}"
        );
        settle(&sandbox, &[id.clone()], Some(&oracle));
        assert_eq!(sandbox.state_of(&id), end, "{point}");
    }
}

fn a_job_cancelled_while_it_is_claimed_is_never_also_started() {
    for point in ["launch.after_detach", "claim.after_lock"] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        oracle.open();
        sandbox.order(&format!("{point}=stop"));
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        let stopped = sandbox.wait_for_hit(point);
        assert_eq!(
            sandbox.json(["jobs", "cancel", &id])["jobs"][0]["state"],
            "cancelled",
            "{point}"
        );
        resume(stopped);
        settle(&sandbox, &[id.clone()], Some(&oracle));
        assert_eq!(sandbox.state_of(&id), "cancelled");
        assert_eq!(oracle.starts().len(), 0, "{point}");
    }
}

fn a_canceller_killed_around_its_commit_cancels_or_does_not() {
    for (point, end) in [
        ("cancel.before_commit", "completed"),
        ("cancel.after_commit", "cancelled"),
    ] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        oracle.wait_for(1);
        let ran = finish(
            sandbox
                .command(["jobs", "cancel", &id])
                .env("BGJOB_FAILPOINTS", format!("{point}=kill")),
        );
        assert_eq!(ran.code, None, "{point}: {ran:?}");
        if end == "completed" {
            oracle.open();
        }
        assert_eq!(sandbox.wait(&id)["state"], end, "{point}");
        settle(&sandbox, &[id], Some(&oracle));
    }
}

fn a_cancelled_job_whose_supervisor_dies_is_cancelled() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.order("run.after_fork=stop");
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    let stopped = sandbox.wait_for_hit("run.after_fork");
    assert_eq!(sandbox.run(["jobs", "cancel", &id]).code, Some(0));
    let pid = rustix::process::Pid::from_raw(stopped).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL)
        .expect("our own zombie-to-be");
    let view = sandbox.wait(&id);
    assert_eq!(
        (&view["state"], &view["exit"]),
        (&json!("cancelled"), &json!("unknown")),
        "{view}"
    );
    settle(&sandbox, &[id], Some(&oracle));
}

fn a_canceller_that_wakes_late_does_not_show_the_past() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let mut canceller = sandbox
        .command(["jobs", "cancel", &id])
        .env("BGJOB_FAILPOINTS", "cancel.after_commit=stop")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a canceller starts");
    let stopped = sandbox.wait_for_hit("cancel.after_commit");
    sandbox.wait(&id);
    // It will now show the job as it was: running.
    resume(stopped);
    assert!(canceller.wait().expect("it ends").success());
    // Before anybody else looks, who would mend it.
    let shown = std::fs::read_to_string(sandbox.job_dir(&id).join("job.json")).expect("a file");
    assert!(shown.contains("\"state\": \"cancelled\""), "{shown}");
    settle(&sandbox, &[id], Some(&oracle));
}
