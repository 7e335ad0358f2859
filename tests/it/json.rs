//! What the commands print with `--json`: objects of the one exported shape, whatever the command.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{Sandbox, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::sandbox;

/// The exported schema of everything that `--json` prints.
struct Schema {
    schema: Value,
    envelope: jsonschema::Validator,
}

impl Schema {
    fn exported(sandbox: &Sandbox) -> Self {
        assert_eq!(sandbox.run(["schema", "--out", "schemas"]).code, Some(0));
        let text = std::fs::read_to_string(sandbox.path("schemas/job.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        let envelope = jsonschema::validator_for(&schema).unwrap();
        Schema { schema, envelope }
    }

    #[track_caller]
    fn knows(&self, what: &str, shown: &Value) {
        let errors: Vec<String> = self
            .envelope
            .iter_errors(shown)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{what}: {errors:?} in {shown}");
        // The schema is open, for later versions; but this version knows what it prints.
        for name in shown.as_object().unwrap().keys() {
            let known = &self.schema["properties"][name];
            assert!(!known.is_null(), "{what}: `{name}` is not in the schema");
        }
    }
}

/// The commands that the book's page says have `--json`.
fn with_json() -> BTreeSet<String> {
    let page = include_str!("../../book/src/reference/cli.md");
    let sections = page.split("\n## `").skip(1);
    let has = sections.filter(|section| section.contains("| `--json` |"));
    has.map(|section| section.split('`').next().unwrap().to_owned())
        .collect()
}

#[test]
fn what_every_command_prints_as_json_is_one_object_that_the_exported_schema_knows() {
    let sandbox = sandbox();
    let schema = Schema::exported(&sandbox);
    // Two jobs take their slots to the end.
    sandbox.set("max_jobs", "4");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let id = sandbox.submit("note", &json!({"text": "hi"}));
    sandbox.wait(&id);
    let failed = sandbox.submit("persevere", &json!({"end": "panic", "until": 9}));
    sandbox.wait(&failed);
    let made = sandbox.finish("make_files", &json!({}));
    let made = made["job_id"].as_str().unwrap().to_owned();
    let running = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let after = [
        "run", "add", "--a", "1", "--b", "2", "--after", &running, "--detach",
    ];
    let waiting = sandbox.run(after).stdout.trim().to_owned();
    let asking = sandbox.submit("ask_even", &json!({}));
    until("it asks", || sandbox.recorded(&asking) == "input_required");
    let commands: &[&[&str]] = &[
        &["run", "add", "--a", "1", "--b", "2"],
        &["run", "add", "--a", "1", "--b", "2", "--detach"],
        &["run", "add", "--a", "1"],
        &["run", "fail", "--text", "x"],
        &["jobs", "list"],
        &["jobs", "list", "-n", "1"],
        &["jobs", "show", &id],
        &["jobs", "show", &failed],
        &["jobs", "show", &running],
        &["jobs", "show", &waiting],
        &["jobs", "show", "none"],
        &["jobs", "wait", &id, &failed],
        &["jobs", "wait", &running, "--timeout", "10ms"],
        &["jobs", "logs", &failed],
        &["jobs", "logs", &running, "-n", "1"],
        &["jobs", "logs", &id, "--stream", "events"],
        &["jobs", "logs", "none"],
        &["jobs", "result", &id],
        &["jobs", "result", &id, "--pointer", "/text"],
        &["jobs", "result", &failed],
        &["jobs", "show", &asking],
        &["jobs", "answer", &asking, "3"],
        &["jobs", "artifacts", &made],
        &["jobs", "artifacts", &id],
        &["jobs", "retry", &failed, "--detach"],
        &["jobs", "cancel", &running, &asking],
        &["jobs", "prune", "--dry-run"],
        &["state", "show"],
        &["state", "show", "note"],
        &["state", "set", "note", r#"{"text": "by hand"}"#],
        &["state", "history", "note"],
        &["state", "reset", "note"],
        &["config", "show"],
        &["status"],
        &["tools"],
        &["tools", "add"],
        &["tools", "none"],
        &["doctor"],
        &["install"],
        &["schema", "--check", "schemas"],
    ];
    let mut untried = with_json();
    for args in commands {
        schema.knows(&format!("{args:?}"), &sandbox.json(*args));
        untried.retain(|name| !is_called(name, args));
    }
    assert_eq!(untried, BTreeSet::new(), "no call of these was tried");
    sandbox.settle();
}

/// Whether the command `name` of the page is what `args` call.
fn is_called(name: &str, args: &[&str]) -> bool {
    let words: Vec<&str> = name.split(' ').collect();
    match words[..] {
        ["run", _] => args[0] == "run",
        _ => args.starts_with(&words),
    }
}

#[test]
fn what_is_watched_or_followed_is_an_object_on_each_line() {
    let sandbox = sandbox();
    let schema = Schema::exported(&sandbox);
    let gates = ["first", "second"].map(|name| Oracle::listen(&sandbox.path(name)));
    gates.iter().for_each(Oracle::open);
    let input = json!({"first": gates[0].path(), "second": gates[1].path()});
    let done = sandbox.finish("phases", &input);
    let id = done["job_id"].as_str().unwrap();
    for args in [
        &["-f"][..],
        &["-f", "--stream", "events"],
        &["-f", "-n", "1"],
    ] {
        let ran = sandbox.run(["jobs", "logs", id, "--json"].iter().chain(args));
        let lines: Vec<Value> = ran
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        lines
            .iter()
            .for_each(|line| schema.knows(&format!("{args:?}"), line));
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["job_id"], &last["state"]),
            (&json!(id), &json!("completed"))
        );
    }
    let mut list = sandbox
        .command(["jobs", "list", "--watch", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let out = list.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut line).unwrap();
    schema.knows("--watch", &serde_json::from_str(&line).unwrap());
    kill_process(Pid::from_child(&list), Signal::INT).unwrap();
    list.wait().unwrap();
}

#[test]
fn logs_as_json_have_each_stream_or_the_events() {
    let sandbox = sandbox();
    let spoken = sandbox.finish(
        "script",
        &json!({"script": r"printf 'one\ntwo\n'; printf 'bad \033[31m\n' >&2"}),
    );
    let id = spoken["job_id"].as_str().unwrap();
    let logs = |args: &[&str]| sandbox.json(["jobs", "logs", id].iter().chain(args));
    let text = |stream: &str, text: &str| json!({"stream": stream, "text": text});
    let both = logs(&[]);
    assert_eq!(
        (&both["job_id"], &both["state"]),
        (&json!(id), &json!("completed"))
    );
    let logs_of = |shown: Value| shown["logs"].clone();
    assert_eq!(
        logs_of(both),
        json!([
            text("stdout", "one\ntwo\n"),
            text("stderr", "bad \u{1b}[31m\n")
        ])
    );
    assert_eq!(
        logs_of(logs(&["--stream", "out", "-n", "1"])),
        json!([text("stdout", "two\n")])
    );
    assert_eq!(
        logs_of(logs(&["--stream", "err"])),
        json!([text("stderr", "bad \u{1b}[31m\n")])
    );
    let events = logs(&["--stream", "events"]);
    assert_eq!(
        (&events["logs"], &events["events"]),
        (&Value::Null, &json!([]))
    );
    let followed = sandbox
        .run(["jobs", "logs", id, "-f", "--json", "--stream", "out"])
        .stdout;
    let lines: Vec<Value> = followed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts: Vec<&Value> = lines.iter().map(|line| &line["logs"][0]["text"]).collect();
    assert_eq!(texts, [&json!("one\n"), &json!("two\n"), &Value::Null]);
}
