//! Options do what they say. Each test here was seen to fail with its option taken away.

use std::fs;
use std::process::Stdio;

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::terminal::Terminal;
use bgjob_tests::{PATIENCE, Sandbox, feed, finish, until};
use serde_json::{Value, json};

use crate::sandbox;

const HOUR_MS: i64 = 3_600_000;

/// Changes the rows of jobs as time would; that those of ended jobs never change holds again afterwards.
fn alter(sandbox: &Sandbox, change: &str) {
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger.busy_timeout(PATIENCE).unwrap();
    let sql = "SELECT sql FROM sqlite_master WHERE name = 'job_terminal_is_final'";
    let trigger: String = ledger.query_row(sql, [], |row| row.get(0)).unwrap();
    let change =
        format!("BEGIN IMMEDIATE; DROP TRIGGER job_terminal_is_final; {change}; {trigger}; COMMIT");
    ledger.execute_batch(&change).unwrap();
}

/// The ids that `jobs list` prints with these options.
fn listed(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let shown = sandbox.json(["jobs", "list"].iter().chain(options));
    let jobs = shown["jobs"].as_array().unwrap();
    let id = |job: &Value| job["job_id"].as_str().unwrap().to_owned();
    jobs.iter().map(id).collect()
}

fn done(sandbox: &Sandbox, tool: &str, input: &Value) -> String {
    let view = sandbox.finish(tool, input);
    view["job_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_list_is_as_long_as_asked_and_says_when_there_are_more() {
    let sandbox = sandbox();
    for n in 0..23 {
        sandbox.submit("add", &json!({"a": n, "b": 0}));
    }
    assert_eq!(listed(&sandbox, &[]).len(), 20, "unless asked otherwise");
    assert_eq!(listed(&sandbox, &["-a"]).len(), 23);
    assert_eq!(listed(&sandbox, &["-n", "22"]).len(), 22);
    let more = |args: &[&str]| sandbox.run(["jobs", "list"].iter().chain(args)).stderr;
    assert!(more(&[]).contains("there are more: "));
    assert_eq!(more(&["-a"]), "");
    assert_eq!(more(&["-n", "23"]), "");
    sandbox.settle();
}

#[test]
fn the_filters_of_a_list_choose_and_go_together() {
    let sandbox = sandbox();
    let old = done(&sandbox, "add", &json!({"a": 1, "b": 2}));
    alter(
        &sandbox,
        &format!(
            "UPDATE job SET submitted_at = submitted_at - {}",
            3 * HOUR_MS
        ),
    );
    let new = done(&sandbox, "add", &json!({"a": 1, "b": 2}));
    let failed = done(&sandbox, "fail", &json!({"text": "x"}));
    assert_eq!(listed(&sandbox, &[]), [&*failed, &new, &old]);
    assert_eq!(listed(&sandbox, &["--since", "2h"]), [&*failed, &new]);
    assert_eq!(listed(&sandbox, &["--since", "4h"]), [&*failed, &new, &old]);
    assert_eq!(listed(&sandbox, &["--tool", "add"]), [&*new, &old]);
    assert_eq!(listed(&sandbox, &["--state", "failed"]), [&*failed]);
    let both = ["--state", "failed", "--state", "completed"];
    assert_eq!(listed(&sandbox, &both), [&*failed, &new, &old]);
    let all = ["--tool", "add", "--since", "2h", "--state", "completed"];
    assert_eq!(listed(&sandbox, &all), [&*new]);
    let unknown = sandbox.run(["jobs", "list", "--tool", "ad"]);
    assert!(
        unknown
            .stderr
            .contains("has no tool `ad`; did you mean `add`?"),
        "{unknown:?}"
    );
}

#[test]
fn jobs_are_kept_for_as_long_as_the_setting_says_and_no_longer() {
    let sandbox = sandbox();
    let days = [9, 6, 3].map(|days: i64| {
        let id = done(&sandbox, "add", &json!({"a": days, "b": 0}));
        let ms = days * 24 * HOUR_MS;
        alter(
            &sandbox,
            &format!("UPDATE job SET ended_at = ended_at - {ms} WHERE id = '{id}'"),
        );
        id
    });
    let prune = |args: &[&str]| {
        let shown = sandbox.json(["jobs", "prune"].iter().chain(args));
        shown["pruned"]["jobs"].as_u64().unwrap()
    };
    assert_eq!(prune(&["--dry-run"]), 1, "7 days");
    assert_eq!(prune(&["--dry-run", "--older-than", "5d"]), 2);
    assert_eq!(prune(&["--dry-run", "--older-than", "30d"]), 0);
    assert_eq!(listed(&sandbox, &[]).len(), 3, "nothing was deleted");
    // A server does it by itself.
    let server = Server::start(&sandbox);
    until("the oldest is gone", || listed(&sandbox, &[]).len() == 2);
    assert!(!sandbox.job_dir(&days[0]).exists());
    assert_eq!(listed(&sandbox, &[]), [&*days[2], &days[1]]);
    drop(server);
    sandbox.set("retention", "4d");
    assert_eq!(prune(&[]), 1);
    assert_eq!(listed(&sandbox, &[]), [&*days[2]]);
    assert_eq!(prune(&["--older-than", "1d"]), 1);
}

#[test]
fn state_is_set_from_files_and_a_history_is_as_long_as_asked() {
    let sandbox = sandbox();
    let file = sandbox.path("note.json");
    fs::write(&file, r#"{"text": "from a file"}"#).unwrap();
    let file = file.display().to_string();
    let note = || sandbox.json(["state", "show", "note"])["value"]["text"].clone();
    let set = ["state", "set", "note"];
    assert_eq!(
        sandbox.run(set.iter().chain(&["--file", &file])).code,
        Some(0)
    );
    assert_eq!(note(), "from a file");
    let mut piped = sandbox.command(set.iter().chain(&["--file", "-"]));
    assert_eq!(
        feed(&mut piped, br#"{"text": "from a pipe"}"#).code,
        Some(0)
    );
    assert_eq!(note(), "from a pipe");
    let history = |args: &[&str]| {
        let shown = sandbox.json(["state", "history", "note"].iter().chain(args));
        shown["versions"].as_array().unwrap().len()
    };
    assert_eq!((history(&[]), history(&["--limit", "1"])), (2, 1));
    for field in ["slot_0", "slot_1"] {
        assert_eq!(sandbox.run(["state", "set", field, "7"]).code, Some(0));
    }
    let full = || {
        let fields = sandbox.json(["state", "show"])["fields"].clone();
        let fields = fields.as_array().unwrap().clone();
        fields
            .iter()
            .filter(|field| field["present"] == true)
            .count()
    };
    assert_eq!(full(), 3);
    assert_eq!(sandbox.run(["state", "reset", "slot_0"]).code, Some(0));
    assert_eq!(full(), 2);
    assert_eq!(sandbox.run(["state", "reset", "--all"]).code, Some(0));
    assert_eq!(full(), 0);
}

#[test]
fn a_result_goes_to_the_file_that_was_named_and_not_to_the_screen() {
    let sandbox = sandbox();
    let id = done(&sandbox, "add", &json!({"a": 1, "b": 2}));
    let file = sandbox.path("result.json");
    let ran = sandbox.run(["jobs", "result", &id, "-o", &file.display().to_string()]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{ran:?}");
    assert_eq!(fs::read_to_string(file).unwrap().trim(), "3");
    let made = done(&sandbox, "make_files", &json!({}));
    let names = sandbox.json(["jobs", "artifacts", &made]);
    let name = names["artifacts"][0]["name"].as_str().unwrap().to_owned();
    let copy = sandbox.path("copy");
    let path = copy.display().to_string();
    let ran = sandbox.run(["jobs", "artifacts", &made, &name, "--output", &path]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{ran:?}");
    let original = sandbox.job_dir(&made).join("artifacts").join(&name);
    assert_eq!(fs::read(copy).unwrap(), fs::read(original).unwrap());
}

/// What `run` with `options` shows of a job while it runs, and whether that has lines that tell the time.
fn tells_lines(options: &[&str], terminal: Option<&str>, lines: bool) {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut command = sandbox.command(["run", "gate", "--socket", &oracle.path()]);
    command
        .args(options)
        .env("TERM", terminal.unwrap_or("xterm"));
    let counts = |text: &str| text.lines().filter(|line| line.starts_with("[0:0")).count();
    let shown = if terminal.is_some() {
        let terminal = Terminal::start(&mut command, 100, 20);
        oracle.wait_for(1);
        terminal.wait_for(if lines { "[0:0" } else { "job gate-" });
        oracle.open();
        terminal.end().1
    } else {
        let said = sandbox.path("said");
        command.stderr(fs::File::create(&said).unwrap());
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        oracle.wait_for(1);
        let read = || fs::read_to_string(&said).unwrap();
        until("it begins", || !lines || counts(&read()) > 0);
        oracle.open();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        read()
    };
    assert!(shown.contains("completed"), "{shown}");
    assert_eq!(counts(&shown) > 0, lines, "{options:?}: {shown}");
}

#[test]
fn progress_is_shown_as_asked() {
    tells_lines(&[], None, true);
    tells_lines(&[], Some("xterm"), false);
    // One that cannot move its cursor.
    tells_lines(&[], Some("dumb"), true);
    tells_lines(&["--show-progress", "counter"], Some("xterm"), true);
    tells_lines(&["--show-progress", "none"], None, false);
    tells_lines(&["--show-progress", "bar"], None, false);
}

#[test]
fn verbose_tells_more_of_what_happens() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "3");
    let said = |args: &[&str]| {
        let mut command = sandbox.command(args);
        command.env("BGJOB_MAX_JOBS", "5").env_remove("RUST_LOG");
        finish(&mut command).stderr
    };
    assert!(!said(&["jobs", "list"]).contains("binds"));
    assert!(said(&["-v", "jobs", "list"]).contains("the data directory's setting binds"));
    assert!(said(&["jobs", "list", "--verbose"]).contains("the data directory's setting binds"));
}

#[test]
fn a_title_is_what_people_see_and_a_flavor_is_the_runtime() {
    let sandbox = sandbox();
    const TITLE: &str = "A runtime of many threads";
    assert!(sandbox.run(["tools", "flavored"]).stdout.starts_with(TITLE));
    assert_eq!(
        sandbox.json(["tools", "flavored"])["tools"][0]["title"],
        TITLE
    );
    assert!(
        sandbox
            .run(["tools", "unflavored"])
            .stdout
            .starts_with("unflavored")
    );
    assert_eq!(sandbox.run(["schema", "--out", "schemas"]).code, Some(0));
    let text = fs::read_to_string(sandbox.path("schemas/catalog.json")).unwrap();
    let catalog: Value = serde_json::from_str(&text).unwrap();
    let mut server = Server::start(&sandbox);
    let described = catalog["tools"].as_array().unwrap().clone();
    for tools in [described, server.tools()] {
        let titles: Vec<(&Value, &Value)> = tools
            .iter()
            .filter(|tool| tool["name"].as_str().unwrap().ends_with("flavored"))
            .map(|tool| (&tool["name"], &tool["title"]))
            .collect();
        let none = (&json!("unflavored"), &Value::Null);
        assert_eq!(titles, [(&json!("flavored"), &json!(TITLE)), none]);
    }
    assert_eq!(
        sandbox.finish("flavored", &json!({}))["result"],
        "MultiThread"
    );
    assert_eq!(
        sandbox.finish("unflavored", &json!({}))["result"],
        "CurrentThread"
    );
}
