//! Whoever looks after the dead may die or stop as well; so may whoever deletes what is old.

use std::fs;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::orders::{resume, state_of};
use bgjob_tests::processes::Kind;
use bgjob_tests::{Ran, Sandbox, finish, until};
use serde_json::{Value, json};

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "recovery_killed_anywhere_and_repeated_gives_the_same_end",
        recovery_killed_anywhere_and_repeated_gives_the_same_end,
    ),
    (
        "recovery_killed_before_it_gives_a_job_back_starts_it_once",
        recovery_killed_before_it_gives_a_job_back_starts_it_once,
    ),
    (
        "a_reconciler_stopped_after_judging_and_another_end_the_job_once",
        a_reconciler_stopped_after_judging_and_another_end_the_job_once,
    ),
    (
        "a_job_of_another_boot_is_ended_without_a_signal",
        a_job_of_another_boot_is_ended_without_a_signal,
    ),
    (
        "a_prune_killed_anywhere_and_repeated_deletes_just_that",
        a_prune_killed_anywhere_and_repeated_deletes_just_that,
    ),
    (
        "a_prune_killed_between_a_value_and_its_file_loses_no_living_value",
        a_prune_killed_between_a_value_and_its_file_loses_no_living_value,
    ),
    (
        "a_reset_whose_copy_was_not_removed_is_shown_by_the_next",
        a_reset_whose_copy_was_not_removed_is_shown_by_the_next,
    ),
    (
        "a_damaged_or_stale_copy_of_a_state_field_is_written_anew",
        a_damaged_or_stale_copy_of_a_state_field_is_written_anew,
    ),
];

/// A job whose supervisor was just killed.
fn orphan(sandbox: &Sandbox, oracle: &Oracle) -> String {
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let supervisors: Vec<_> = sandbox
        .processes()
        .into_iter()
        .filter(|found| found.kind == Kind::Supervisor)
        .collect();
    for found in supervisors {
        found.kill();
        // Its lock is free when it is a zombie, and not before.
        until("the supervisor is dead", || {
            matches!(state_of(found.pid), None | Some('Z'))
        });
    }
    id
}

fn doctor_under(sandbox: &Sandbox, orders: &str) -> Ran {
    finish(sandbox.command(["doctor"]).env("BGJOB_FAILPOINTS", orders))
}

fn recovery_killed_anywhere_and_repeated_gives_the_same_end() {
    for point in [
        "reconcile.after_lock",
        "reconcile.before_sweep",
        "reconcile.after_sweep",
        "commit.before",
        "commit.after",
        "commit.after_files",
    ] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let id = orphan(&sandbox, &oracle);
        assert_eq!(
            doctor_under(&sandbox, &format!("{point}=kill")).code,
            None,
            "{point}"
        );
        let view = sandbox.wait(&id);
        assert_eq!(view["error"]["code"], "supervisor_lost", "{point}: {view}");
        settle(&sandbox, &[id], Some(&oracle));
    }
}

fn recovery_killed_before_it_gives_a_job_back_starts_it_once() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    oracle.open();
    sandbox.order("run.before_prepare=kill");
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    sandbox.wait_for_hit("run.before_prepare");
    let ran = doctor_under(&sandbox, "reconcile.before_give_back=kill");
    assert_eq!(ran.code, None, "{ran:?}");
    assert_eq!(sandbox.recorded(&id), "running");
    assert_eq!(sandbox.wait(&id)["state"], "completed");
    settle(&sandbox, &[id], Some(&oracle));
    assert_eq!(oracle.starts().len(), 1);
}

fn a_reconciler_stopped_after_judging_and_another_end_the_job_once() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = orphan(&sandbox, &oracle);
    let mut first = sandbox
        .command(["doctor"])
        .env("BGJOB_FAILPOINTS", "reconcile.after_sweep=stop")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a reconciler starts");
    let stopped = sandbox.wait_for_hit("reconcile.after_sweep");
    // The second finds the lock held, and leaves the job to its holder.
    assert_eq!(doctor_under(&sandbox, "").code, Some(0));
    assert_eq!(sandbox.recorded(&id), "running");
    resume(stopped);
    assert!(first.wait().expect("it ends").success());
    settle(&sandbox, &[id], Some(&oracle));
}

fn a_job_of_another_boot_is_ended_without_a_signal() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = orphan(&sandbox, &oracle);
    // A stranger that looks just like a process of the job: after a restart, it is none.
    let mark: String = sandbox
        .ledger()
        .query_row("SELECT id || ':' || nonce FROM job", [], |row| row.get(0))
        .expect("the job");
    let writer =
        rusqlite::Connection::open(sandbox.data().join("ledger.db")).expect("the ledger opens");
    writer
        .execute("UPDATE job SET boot = 'another'", [])
        .expect("the boot is changed");
    drop(writer);
    let mut stranger = std::process::Command::new("sleep")
        .arg("1000")
        .env("BGJOB", mark)
        .spawn()
        .expect("a stranger starts");
    let view = sandbox.wait(&id);
    assert_eq!(view["error"]["code"], "host_restarted", "{view}");
    assert!(
        stranger.try_wait().expect("it can be waited for").is_none(),
        "no signal was sent"
    );
    stranger.kill().expect("the stranger is ours");
    stranger.wait().expect("the stranger ends");
    settle(&sandbox, &[id], Some(&oracle));
}

