//! The command that is run once a job has ended.

use std::path::PathBuf;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{Sandbox, finish, until};
use serde_json::{Value, json};

use crate::sandbox;

/// A hook that appends what it gets to a file, after `extra`.
fn script(sandbox: &Sandbox, extra: &str) -> String {
    format!("sh -c '{extra}; cat >> {}'", heard(sandbox).display())
}

fn heard(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("heard")
}

/// The envelopes that hooks got so far.
fn envelopes(sandbox: &Sandbox) -> Vec<Value> {
    let text = std::fs::read_to_string(heard(sandbox)).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn hook_of(sandbox: &Sandbox, id: &str) -> Value {
    sandbox.show(id)["hook"].clone()
}

/// Waits until the hook of a job has ended; what became of it.
fn ended(sandbox: &Sandbox, id: &str) -> Value {
    until("the hook ends", || {
        let state = hook_of(sandbox, id)["state"].clone();
        state == "done" || state == "failed"
    });
    hook_of(sandbox, id)
}

fn run(sandbox: &Sandbox, hook: &str, tool: &[&str]) -> String {
    let words = ["run"].into_iter().chain(tool.iter().copied());
    let words = words.chain(["--detach", "--on-finish", hook]);
    let ran = sandbox.run(words);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.trim().to_owned()
}

const ADD: [&str; 5] = ["add", "--a", "1", "--b", "2"];

#[test]
fn a_hook_gets_the_job_and_is_run_once_for_every_kind_of_end() {
    let sandbox = sandbox();
    let hook = script(&sandbox, ":");
    // Nothing ends before everything is submitted.
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let completed = run(&sandbox, &hook, &ADD);
    let failed = run(&sandbox, &hook, &["fail", "--text", "no feed"]);
    let doomed = run(
        &sandbox,
        &hook,
        &["add", "--a", "1", "--b", "2", "--after", &failed],
    );
    oracle.open();
    for id in [&completed, &failed, &doomed] {
        assert_eq!(ended(&sandbox, id)["state"], "done", "{id}");
    }
    sandbox.settle();
    let heard = envelopes(&sandbox);
    let of = |id: &str| {
        heard
            .iter()
            .filter(|view| view["job_id"] == id)
            .collect::<Vec<_>>()
    };
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert_eq!(
        (&of(&completed)[0]["state"], &of(&completed)[0]["result"]),
        (&json!("completed"), &json!(3))
    );
    assert_eq!(of(&failed)[0]["error"]["code"], "tool_error");
    assert_eq!(of(&doomed)[0]["error"]["code"], "dependency_failed");
    let env = sandbox.job_dir(&completed).join("hook.env");
    assert!(!env.exists(), "the environment does not stay");
}

#[test]
fn the_hook_of_a_job_that_is_cancelled_in_the_queue_is_run_too() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let queued = run(&sandbox, &script(&sandbox, ":"), &ADD);
    assert_eq!(hook_of(&sandbox, &queued)["state"], "waiting");
    assert_eq!(sandbox.run(["jobs", "cancel", &queued]).code, Some(0));
    assert_eq!(ended(&sandbox, &queued)["state"], "done");
    assert_eq!(envelopes(&sandbox)[0]["state"], "cancelled");
    assert_eq!(sandbox.state_of(&first), "running", "nobody else noticed");
    oracle.open();
    sandbox.wait(&first);
}

#[test]
fn a_hook_is_in_no_jobs_tree_and_bears_no_mark_of_one() {
    let sandbox = sandbox();
    let hook = script(
        &sandbox,
        "env > ../../../env; ls -l /proc/$$/fd > ../../../fds; cat /proc/$$/stat > ../../../stat",
    );
    let words = ["run"]
        .into_iter()
        .chain(ADD)
        .chain(["--detach", "--on-finish", &hook]);
    let mut command = sandbox.command(words);
    let ran = finish(command.env("A_SECRET_OF_THE_SUBMITTER", "x"));
    let id = ran.stdout.trim().to_owned();
    assert_eq!(
        ended(&sandbox, &id)["state"],
        "done",
        "{}",
        hook_of(&sandbox, &id)
    );
    let read = |name: &str| std::fs::read_to_string(sandbox.path(name)).unwrap();
    let env = read("env");
    let ours: Vec<&str> = env
        .lines()
        .filter(|line| line.starts_with("BGJOB"))
        .collect();
    let data = format!("BGJOB_DATA_DIR={}", sandbox.data().display());
    assert_eq!(
        ours,
        [data.as_str()],
        "a hook may call the program; it is no job"
    );
    assert!(env.lines().any(|line| line.starts_with("PATH=")), "{env}");
    assert!(!env.contains("A_SECRET"), "{env}");
    assert!(!read("fds").contains("lock"), "{}", read("fds"));
}

