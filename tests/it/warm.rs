//! Workers that are forked: like executed ones, but for how they came to be.

use std::fs;
use std::process::Command;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::{Sandbox, feed, finish, until};
use serde_json::{Value, json};

use crate::sandbox;

/// A sandbox whose supervisors fork their workers, and tell how each came to be.
fn warm() -> Sandbox {
    let sandbox = sandbox();
    sandbox.set("warm_workers", "true");
    sandbox
}

/// How the worker of job `id` came to be, as its supervisor has told.
fn how(sandbox: &Sandbox, id: &str) -> String {
    let told = fs::read_to_string(sandbox.data().join("supervisor.log")).unwrap_or_default();
    let mut lines = told.lines();
    let line = lines.find(|line| line.contains(id) && line.contains("the worker is "));
    line.unwrap_or_default().to_owned()
}

/// Submits `tool` behind a job that holds the only slot, by a command that is `arranged`, and does something
/// `meanwhile`. One supervisor runs both, and tells how; only the first job's submitter asked it to.
fn behind_another(
    sandbox: &Sandbox,
    tool: &str,
    arranged: impl FnOnce(&mut Command),
    meanwhile: impl FnOnce(),
) -> (Value, String) {
    sandbox.set("max_jobs", "1");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut gate = sandbox.command(["run", "gate", "--detach", "--input", "-"]);
    let input = json!({"socket": oracle.path()}).to_string();
    let first = feed(gate.env("RUST_LOG", "info"), input.as_bytes());
    oracle.wait_for(1);
    let mut command = sandbox.command(["run", tool, "--detach"]);
    arranged(command.env_remove("RUST_LOG"));
    let second = finish(&mut command);
    meanwhile();
    oracle.open();
    sandbox.wait(first.stdout.trim());
    let view = sandbox.wait(second.stdout.trim());
    sandbox.settle();
    (view, how(sandbox, second.stdout.trim()))
}

