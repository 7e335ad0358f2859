//! The ways in which clients end their servers, and binaries that change under running jobs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{Sandbox, finish, invariants, until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::json;

use crate::sandbox;

/// Starts a submitter as a client starts a server, in a session of its own; it follows the job.
fn submitter(sandbox: &Sandbox, oracle: &Oracle) -> (Child, String) {
    let mut command = sandbox.command(["run", "gate", "--socket", &oracle.path()]);
    // SAFETY: setsid(2) is safe between fork and exec.
    unsafe { command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?)) };
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the submitter starts");
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    let id = loop {
        let mut line = String::new();
        assert_ne!(
            talk.read_line(&mut line).expect("it talks"),
            0,
            "no id in {said}"
        );
        said += &line;
        let word = line
            .split(|c: char| !(c.is_alphanumeric() || c == '-'))
            .find(|word| word.starts_with("gate-") && word.len() == 25);
        if let Some(id) = word {
            break id.to_owned();
        }
    };
    std::thread::spawn(move || std::io::copy(&mut talk, &mut std::io::sink()));
    (child, id)
}

fn kill(pid: i32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(pid).expect("a pid"), signal);
}

fn pids() -> Vec<i32> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// A number of `/proc/<pid>/stat`, counted from the state letter (proc(5)).
fn field_of_stat(pid: i32, index: usize) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?
        .1
        .split(' ')
        .nth(index)?
        .parse()
        .ok()
}

fn kill_descendants(root: i32) {
    let mut family = vec![root];
    let mut grown = true;
    while grown {
        let more: Vec<i32> = pids()
            .into_iter()
            .filter(|pid| {
                !family.contains(pid)
                    && field_of_stat(*pid, 1).is_some_and(|parent| family.contains(&parent))
            })
            .collect();
        grown = !more.is_empty();
        family.extend(more);
    }
    family.into_iter().for_each(|pid| kill(pid, Signal::KILL));
}

fn kill_session(leader: i32) {
    let in_session = |pid: &i32| field_of_stat(*pid, 3) == Some(leader);
    pids()
        .into_iter()
        .filter(in_session)
        .for_each(|pid| kill(pid, Signal::KILL));
}

/// What it is called, and how it is done to a process.
type Way = (&'static str, fn(i32));

#[test]
fn no_way_of_ending_a_client_reaches_its_job() {
    let ways: [Way; 6] = [
        ("interrupt", |pid| kill(pid, Signal::INT)),
        ("terminate", |pid| kill(pid, Signal::TERM)),
        ("kill", |pid| kill(pid, Signal::KILL)),
        ("kill the group", |pid| {
            let group = Pid::from_raw(pid).expect("a pid");
            let _ = kill_process_group(group, Signal::KILL);
        }),
        ("kill by walking the parents", kill_descendants),
        ("kill the session", kill_session),
    ];
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let mut ids = Vec::new();
    for (way, end) in ways {
        let socket = sandbox.path(&way.replace(' ', "-"));
        let oracle = Oracle::listen(&socket);
        let (mut running, first) = submitter(&sandbox, &oracle);
        oracle.wait_for(1);
        let (mut queued, second) = submitter(&sandbox, &oracle);
        for child in [&mut running, &mut queued] {
            end(child.id().cast_signed());
            child.wait().expect("the client ends");
        }
        oracle.open();
        oracle.wait_for_starts(2);
        until("both have ended", || {
            [&first, &second]
                .iter()
                .all(|id| sandbox.state_of(id) == "completed")
        });
        ids.extend([first, second]);
    }
    sandbox.settle();
    assert_eq!(
        invariants::problems(&sandbox, &ids, None),
        Vec::<String>::new()
    );
}

#[test]
fn fifty_processes_open_one_empty_directory_at_once() {
    let program = env!("CARGO_BIN_EXE_fixture");
    for round in 0..10 {
        let sandbox = sandbox();
        let openers: Vec<Child> = (0..50)
            .map(|_| {
                let mut command = Command::new(program);
                command
                    .arg("--data-dir")
                    .arg(sandbox.data())
                    .args(["jobs", "list"]);
                command
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("an opener starts")
            })
            .collect();
        for opener in openers {
            let output = opener.wait_with_output().expect("it ends");
            assert!(
                output.status.success(),
                "round {round}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn a_program_replaced_or_deleted_under_its_jobs_runs_on() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let copy = sandbox.path("program");
    fs::copy(env!("CARGO_BIN_EXE_fixture"), &copy).unwrap();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let submit = || {
        let mut command = Command::new(&copy);
        command.arg("--data-dir").arg(sandbox.data()).args([
            "run",
            "gate",
            "--detach",
            "--socket",
            &oracle.path(),
        ]);
        let ran = finish(&mut command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim().to_owned()
    };
    let ids: Vec<String> = (0..4).map(|_| submit()).collect();
    oracle.wait_for(1);
    // Renamed over by something that is no program at all: the queue drains all the same.
    fs::write(sandbox.path("new"), "not a program").unwrap();
    fs::rename(sandbox.path("new"), &copy).unwrap();
    oracle.release(&ids[0]);
    oracle.wait_for_starts(2);
    fs::remove_file(&copy).unwrap();
    oracle.open();
    oracle.wait_for_starts(4);
    sandbox.settle();
    for id in &ids {
        assert_eq!(sandbox.state_of(id), "completed");
    }
}

#[test]
fn a_build_that_accepted_a_job_and_is_gone_leaves_it_to_one_with_the_same_tool() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "1");
    let copy = sandbox.path("program");
    fs::copy(env!("CARGO_BIN_EXE_fixture"), &copy).unwrap();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let first = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let mut command = Command::new(&copy);
    command
        .arg("--data-dir")
        .arg(sandbox.data())
        .args(["run", "add", "--a", "1", "--b", "2", "--detach"]);
    let second = finish(&mut command).stdout.trim().to_owned();
    fs::remove_file(&copy).unwrap();
    oracle.open();
    assert_eq!(sandbox.wait(&first)["state"], "completed");
    assert_eq!(sandbox.wait(&second)["result"], 3);
}

#[test]
fn timeouts_and_ends_at_the_same_moment_give_one_end_each() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "16");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let began = std::time::Instant::now();
    let mut ids = Vec::new();
    for _ in 0..16 {
        ids.push(sandbox.submit("short_gate", &json!({"socket": oracle.path()})));
    }
    oracle.wait_for_starts(16);
    // Their time is over between a second after the first and a second after the last: let them
    // through one by one in that time.
    let spread = began.elapsed();
    for (index, id) in ids.iter().enumerate() {
        let due =
            std::time::Duration::from_millis(1000) + spread * u32::try_from(index).unwrap() / 16;
        until("it is about time", || began.elapsed() >= due);
        if oracle.waiting().contains(id) {
            oracle.let_go(id);
        }
    }
    for id in &ids {
        let view = sandbox.wait(id);
        let code = view["error"]["code"]
            .as_str()
            .unwrap_or("completed")
            .to_owned();
        assert!(code == "completed" || code == "timed_out", "{view}");
    }
    sandbox.settle();
    assert_eq!(
        invariants::problems(&sandbox, &ids, Some(&oracle)),
        Vec::<String>::new()
    );
}
