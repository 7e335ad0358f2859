//! Hooks whose starters and runners die.

use bgjob_tests::{Sandbox, until};
use serde_json::Value;

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_hook_whose_starter_dies_is_started_by_the_next_who_looks",
        a_hook_whose_starter_dies_is_started_by_the_next_who_looks,
    ),
    (
        "a_hook_whose_runner_dies_is_run_at_least_once",
        a_hook_whose_runner_dies_is_run_at_least_once,
    ),
];

fn submit(sandbox: &Sandbox) -> String {
    let hook = format!("sh -c 'cat >> {}'", sandbox.path("heard").display());
    let ran = sandbox.run([
        "run",
        "add",
        "--a",
        "1",
        "--b",
        "2",
        "--detach",
        "--on-finish",
        &hook,
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.trim().to_owned()
}

fn heard(sandbox: &Sandbox) -> usize {
    let text = std::fs::read_to_string(sandbox.path("heard")).unwrap_or_default();
    text.lines().count()
}

fn done(sandbox: &Sandbox, id: &str) -> Value {
    until("the hook is done", || {
        assert_eq!(sandbox.run(["doctor"]).code, Some(0));
        sandbox.show(id)["hook"]["state"] == "done"
    });
    sandbox.show(id)["hook"].clone()
}

fn a_hook_whose_starter_dies_is_started_by_the_next_who_looks() {
    let sandbox = sandbox();
    sandbox.order("hook.before_launch=kill");
    let id = submit(&sandbox);
    sandbox.wait_for_hit("hook.before_launch");
    assert_eq!(sandbox.recorded(&id), "completed");
    let hook = done(&sandbox, &id);
    assert_eq!(
        (heard(&sandbox), &hook["starts"]),
        (1, &Value::Null),
        "{hook}"
    );
    settle(&sandbox, &[id], None);
}

fn a_hook_whose_runner_dies_is_run_at_least_once() {
    for (point, times) in [("hook.after_begin", 1), ("hook.before_end", 2)] {
        let sandbox = sandbox();
        sandbox.order(&format!("{point}=kill"));
        let id = submit(&sandbox);
        sandbox.wait_for_hit(point);
        let hook = done(&sandbox, &id);
        assert_eq!(
            (heard(&sandbox), &hook["starts"]),
            (times, &2.into()),
            "{point}: {hook}"
        );
        settle(&sandbox, &[id], None);
    }
}
