//! The command line as an operator sees it: lists that are watched, logs that are followed, colours
//! where they belong, completions.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use bgjob_tests::oracle::Oracle;
use bgjob_tests::terminal::Terminal;
use bgjob_tests::{Sandbox, finish};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::sandbox;

/// A command whose standard output is read as it comes.
struct Reader {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Reader {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut command = sandbox.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Reader { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.out.read_line(&mut line).unwrap(), 0, "it ended");
        line.trim_end().to_owned()
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

fn append(sandbox: &Sandbox, id: &str, text: &str) {
    let log = sandbox.job_dir(id).join("stdout.log");
    let mut log = File::options().append(true).open(log).unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_watched_list_begins_with_no_jobs_and_tells_each_change_on_a_line() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    // The data directory is there before the first job.
    assert_eq!(sandbox.run(["jobs", "list"]).code, Some(0));
    let mut list = Reader::start(&sandbox, &["jobs", "list", "--watch"]);
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    let mut line = list.line();
    if line.contains("queued") {
        line = list.line();
    }
    assert!(line.contains(&id) && line.contains("running"), "{line}");
    oracle.open();
    let line = list.line();
    assert!(line.contains(&id) && line.contains("completed"), "{line}");
    list.interrupt();
    assert_eq!(list.end(), (Some(0), String::new()));
}

#[test]
fn a_watched_list_as_json_is_one_job_a_line_and_filters_bind() {
    let sandbox = sandbox();
    sandbox.finish("fail", &json!({"text": "no feed"}));
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let args = ["jobs", "list", "-w", "--json", "--state", "failed"];
    let mut list = Reader::start(&sandbox, &args);
    let job: Value = serde_json::from_str(&list.line()).unwrap();
    assert_eq!(
        (&job["state"], &job["tool"]),
        (&json!("failed"), &json!("fail"))
    );
    let id = sandbox.submit("panic", &json!({"text": "x"}));
    let job: Value = serde_json::from_str(&list.line()).unwrap();
    assert_eq!(
        job["job_id"],
        json!(id),
        "the job that completed is not told"
    );
    list.interrupt();
    assert_eq!(list.end().0, Some(0));
}

#[test]
fn a_watched_list_ends_when_its_reader_leaves() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let mut list = Reader::start(&sandbox, &["jobs", "list", "--watch"]);
    list.line();
    let Reader { mut child, out } = list;
    drop(out);
    // Nothing happens any more; it notices nevertheless.
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn on_a_terminal_the_watched_list_is_drawn_in_place() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut command = sandbox.command(["jobs", "list", "--watch"]);
    let mut terminal = Terminal::start(command.env("TERM", "xterm"), 100, 20);
    terminal.wait_for("no jobs yet");
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    terminal.wait_for(&format!("running  {id}"));
    terminal.wait_for("1 running, 0 queued, 1 job");
    oracle.open();
    terminal.wait_for(&format!("completed  {id}"));
    terminal.press("\u{3}");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(
        screen.matches(&id).count(),
        1,
        "drawn over, not again: {screen}"
    );
    assert!(!screen.contains("no jobs yet"), "{screen}");
}

#[test]
fn a_narrow_terminal_keeps_each_job_on_one_line_with_its_whole_id() {
    let sandbox = sandbox();
    let failed = sandbox.finish("fail", &json!({"text": "many words ".repeat(20)}));
    let id = failed["job_id"].as_str().unwrap().to_owned();
    for columns in [120, 80, 60, 44] {
        let mut command = sandbox.command(["jobs", "list"]);
        let (code, screen) = Terminal::start(command.env("TERM", "xterm"), columns, 20).end();
        assert_eq!(code, Some(0));
        let lines: Vec<&str> = screen.trim_end().lines().collect();
        assert_eq!(lines.len(), 2, "{columns}: {screen}");
        assert!(lines[1].contains(&id), "{columns}: {screen}");
    }
}

#[test]
fn the_list_says_why_each_queued_job_waits() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "3");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let gated = |tool: &str| sandbox.submit(tool, &json!({"socket": oracle.path()}));
    let running = ["gate_of_two", "gate_of_two", "gate"].map(gated);
    oracle.wait_for(3);
    let narrow = gated("gate_of_two");
    let add = ["run", "add", "--a", "1", "--b", "2", "--detach"];
    let submit = |more: &[&str]| {
        let ran = sandbox.run(add.iter().chain(more));
        ran.stdout.trim().to_owned()
    };
    let plain = submit(&[]);
    let after = submit(&["--after", &running[0], "--after", &plain]);
    let foreign = submit(&[]);
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    let sql = "UPDATE job SET schema_hash = 'of another program' WHERE id = ?1";
    assert_eq!(ledger.execute(sql, [&foreign]).unwrap(), 1);
    let listed = sandbox.json(["jobs", "list"]);
    let text = sandbox.run(["jobs", "list"]).stdout;
    let mut command = sandbox.command(["jobs", "list"]);
    let (_, screen) = Terminal::start(command.env("TERM", "xterm"), 44, 30).end();
    let expected = [
        (
            &narrow,
            Some("only 2 jobs of `gate_of_two` at once"),
            "next in the queue: only 2 jobs of",
        ),
        (
            &plain,
            Some("all 3 slots are taken"),
            "place 2 in the queue: all 3 slots",
        ),
        (&after, None, "waits for "),
        (
            &foreign,
            Some("this program does not have `add` as it was when the job was submitted"),
            "place 4 in the queue: this program",
        ),
    ];
    for (id, because, words) in expected {
        let jobs = listed["jobs"].as_array().unwrap();
        let job = jobs.iter().find(|job| job["job_id"] == **id).unwrap();
        assert_eq!(job["waiting_because"].as_str(), because, "{listed}");
        let shown = sandbox.show(id);
        for fact in ["waiting_because", "waiting_for", "queue_position"] {
            assert_eq!(
                job[fact], shown[fact],
                "the list and the job agree on {fact}"
            );
        }
        let line = text.lines().find(|line| line.contains(&**id)).unwrap();
        assert!(line.contains(words), "{text}");
        let below = screen
            .lines()
            .skip_while(|line| !line.contains(&**id))
            .nth(1);
        assert!(below.unwrap().trim().starts_with(words.trim()), "{screen}");
    }
    let waits = sandbox.run(["jobs", "show", &after]).stdout;
    assert_eq!(
        waits.matches("waits for").count(),
        2,
        "all are named: {waits}"
    );
    assert!(
        screen.lines().all(|line| line.chars().count() <= 44),
        "{screen}"
    );
    assert_eq!(sandbox.run(["jobs", "cancel", &foreign]).code, Some(0));
    oracle.open();
    sandbox.wait(&narrow);
    sandbox.settle();
}

