//! Ctrl-C while a command watches jobs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Stdio};

use bgjob_tests::Sandbox;
use bgjob_tests::oracle::Oracle;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::sandbox;

/// A command that watches jobs, and what it says.
struct Watcher {
    child: Child,
    words: BufReader<ChildStderr>,
}

impl Watcher {
    fn start(sandbox: &Sandbox, args: &[&str]) -> Self {
        let mut command = sandbox.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let words = BufReader::new(child.stderr.take().unwrap());
        Watcher { child, words }
    }

    /// Reads on until a line contains `word`.
    fn hear(&mut self, word: &str) -> String {
        let (mut line, mut heard) = (String::new(), String::new());
        while !line.contains(word) {
            line.clear();
            let bytes = self.words.read_line(&mut line).unwrap();
            heard.push_str(&line);
            assert!(bytes > 0, "it ended without `{word}`: {heard}");
        }
        line
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    /// The exit code, standard output, and what else it said.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.words.read_to_string(&mut err).unwrap();
        let stdout = self.child.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut out).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

/// The only job that there is.
fn only_job(sandbox: &Sandbox) -> String {
    let list = sandbox.json(["jobs", "list"]);
    list["jobs"][0]["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn ctrl_c_detaches_and_the_job_goes_on() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut watcher = Watcher::start(&sandbox, &["run", "gate", "--socket", &oracle.path()]);
    oracle.wait_for(1);
    let id = only_job(&sandbox);
    watcher.hear(&id);
    watcher.interrupt();
    watcher.hear("detached: the job goes on");
    let (code, out, err) = watcher.end();
    assert_eq!((code, &*out), (Some(7), ""), "{err}");
    assert!(err.contains(&format!("jobs wait {id}")), "{err}");
    oracle.open();
    assert_eq!(sandbox.wait(&id)["state"], "completed");
}

#[test]
fn with_json_a_detached_run_prints_the_job_as_it_is() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let args = ["run", "gate", "--socket", &oracle.path(), "--json"];
    let mut watcher = Watcher::start(&sandbox, &args);
    oracle.wait_for(1);
    watcher.hear("job gate-");
    watcher.interrupt();
    let (code, out, err) = watcher.end();
    assert_eq!(code, Some(7), "{err}");
    let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["state"], "running", "{shown}");
    oracle.open();
    sandbox.wait(shown["job_id"].as_str().unwrap());
}

#[test]
fn a_second_ctrl_c_cancels_the_job() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut watcher = Watcher::start(&sandbox, &["run", "gate", "--socket", &oracle.path()]);
    oracle.wait_for(1);
    watcher.hear("job gate-");
    watcher.interrupt();
    watcher.hear("detached");
    watcher.interrupt();
    watcher.hear("cancelling");
    let (code, out, err) = watcher.end();
    assert_eq!((code, &*out), (Some(5), ""), "{err}");
    assert_eq!(sandbox.state_of(&only_job(&sandbox)), "cancelled");
}

#[test]
fn ctrl_c_while_waiting_names_only_the_jobs_that_go_on() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let done = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&done);
    let live = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let mut watcher = Watcher::start(&sandbox, &["jobs", "wait", &done, &live]);
    watcher.hear(&format!("{live} running"));
    watcher.interrupt();
    watcher.hear("detached: the job goes on");
    let (code, _, err) = watcher.end();
    assert_eq!(code, Some(7), "{err}");
    assert!(err.contains(&live) && !err.contains(&done), "{err}");
    oracle.open();
    assert_eq!(sandbox.wait(&live)["state"], "completed");
}