fn a_prune_killed_anywhere_and_repeated_deletes_just_that() {
    for point in ["prune.before_rows", "prune.after_rows", "prune.before_dir"] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let old: Vec<String> = (0..3)
            .map(|n| sandbox.submit("add", &json!({"a": n, "b": 1})))
            .collect();
        for id in &old {
            sandbox.wait(id);
        }
        let live = sandbox.submit("gate", &json!({"socket": oracle.path()}));
        oracle.wait_for(1);
        let prune = ["jobs", "prune", "--older-than", "0s"];
        let ran = finish(
            sandbox
                .command(prune)
                .env("BGJOB_FAILPOINTS", format!("{point}=kill")),
        );
        assert_eq!(ran.code, None, "{point}: {ran:?}");
        // What lost its row must not come back from its directory.
        let rows = || -> i64 {
            let sql = "SELECT count(*) FROM job";
            sandbox
                .ledger()
                .query_row(sql, [], |row| row.get(0))
                .expect("the ledger reads")
        };
        let left = rows();
        assert_eq!(sandbox.run(["doctor"]).code, Some(0));
        assert_eq!(rows(), left, "{point}");
        assert_eq!(sandbox.run(prune).code, Some(0));
        for id in &old {
            assert!(!sandbox.job_dir(id).exists(), "{point}: {id}");
            assert_eq!(sandbox.run(["jobs", "show", id]).code, Some(3), "{point}");
        }
        oracle.open();
        settle(&sandbox, &[live], Some(&oracle));
    }
}

fn a_prune_killed_between_a_value_and_its_file_loses_no_living_value() {
    let sandbox = sandbox();
    for kib in [100, 200] {
        sandbox.wait(&sandbox.submit("big", &json!({"kib": kib})));
    }
    let prune = ["jobs", "prune", "--older-than", "0s"];
    let orders = "prune.after_value_rows=kill";
    let ran = finish(sandbox.command(prune).env("BGJOB_FAILPOINTS", orders));
    assert_eq!(ran.code, None, "{ran:?}");
    assert_eq!(sandbox.run(prune).code, Some(0));
    let shown = sandbox.json(["state", "show", "big"]);
    assert_eq!(
        shown["value"]["text"].as_str().map(str::len),
        Some(200 << 10)
    );
    settle(&sandbox, &[], None);
}

fn a_reset_whose_copy_was_not_removed_is_shown_by_the_next() {
    let sandbox = sandbox();
    assert_eq!(
        sandbox
            .run(["state", "set", "note", r#"{"text": "old"}"#])
            .code,
        Some(0)
    );
    let orders = "state.after_reset=kill";
    let ran = finish(
        sandbox
            .command(["state", "reset", "note"])
            .env("BGJOB_FAILPOINTS", orders),
    );
    assert_eq!(ran.code, None, "{ran:?}");
    assert!(sandbox.data().join("state/note.json").exists());
    settle(&sandbox, &[], None);
    assert!(!sandbox.data().join("state/note.json").exists());
}

fn a_damaged_or_stale_copy_of_a_state_field_is_written_anew() {
    let sandbox = sandbox();
    let path = sandbox.data().join("state/note.json");
    let set = |text: &str, orders: &str| {
        finish(
            sandbox
                .command(["state", "set", "note", &format!("{{\"text\":\"{text}\"}}")])
                .env("BGJOB_FAILPOINTS", orders),
        )
    };
    assert_eq!(set("one", "").code, Some(0));
    assert_eq!(set("two", "state.after_set=kill").code, None);
    let shown = || -> Value {
        serde_json::from_slice(&fs::read(&path).unwrap_or_default()).unwrap_or_default()
    };
    assert_eq!(shown()["value"]["text"], "one", "the copy is stale");
    assert_eq!(sandbox.run(["doctor"]).code, Some(0));
    assert_eq!(
        (&shown()["value"]["text"], &shown()["version"]),
        (&json!("two"), &json!(2))
    );
    for content in [
        "",
        "{",
        "{\"field\":\"note\",\"version\":1,\"value\":{}}\n",
        "\0\0\0\0",
    ] {
        fs::write(&path, content).expect("the copy is damaged");
        assert_eq!(sandbox.run(["doctor"]).code, Some(0));
        assert_eq!(shown()["value"]["text"], "two", "{content:?}");
    }
    fs::remove_file(&path).expect("the copy is deleted");
    assert_eq!(sandbox.run(["doctor"]).code, Some(0));
    assert_eq!(shown()["value"]["text"], "two");
    settle(&sandbox, &[], None);
}
