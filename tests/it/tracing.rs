//! Events of `tracing`: where they go, whose they are, and what is never in them.

use std::fs;

use bgjob_tests::feed;
use bgjob_tests::mcp::Server;
use serde_json::json;

use crate::sandbox;

/// An argument that is marked `skip_log`.
const SECRET: &str = "correct-horse-battery-staple";

#[test]
fn a_job_s_own_events_are_in_its_log_with_its_id_whichever_thread_they_come_from() {
    let sandbox = sandbox();
    let done = sandbox.finish("traces", &json!({}));
    let id = done["job_id"].as_str().unwrap();
    let log = fs::read_to_string(sandbox.job_dir(id).join("stderr.log")).unwrap();
    for words in ["from the function", "from a thread"] {
        let line = log.lines().find(|line| line.contains(words));
        let line = line.unwrap_or_else(|| panic!("{words}: {log}"));
        assert!(
            line.contains(id) && line.contains("INFO") && line.contains("depth=3"),
            "{line}"
        );
    }
    assert!(!log.contains("too fine"), "debug is not asked for: {log}");
    let out = fs::read_to_string(sandbox.job_dir(id).join("stdout.log")).unwrap();
    assert_eq!(out, "", "stdout is the tool's own");
}

#[test]
fn rust_log_of_the_submitter_says_how_much() {
    let sandbox = sandbox();
    let mut command = sandbox.command(["run", "traces", "--detach", "--input", "-"]);
    let ran = feed(command.env("RUST_LOG", "debug"), b"{}");
    let id = ran.stdout.trim();
    sandbox.wait(id);
    let log = fs::read_to_string(sandbox.job_dir(id).join("stderr.log")).unwrap();
    assert!(log.contains("too fine"), "{log}");
}

#[test]
fn a_subscriber_of_the_program_s_own_is_left_alone() {
    let sandbox = sandbox();
    let mut command = sandbox.command(["run", "traces", "--detach", "--input", "-"]);
    // The program looks at a variable before it begins: not for forked workers.
    command
        .env("BGJOB_WARM_WORKERS", "false")
        .env("FIXTURE_OWN_LOG", "1")
        .env("PASSED_OWN_LOG", "1");
    let ran = feed(&mut command, b"{}");
    let id = ran.stdout.trim();
    sandbox.wait(id);
    let log = fs::read_to_string(sandbox.job_dir(id).join("stderr.log")).unwrap();
    assert!(
        log.contains("OWN") && log.contains("from the function"),
        "{log}"
    );
}

#[test]
fn the_server_tells_what_it_does_and_never_a_secret() {
    let sandbox = sandbox();
    let stderr = sandbox.path("server.err");
    let mut command = sandbox.command(["serve"]);
    command.env("RUST_LOG", "trace");
    let mut server = Server::greet_with_stderr(command, fs::File::create(&stderr).unwrap());
    let started = server.call("surroundings", json!({"secret": SECRET}));
    let done = server.finish(started);
    assert_eq!(done["result"]["secret_length"], SECRET.len());
    let refused = server.call("surroundings", json!({"secret": {"of": SECRET}}));
    assert!(refused.is_error);
    let id = done.id();
    server.leave();
    server.ended();
    let said = fs::read_to_string(&stderr).unwrap();
    let accepted = said.lines().find(|line| line.contains("accepted"));
    assert!(accepted.is_some_and(|line| line.contains(&id)), "{said}");
    assert!(
        said.contains("call{tool=\"surroundings\"}") || said.contains("call{tool=surroundings}"),
        "{said}"
    );
    let supervisor = fs::read_to_string(sandbox.data().join("supervisor.log")).unwrap();
    for words in ["claimed", "ended"] {
        let line = supervisor.lines().find(|line| line.contains(words));
        assert!(
            line.is_some_and(|line| line.contains(&id)),
            "{words}: {supervisor}"
        );
    }
    sandbox.settle();
    let log = fs::read_to_string(sandbox.job_dir(&id).join("stderr.log")).unwrap();
    for (whose, text) in [
        ("the server", said),
        ("the supervisor", supervisor),
        ("the job", log),
    ] {
        assert!(!text.contains(SECRET), "{whose} tells the secret: {text}");
    }
}
