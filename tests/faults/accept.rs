//! Submitters that die or fail on the way to an acknowledged job.

use std::fs;
use std::os::unix::process::CommandExt;

use bgjob_tests::mcp::Server;
use bgjob_tests::{Ran, Sandbox, finish, until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::json;

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_submitter_killed_before_its_commit_leaves_no_job",
        a_submitter_killed_before_its_commit_leaves_no_job,
    ),
    (
        "a_submitter_killed_after_its_commit_leaves_one_job",
        a_submitter_killed_after_its_commit_leaves_one_job,
    ),
    (
        "a_full_disk_while_accepting_is_an_error_and_no_job",
        a_full_disk_while_accepting_is_an_error_and_no_job,
    ),
    (
        "a_supervisor_that_cannot_be_started_leaves_the_job_queued",
        a_supervisor_that_cannot_be_started_leaves_the_job_queued,
    ),
    (
        "a_launcher_killed_with_its_submitter_leaves_the_job_queued",
        a_launcher_killed_with_its_submitter_leaves_the_job_queued,
    ),
    (
        "one_key_from_two_submitters_at_once_is_one_job",
        one_key_from_two_submitters_at_once_is_one_job,
    ),
    (
        "a_server_killed_between_commit_and_reply_is_asked_again_by_two_and_has_one_job",
        a_server_killed_between_commit_and_reply_is_asked_again_by_two_and_has_one_job,
    ),
];

const ADD: [&str; 8] = ["run", "add", "--a", "1", "--b", "2", "--detach", "--key=k"];

fn submit_under(sandbox: &Sandbox, orders: &str) -> Ran {
    finish(sandbox.command(ADD).env("BGJOB_FAILPOINTS", orders))
}

fn rows(sandbox: &Sandbox) -> i64 {
    sandbox
        .ledger()
        .query_row("SELECT count(*) FROM job", [], |row| row.get(0))
        .expect("the ledger reads")
}

