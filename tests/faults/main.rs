//! What happens when the engine dies, stops or fails at each of its edges. A test pass of its own,
//! since the failpoints are compiled in:
//!
//! `CARGO_TARGET_DIR=target/faults cargo test -p bgjob-tests --features failpoints --test faults [name…]`
//!
//! Each scenario runs in a process of its own that is a child subreaper: whatever escapes from a job
//! becomes its child, so that `ECHILD` at the end proves that nothing was left running.

mod accept;
mod cancel;
mod chains;
mod disk;
mod hooks;
mod power;
mod questions;
mod reconcile;
mod supervisor;
mod trees;

use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use bgjob_tests::invariants;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{PATIENCE, Sandbox};
use rustix::process::{Pid, WaitOptions};

/// Names a scenario to the process that shall run it.
const ONLY: &str = "BGJOB_SCENARIO";

type Scenario = (&'static str, fn());

fn all() -> Vec<Scenario> {
    [
        accept::ALL,
        cancel::ALL,
        chains::ALL,
        disk::ALL,
        hooks::ALL,
        power::ALL,
        questions::ALL,
        reconcile::ALL,
        supervisor::ALL,
        trees::ALL,
    ]
    .concat()
}

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(ONLY) {
        return run_one(&name);
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let scenarios: Vec<Scenario> = all()
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(part)))
        .collect();
    if std::env::args().any(|arg| arg == "--list") {
        for (name, _) in &scenarios {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    println!("running {} scenarios", scenarios.len());
    let failed = run_all(&scenarios);
    println!(
        "{} passed, {} failed",
        scenarios.len() - failed.len(),
        failed.len()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run_all(scenarios: &[Scenario]) -> Vec<&'static str> {
    let at_once = std::thread::available_parallelism().map_or(2, Into::into);
    let (mut failed, mut left) = (Vec::new(), scenarios.iter());
    let mut running: Vec<(&str, Child, Instant)> = Vec::new();
    loop {
        while running.len() < at_once {
            let Some((name, _)) = left.next() else { break };
            running.push((name, start(name), Instant::now()));
        }
        if running.is_empty() {
            return failed;
        }
        let ended = running
            .iter_mut()
            .position(|(_, child, _)| matches!(child.try_wait(), Ok(Some(_))));
        let Some(index) = ended else {
            std::thread::park_timeout(Duration::from_millis(10));
            continue;
        };
        let (name, child, began) = running.swap_remove(index);
        let output = child.wait_with_output().expect("the scenario ends");
        let took = began.elapsed().as_secs_f32();
        if output.status.success() {
            println!("ok      {name} ({took:.1} s)");
            let said = String::from_utf8_lossy(&output.stderr);
            let skipped = said.lines().filter(|line| line.starts_with("not tested"));
            skipped.for_each(|line| println!("        {line}"));
        } else {
            println!(
                "FAILED  {name} ({took:.1} s)\n{}",
                String::from_utf8_lossy(&output.stderr)
            );
            failed.push(name);
        }
    }
}

fn start(name: &str) -> Child {
    let mut command = Command::new("/proc/self/exe");
    command
        .env(ONLY, name)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().expect("a scenario starts")
}

fn run_one(name: &str) -> ExitCode {
    let Some((_, scenario)) = all().into_iter().find(|(known, _)| *known == name) else {
        return ExitCode::FAILURE;
    };
    rustix::process::set_child_subreaper(Pid::from_raw(1)).expect("we become a subreaper");
    scenario();
    // Zombies are reaped; a living child is a leak.
    let deadline = Instant::now() + PATIENCE;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) if Instant::now() < deadline => {
                std::thread::park_timeout(Duration::from_millis(5))
            }
            Ok(None) => {
                eprintln!("{name} left processes behind");
                return ExitCode::FAILURE;
            }
            Err(_) => return ExitCode::SUCCESS,
        }
    }
}

/// A fresh data directory for the fixture server.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_fixture"));
    assert_eq!(sandbox.run(["config", "show"]).code, Some(0));
    sandbox
}

/// Lets front-ends look after everything, waits until nothing runs, and checks what must hold.
#[track_caller]
fn settle(sandbox: &Sandbox, acknowledged: &[String], oracle: Option<&Oracle>) {
    sandbox.withdraw_orders();
    for id in acknowledged {
        sandbox.wait(id);
    }
    let ran = sandbox.run(["doctor"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    sandbox.settle();
    invariants::check(sandbox, acknowledged, oracle);
}
