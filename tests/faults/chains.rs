//! Chains whose supervisor dies between two links, at each edge there is.

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::until;
use serde_json::json;

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_chain_killed_anywhere_between_two_links_loses_nothing_and_starts_nothing_twice",
        a_chain_killed_anywhere_between_two_links_loses_nothing_and_starts_nothing_twice,
    ),
    (
        "whoever_waits_for_a_job_that_failed_fails_once_wherever_its_supervisor_dies",
        whoever_waits_for_a_job_that_failed_fails_once_wherever_its_supervisor_dies,
    ),
];

/// The edges from the commit of one link to the body of the next. The number is the hit in the one
/// supervisor that runs both: it claims for the second time.
const BETWEEN: [&str; 13] = [
    "commit.before=1",
    "commit.after=1",
    "commit.after_files=1",
    "commit.after_field=1",
    "commit.after_projection=1",
    "claim.after_lock=2",
    "claim.after_commit=2",
    "run.before_prepare=2",
    "run.after_tree_lock=2",
    "run.after_exit_reserved=2",
    "run.before_fork=2",
    "run.fork=2",
    "work.before_body=1",
];

fn a_chain_killed_anywhere_between_two_links_loses_nothing_and_starts_nothing_twice() {
    for edge in BETWEEN {
        let (point, hit) = edge.split_once('=').expect("a point and a hit");
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let first = sandbox.submit("note", &json!({"text": "1", "socket": oracle.path()}));
        oracle.wait_for(1);
        let input = json!({"text": "2", "socket": oracle.path()});
        let second = sandbox.submit("append", &input);
        if point == "work.before_body" {
            // The supervisor dies with it: a worker killed alone is a crash that somebody saw.
            sandbox.order("run.after_fork=2*kill;work.before_body=stop");
            oracle.release(&first);
            sandbox.wait_for_hit("run.after_fork");
            // A forked one is on its way by then, and must find the order.
            until("its worker is gone", || {
                sandbox
                    .processes()
                    .iter()
                    .all(|found| found.kind != Kind::Worker)
            });
        } else {
            sandbox.order(&format!("{point}={hit}*kill"));
            oracle.release(&first);
            sandbox.wait_for_hit(point);
        }
        sandbox.withdraw_orders();
        oracle.open();
        for (id, text) in [(&first, "1"), (&second, "12")] {
            let view = sandbox.wait(id);
            assert_eq!(view["result"]["text"], text, "{edge}: {view}");
        }
        let starts: Vec<String> = oracle.starts().into_iter().map(|(job, _)| job).collect();
        assert_eq!(starts, [first.clone(), second.clone()], "{edge}");
        settle(&sandbox, &[first, second], Some(&oracle));
        let shown = sandbox.json(["state", "show", "note"]);
        assert_eq!(shown["fields"][0]["version"], 2, "{edge}: {shown}");
    }
}

fn whoever_waits_for_a_job_that_failed_fails_once_wherever_its_supervisor_dies() {
    for point in [
        "commit.before",
        "commit.after",
        "commit.after_files",
        "commit.after_projection",
    ] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let first = sandbox.submit("short_gate", &json!({"socket": oracle.path()}));
        oracle.wait_for(1);
        let after = |id: &str| {
            let ran = sandbox.run([
                "run", "add", "--a", "1", "--b", "2", "--detach", "--after", id,
            ]);
            ran.stdout.trim().to_owned()
        };
        let second = after(&first);
        let third = after(&second);
        sandbox.order(&format!("{point}=kill"));
        // The first runs into its timeout of a second.
        sandbox.wait_for_hit(point);
        sandbox.withdraw_orders();
        assert_eq!(sandbox.wait(&first)["error"]["code"], "timed_out");
        for id in [&second, &third] {
            let view = sandbox.wait(id);
            assert_eq!(
                view["error"]["code"], "dependency_failed",
                "{point}: {view}"
            );
        }
        settle(&sandbox, &[first, second, third], Some(&oracle));
    }
}