#[test]
fn a_hook_that_fails_hangs_floods_or_forks_harms_nobody_and_is_seen() {
    let sandbox = sandbox();
    sandbox.set("hook_timeout", "1s");
    let missing = run(&sandbox, "no-such-program-anywhere", &ADD);
    let fails = run(&sandbox, "sh -c 'echo out of paper >&2; exit 3'", &ADD);
    let hangs = run(
        &sandbox,
        "sh -c 'trap \"\" TERM; while :; do sleep 1; done'",
        &ADD,
    );
    let floods = run(
        &sandbox,
        "sh -c 'yes | head -c 50000000; echo the end; exit 4'",
        &ADD,
    );
    let forks = run(
        &sandbox,
        "sh -c 'for n in 1 2 3; do (setsid sleep 1000 &) ; done'",
        &ADD,
    );
    for id in [&missing, &fails, &hangs, &floods, &forks] {
        assert_eq!(
            sandbox.wait(id)["state"],
            "completed",
            "the job is not touched"
        );
    }
    let says = |id: &str| ended(&sandbox, id);
    assert!(
        says(&missing)["error"]
            .as_str()
            .unwrap()
            .contains("no-such-program-anywhere")
    );
    assert_eq!(
        (&says(&fails)["exit"], &says(&fails)["output_tail"]),
        (&json!({"code": 3}), &json!("out of paper"))
    );
    assert_eq!(says(&hangs)["error"], "it ran longer than 1s");
    assert_eq!(says(&hangs)["exit"], json!({"signal": 9}));
    let tail = says(&floods)["output_tail"].as_str().unwrap().to_owned();
    assert!(tail.len() <= 2048 && tail.ends_with("the end"), "{tail}");
    assert_eq!(says(&forks)["state"], "done");
    // The sandbox would find what the fifth left behind.
    sandbox.settle();
    let shown = sandbox.run(["jobs", "show", &fails]).stdout;
    assert!(
        shown.contains("failed: status 3; it said: out of paper"),
        "{shown}"
    );
    let report = sandbox.run(["doctor"]);
    assert!(
        report.stdout.contains("4 of the hooks failed within a day"),
        "{report:?}"
    );
    assert_eq!(
        report.code,
        Some(0),
        "a warning is no problem of the directory"
    );
}

#[test]
fn a_hook_that_nobody_waits_for_does_not_delay_the_next_job() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let gate = ["gate", "--socket", &oracle.path()].map(str::to_owned);
    let gate = gate.each_ref().map(String::as_str);
    // The hook goes on until the second job has run, which has the same slot.
    let hook = format!(
        "sh -c 'while [ ! -e {} ]; do sleep 0.01; done'",
        sandbox.path("over").display()
    );
    let first = run(&sandbox, &hook, &ADD);
    let second = run(&sandbox, "true", &gate);
    oracle.wait_for(1);
    until("the hook of the first runs", || {
        hook_of(&sandbox, &first)["state"] == "running"
    });
    oracle.open();
    sandbox.wait(&second);
    std::fs::write(sandbox.path("over"), "").unwrap();
    assert_eq!(ended(&sandbox, &first)["state"], "done");
    assert_eq!(ended(&sandbox, &second)["state"], "done");
}

#[test]
fn the_setting_is_for_every_job_and_a_retry_keeps_the_hook() {
    let sandbox = sandbox();
    sandbox.set("on_finish", &script(&sandbox, ":"));
    let by_setting = sandbox.submit("fail", &json!({"text": "x"}));
    ended(&sandbox, &by_setting);
    let own = run(&sandbox, "true", &ADD);
    assert_eq!(
        ended(&sandbox, &own)["command"],
        json!(["true"]),
        "the job's own counts"
    );
    let again = sandbox.json(["jobs", "retry", &own, "--detach"]);
    let again = again["job_id"].as_str().unwrap();
    assert_eq!(ended(&sandbox, again)["command"], json!(["true"]));
    sandbox.set("on_finish", "");
    let without = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&without);
    assert_eq!(hook_of(&sandbox, &without), Value::Null);
    assert_eq!(envelopes(&sandbox).len(), 1);
    let refused = sandbox.run(["run", "add", "--a", "1", "--b", "2", "--on-finish", "'open"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}