/// Runs a tool with more in the submitter's environment; its view, and how its worker came to be.
fn run(sandbox: &Sandbox, tool: &str, input: &Value, env: &[(&str, &str)]) -> (Value, String) {
    let mut command = sandbox.command(["run", tool, "--detach", "--input", "-"]);
    command.env("RUST_LOG", "info").envs(env.iter().copied());
    let ran = feed(&mut command, input.to_string().as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let id = ran.stdout.trim();
    // A command that looked at it earlier might start a supervisor that tells nothing.
    until("it has ended", || {
        !["queued", "running"].contains(&sandbox.recorded(id).as_str())
    });
    let view = sandbox.wait(id);
    sandbox.settle();
    (view, how(sandbox, id))
}

#[track_caller]
fn forked(sandbox: &Sandbox, tool: &str, input: &Value) -> Value {
    let (view, how) = run(sandbox, tool, input, &[]);
    assert!(how.contains("the worker is forked"), "{how}: {view}");
    view
}

fn stderr_of(sandbox: &Sandbox, view: &Value) -> String {
    let dir = sandbox.job_dir(view["job_id"].as_str().unwrap());
    fs::read_to_string(dir.join("stderr.log")).unwrap()
}

fn stdout_of(sandbox: &Sandbox, view: &Value) -> String {
    let dir = sandbox.job_dir(view["job_id"].as_str().unwrap());
    fs::read_to_string(dir.join("stdout.log")).unwrap()
}

#[test]
fn a_forked_worker_is_in_the_condition_of_an_executed_one() {
    let sandbox = sandbox();
    let env = [("PASSED_ON", "yes"), ("API_TOKEN", "canary")];
    let mut both = Vec::new();
    for warm in ["false", "true"] {
        sandbox.set("warm_workers", warm);
        let (mut around, how) = run(&sandbox, "surroundings", &json!({}), &env);
        assert_eq!(how.contains("forked"), warm == "true", "{how}");
        // What names the job itself.
        let id = around["job_id"].as_str().unwrap().to_owned();
        let nonce = around["result"]["env"]["BGJOB"].as_str().unwrap()[id.len() + 1..].to_owned();
        let open = around["result"]["descriptors"].as_array_mut().unwrap();
        open.retain(|to| !to.as_str().unwrap().starts_with("/proc/"));
        let text = around["result"].to_string();
        both.push(text.replace(&id, "ID").replace(&nonce, "NONCE"));
        let (condition, _) = run(&sandbox, "condition", &json!({}), &env);
        both.push(condition["result"].to_string());
    }
    assert_eq!(both[0], both[2]);
    assert_eq!(both[1], both[3]);
}

#[test]
fn others_see_a_forked_worker_under_its_own_names() {
    let sandbox = warm();
    let view = forked(&sandbox, "seen", &json!({}));
    let seen = &view["result"];
    assert_eq!(seen["command"], json!(["bgjob", "__work", "seen"]));
    let environ = seen["environ"].as_array().unwrap();
    let mark = format!("BGJOB={}:", view["job_id"].as_str().unwrap());
    assert!(
        environ.len() == 1 && environ[0].as_str().unwrap().starts_with(&mark),
        "{environ:?}"
    );
}

#[test]
fn nothing_of_the_ledger_is_in_the_memory_of_a_forked_worker() {
    let view = forked(&warm(), "seen", &json!({}));
    assert_eq!(view["result"]["ledger"], json!([]));
}

#[test]
fn workers_of_one_supervisor_draw_different_numbers() {
    let sandbox = warm();
    sandbox.set("max_jobs", "1");
    let ids: Vec<String> = (0..4).map(|_| sandbox.submit("draw", &json!({}))).collect();
    let views: Vec<Value> = ids.iter().map(|id| sandbox.wait(id)).collect();
    for kind in ["hashes", "sqlite"] {
        let mut seen = std::collections::BTreeSet::new();
        for view in &views {
            for number in view["result"][kind].as_array().unwrap() {
                assert!(
                    seen.insert(number.as_str().unwrap()),
                    "{kind}: {number} twice"
                );
            }
        }
        assert_eq!(seen.len(), 4 * 64, "{kind}");
    }
}

#[test]
fn a_forked_worker_ends_with_its_own_exit_handlers_and_not_with_those_of_its_supervisor() {
    let sandbox = warm();
    fs::write(sandbox.data().join("before"), "registers").unwrap();
    let returned = forked(&sandbox, "leaves", &json!({}));
    assert_eq!(returned["state"], "completed");
    let left = forked(&sandbox, "leaves", &json!({"status": 7}));
    assert_eq!(left["exit"], json!({"code": 7}));
    for view in [returned, left] {
        assert_eq!(stderr_of(&sandbox, &view), "a handler of the tool\n");
        let out = stdout_of(&sandbox, &view);
        assert!(
            out.contains("what C keeps") && out.contains("what Rust keeps"),
            "{out}"
        );
    }
    let own = fs::read_to_string(sandbox.data().join("supervisor.log")).unwrap();
    assert!(own.contains("a handler of the supervisor"), "{own}");
}

#[test]
fn what_the_supervisor_has_not_written_yet_is_not_written_by_its_workers() {
    let sandbox = warm();
    fs::write(sandbox.data().join("before"), "prints").unwrap();
    let view = forked(&sandbox, "leaves", &json!({}));
    let out = stdout_of(&sandbox, &view);
    assert!(!out.contains("half a line"), "{out}");
}

#[test]
fn a_signal_that_a_tool_waits_for_is_not_taken_by_another_thread() {
    let view = forked(&warm(), "takes_a_signal", &json!({}));
    assert_eq!(view["result"], 10, "{view}");
}

#[test]
fn the_stack_of_a_forked_worker_is_as_large_and_its_overflow_is_told() {
    let sandbox = warm();
    let deep = forked(&sandbox, "deep", &json!({"kib": 5 << 10}));
    assert_eq!(deep["state"], "completed", "{deep}");
    let full = forked(&sandbox, "overflow", &json!({}));
    assert_eq!(full["error"]["code"], "crashed");
    assert!(stderr_of(&sandbox, &full).contains("overflowed its stack"));
}

#[test]
fn a_directory_that_cannot_be_entered_is_the_same_refusal() {
    let mut messages = Vec::new();
    for warm in ["false", "true"] {
        let sandbox = sandbox();
        sandbox.set("warm_workers", warm);
        let gone = sandbox.path("gone");
        fs::create_dir(&gone).unwrap();
        let arranged = |command: &mut Command| {
            command.current_dir(&gone);
        };
        let (view, how) = behind_another(&sandbox, "empty", arranged, || {
            fs::remove_dir(&gone).unwrap();
        });
        assert_eq!(how.contains("forked"), warm == "true", "{how}");
        let message = view["error"].to_string();
        messages.push(message.replace(gone.to_str().unwrap(), "GONE"));
    }
    assert!(
        messages[0].contains("cannot be started in GONE"),
        "{messages:?}"
    );
    assert_eq!(messages[0], messages[1]);
}

#[test]
fn what_the_supervisor_was_told_by_another_job_is_not_in_a_workers_environment() {
    let (view, how) = behind_another(&warm(), "surroundings", |_| (), || ());
    // So the supervisor has the variable of the first job's submitter.
    assert!(how.contains("the worker is forked"), "{how}: {view}");
    assert_eq!(view["result"]["env"].get("RUST_LOG"), None, "{view}");
}

#[test]
fn what_a_fork_could_not_do_right_is_executed() {
    let sandbox = warm();
    let why = |env: &[(&str, &str)]| {
        let (view, how) = run(&sandbox, "add", &json!({"a": 1, "b": 2}), env);
        assert_eq!(view["result"], 3, "{view}");
        assert!(!how.is_empty());
        how
    };
    assert!(why(&[]).contains("forked"));
    // The same variable in submitter and supervisor is none of a reason.
    assert!(why(&[("OMP_NUM_THREADS", "2")]).contains("forked"));
    for (before, says) in [
        ("opens", "opens files"),
        ("sets", "changes its environment"),
        ("restarts", "has threads"),
        ("", "forked"),
    ] {
        fs::write(sandbox.data().join("before"), before).unwrap();
        let how = why(&[]);
        assert!(how.contains(says), "{before}: {how}");
    }
}

#[test]
fn variables_that_are_read_when_a_program_is_loaded_are_the_jobs_own() {
    let arranged = |command: &mut Command| {
        command.env("OMP_NUM_THREADS", "3");
    };
    let (view, how) = behind_another(&warm(), "seen", arranged, || ());
    assert!(how.contains("read when a program is loaded"), "{how}");
    let environ = view["result"]["environ"].to_string();
    assert!(environ.contains("OMP_NUM_THREADS=3"), "{environ}");
}

#[test]
fn descriptors_of_the_starter_are_no_obstacle_and_reach_no_job() {
    let sandbox = warm();
    let inherited = fs::File::open("/etc/hostname").unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let view = forked(&sandbox, "surroundings", &json!({}));
    let open = view["result"]["descriptors"].to_string();
    assert!(!open.contains("hostname"), "{open}");
}

#[test]
fn a_forked_worker_dies_with_its_supervisor() {
    let sandbox = warm();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let found = sandbox.processes();
    let supervisor = found.iter().find(|found| found.kind == Kind::Supervisor);
    supervisor.unwrap().kill();
    // Nobody sweeps: nobody has looked.
    sandbox.settle();
    assert_eq!(sandbox.wait(&id)["error"]["code"], "supervisor_lost");
}

#[test]
fn a_stack_without_a_limit_is_left_to_the_kernel() {
    let sandbox = warm();
    let program = env!("CARGO_BIN_EXE_fixture");
    let line = format!(
        "ulimit -s unlimited; RUST_LOG=info '{program}' --data-dir '{}' run deep --kib 20000",
        sandbox.data().display()
    );
    let ran = finish(std::process::Command::new("sh").args(["-c", &line]));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    sandbox.settle();
    let told = fs::read_to_string(sandbox.data().join("supervisor.log")).unwrap();
    assert!(told.contains("the stack has no limit"), "{told}");
}