fn directories(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    fs::read_dir(sandbox.data().join("jobs"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

/// Makes a path two hours old.
fn age(path: &std::path::Path) {
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    fs::File::open(path)
        .and_then(|file| file.set_modified(then))
        .expect("its time is set");
}

fn a_submitter_killed_before_its_commit_leaves_no_job() {
    for point in [
        "accept.before_dir",
        "accept.after_dir",
        "accept.after_input",
        "accept.before_commit",
    ] {
        let sandbox = sandbox();
        let ran = submit_under(&sandbox, &format!("{point}=kill"));
        assert_eq!(ran.code, None, "{point}: {ran:?}");
        assert_eq!(rows(&sandbox), 0, "{point}");
        for orphan in directories(&sandbox) {
            assert_eq!(sandbox.run(["jobs", "prune"]).code, Some(0));
            assert!(
                orphan.exists(),
                "{point}: a young directory may belong to a submission"
            );
            age(&orphan);
            assert_eq!(sandbox.run(["jobs", "prune"]).code, Some(0));
            assert!(!orphan.exists(), "{point}: an old one is rubbish");
        }
        let again = submit_under(&sandbox, "");
        assert_eq!(again.code, Some(0), "{again:?}");
        settle(&sandbox, &[again.stdout.trim().to_owned()], None);
        assert_eq!(rows(&sandbox), 1);
    }
}

fn a_submitter_killed_after_its_commit_leaves_one_job() {
    for point in [
        "accept.after_commit",
        "launch.before_spawn",
        "launch.after_spawn",
    ] {
        let sandbox = sandbox();
        assert_eq!(
            submit_under(&sandbox, &format!("{point}=kill")).code,
            None,
            "{point}"
        );
        assert_eq!(rows(&sandbox), 1, "{point}");
        let again = submit_under(&sandbox, "");
        assert_eq!(again.code, Some(0), "{again:?}");
        let id = again.stdout.trim().to_owned();
        assert_eq!(sandbox.wait(&id)["result"], 3, "{point}");
        settle(&sandbox, &[id], None);
        assert_eq!(rows(&sandbox), 1, "{point}: the key finds the job");
    }
}

fn a_full_disk_while_accepting_is_an_error_and_no_job() {
    for point in [
        "accept.before_dir",
        "accept.after_dir",
        "accept.after_input",
        "accept.before_commit",
    ] {
        for error in ["ENOSPC", "EIO", "EMFILE"] {
            let sandbox = sandbox();
            let ran = submit_under(&sandbox, &format!("{point}=err({error})"));
            assert_eq!(ran.code, Some(8), "{point}: {ran:?}");
            assert!(ran.stdout.is_empty(), "{point}: {ran:?}");
            assert_eq!(
                (rows(&sandbox), directories(&sandbox).len()),
                (0, 0),
                "{point} {error}"
            );
            settle(&sandbox, &[], None);
        }
    }
}

fn a_supervisor_that_cannot_be_started_leaves_the_job_queued() {
    for error in ["EAGAIN", "EMFILE"] {
        let sandbox = sandbox();
        let ran = submit_under(&sandbox, &format!("launch.before_spawn=err({error})"));
        assert_eq!(rows(&sandbox), 1, "{ran:?}");
        let id: String = sandbox
            .ledger()
            .query_row("SELECT id FROM job", [], |row| row.get(0))
            .expect("the job");
        assert_eq!(sandbox.recorded(&id), "queued");
        assert_eq!(sandbox.wait(&id)["state"], "completed");
        settle(&sandbox, &[id], None);
    }
}

fn a_launcher_killed_with_its_submitter_leaves_the_job_queued() {
    let sandbox = sandbox();
    sandbox.order("launch.before_detach=stop");
    let mut submitter = sandbox
        .command(ADD)
        .process_group(0)
        .spawn()
        .expect("the submitter starts");
    let launcher = sandbox.wait_for_hit("launch.before_detach");
    kill_process_group(Pid::from_child(&submitter), Signal::KILL).expect("the group is killed");
    submitter.wait().expect("the submitter ends");
    // It left the group of its submitter first thing; whoever finds it all the same gains nothing.
    let stopped = Pid::from_raw(launcher).expect("a pid");
    let _ = kill_process(stopped, Signal::KILL);
    until("the launcher is dead", || {
        matches!(bgjob_tests::orders::state_of(launcher), None | Some('Z'))
    });
    let id: String = sandbox
        .ledger()
        .query_row("SELECT id FROM job", [], |row| row.get(0))
        .expect("the job");
    assert_eq!(sandbox.recorded(&id), "queued");
    sandbox.withdraw_orders();
    assert_eq!(sandbox.wait(&id)["result"], 3);
    settle(&sandbox, &[id], None);
}

fn one_key_from_two_submitters_at_once_is_one_job() {
    let sandbox = sandbox();
    let started: Vec<_> = (0..8)
        .map(|_| {
            sandbox
                .command(ADD)
                .stdout(std::process::Stdio::piped())
                .spawn()
                .expect("a submitter starts")
        })
        .collect();
    let ids: std::collections::BTreeSet<String> = started
        .into_iter()
        .map(|child| child.wait_with_output().expect("it ends"))
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(rows(&sandbox), 1);
    assert_eq!(
        directories(&sandbox).len(),
        1,
        "the losers took their directories back"
    );
    let id = ids.into_iter().next().unwrap_or_default();
    assert_eq!(sandbox.wait(&id)["result"], json!(3));
    settle(&sandbox, &[id], None);
}

fn a_server_killed_between_commit_and_reply_is_asked_again_by_two_and_has_one_job() {
    let sandbox = sandbox();
    let mut doomed = sandbox.command(["serve"]);
    doomed.env("BGJOB_FAILPOINTS", "accept.after_commit=kill");
    let mut doomed = Server::greet(doomed);
    let call = json!({"name": "add", "arguments": {"a": 1, "b": 2},
        "_meta": {"io.github.bgjob/idempotency-key": "k"}});
    let asked = doomed.begin("tools/call", call.clone());
    doomed.ended();
    while doomed.hear(std::time::Duration::ZERO) {}
    assert!(!doomed.answered().contains_key(&asked.to_string()));
    assert_eq!(rows(&sandbox), 1, "it was accepted and nobody was told");
    let ids: std::collections::BTreeSet<String> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..2)
            .map(|_| {
                let mut server = Server::start(&sandbox);
                let call = call.clone();
                scope.spawn(move || {
                    let answer = server.request("tools/call", call);
                    let reply = server.reply("add", &answer);
                    assert_eq!(reply["replayed"], true, "{reply:?}");
                    reply.id()
                })
            })
            .collect();
        calls
            .into_iter()
            .map(|call| call.join().expect("a reply"))
            .collect()
    });
    assert_eq!((ids.len(), rows(&sandbox)), (1, 1));
    settle(&sandbox, &Vec::from_iter(ids), None);
}