#[test]
fn colours_are_where_they_belong() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let list = || {
        let mut command = sandbox.command(["jobs", "list"]);
        command.env("TERM", "xterm");
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "CI"] {
            command.env_remove(name);
        }
        command
    };
    let on_terminal = |command: &mut Command| {
        let terminal = Terminal::start(command, 100, 20);
        terminal.wait_for("completed");
        let raw = terminal.raw();
        terminal.end();
        raw.contains("\u{1b}[")
    };
    let in_pipe = |command: &mut Command| finish(command).stdout.contains("\u{1b}[");
    assert!(on_terminal(&mut list()), "a terminal");
    assert!(!on_terminal(list().env("NO_COLOR", "1")), "NO_COLOR");
    assert!(!on_terminal(list().env("CLICOLOR", "0")), "CLICOLOR=0");
    assert!(!on_terminal(list().env("TERM", "dumb")), "TERM=dumb");
    assert!(
        !on_terminal(list().args(["--color", "never"])),
        "--color never"
    );
    assert!(!in_pipe(&mut list()), "a pipe");
    assert!(in_pipe(list().env("CLICOLOR_FORCE", "1")), "CLICOLOR_FORCE");
    assert!(
        in_pipe(list().args(["--color", "always"])),
        "--color always"
    );
    let both = list()
        .env("CLICOLOR_FORCE", "1")
        .args(["--color", "never"])
        .output();
    assert!(!String::from_utf8_lossy(&both.unwrap().stdout).contains('\u{1b}'));
}

#[test]
fn followed_logs_show_each_line_and_end_with_the_job() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let mut logs = Reader::start(&sandbox, &["jobs", "logs", &id, "-f", "--stream", "out"]);
    append(&sandbox, &id, "one\ntw");
    assert_eq!(logs.line(), "one");
    append(&sandbox, &id, "o\n");
    assert_eq!(logs.line(), "two");
    // The job cuts its own log short and begins again.
    let log = sandbox.job_dir(&id).join("stdout.log");
    File::options()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(0)
        .unwrap();
    append(&sandbox, &id, "3\n");
    assert_eq!(logs.line(), "3");
    // The middle was dropped while nobody looked: zeroes are no text.
    let end = File::options().write(true).open(&log).unwrap();
    end.set_len(1 << 20).unwrap();
    append(&sandbox, &id, "after the hole\nlast, without an end");
    assert_eq!(logs.line(), "after the hole");
    oracle.open();
    let (code, rest) = logs.end();
    assert_eq!((code, &*rest), (Some(0), "last, without an end"));
}

#[test]
fn waiting_for_any_ends_with_the_first() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let slow = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    let quick = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    let ran = sandbox.run(["jobs", "wait", &slow, &quick, "--any", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let states = ["/jobs/0/state", "/jobs/1/state"].map(|at| ran.json().pointer(at).cloned());
    assert_eq!(states, [Some(json!("running")), Some(json!("completed"))]);
    oracle.open();
}

#[test]
fn completions_know_every_tool_and_its_flags() {
    let sandbox = sandbox();
    let scripts = ["bash", "zsh", "fish"].map(|shell| {
        let ran = sandbox.run(["completions", shell]);
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{shell}");
        ran.stdout
    });
    for script in &scripts {
        for word in [
            "gate_of_two",
            "socket",
            "flow-m3-per-d",
            "older-than",
            "show-progress",
        ] {
            assert!(script.contains(word), "{word}");
        }
    }
    assert_eq!(sandbox.run(["completions", "tcsh"]).code, Some(2));
    // What bash itself offers.
    std::fs::write(sandbox.path("script"), &scripts[0]).unwrap();
    let offers = |words: &str, typed: &str| {
        let line = format!(
            "source {}; COMP_WORDS=({words} '{typed}'); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _fixture fixture '{typed}' ''; echo \"${{COMPREPLY[@]}}\"",
            sandbox.path("script").display()
        );
        finish(Command::new("bash").args(["--norc", "-c", &line])).stdout
    };
    assert!(offers("fixture run", "gate").contains("gate_of_two"));
    assert!(offers("fixture run gate", "--so").contains("--socket"));
    assert!(offers("fixture jobs list", "--wa").contains("--watch"));
}
