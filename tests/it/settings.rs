//! Where settings come from, and which of two counts.

use bgjob_tests::{Sandbox, finish};
use serde_json::Value;

use crate::sandbox;

fn write(sandbox: &Sandbox, text: &str) {
    std::fs::write(sandbox.data().join("config.toml"), text).unwrap();
}

fn setting(sandbox: &Sandbox, env: &[(&str, &str)], name: &str) -> (String, String) {
    let mut command = sandbox.command(["config", "show", "--json"]);
    let shown = finish(command.envs(env.iter().copied())).json();
    let settings = shown["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["name"] == name);
    let text = |key: &str| found.unwrap()[key].as_str().unwrap().to_owned();
    (text("value"), text("source"))
}

fn is(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

#[test]
fn a_setting_comes_from_the_strongest_that_says_something() {
    let sandbox = sandbox();
    let now = |env: &[(&str, &str)]| setting(&sandbox, env, "max_queued");
    assert_eq!(now(&[]), is("100000", "default"));
    write(&sandbox, "# few\nmax_queued = 7\n");
    assert_eq!(now(&[]), is("7", "config.toml"));
    write(&sandbox, "max_queued = 8\n");
    assert_eq!(now(&[]), is("8", "config.toml"), "the file is read again");
    assert_eq!(now(&[("BGJOB_MAX_QUEUED", "9")]), is("9", "environment"));
    assert_eq!(
        now(&[]),
        is("9", "environment"),
        "for everybody, also without the variable"
    );
    sandbox.set("max_queued", "10");
    assert_eq!(now(&[("BGJOB_MAX_QUEUED", "11")]), is("10", "config set"));
    let told = sandbox.run(["config", "show"]);
    assert!(
        told.stderr
            .contains("config.toml says max_queued = 8, which does not bind"),
        "{told:?}"
    );
    assert_eq!(sandbox.run(["config", "unset", "max_queued"]).code, Some(0));
    assert_eq!(now(&[]), is("8", "config.toml"));
    write(&sandbox, "");
    assert_eq!(now(&[]), is("100000", "default"), "the line is gone");
}

#[test]
fn a_setting_of_the_file_binds_jobs() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(["config", "show"]).code, Some(0));
    write(&sandbox, "max_queued = 0\n");
    let refused = sandbox.try_submit("add", &serde_json::json!({"a": 1, "b": 2}));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("queued"), "{refused:?}");
}

#[test]
fn what_is_not_understood_is_an_error_with_a_hint_and_changes_nothing() {
    let sandbox = sandbox();
    assert_eq!(sandbox.run(["config", "show"]).code, Some(0));
    for (text, says) in [
        ("max_job = 3\n", "did you mean"),
        ("max_jobs = 0\n", "does not fit"),
        ("\nmax_jobs =\n", "config.toml: line 2: "),
    ] {
        write(&sandbox, text);
        let ran = sandbox.run(["jobs", "list"]);
        assert_eq!(ran.code, Some(2), "{text}: {ran:?}");
        assert!(
            ran.stderr.contains(says) && ran.stderr.contains("config.toml"),
            "{text}: {ran:?}"
        );
        let report = sandbox.run(["doctor"]);
        assert_eq!(report.code, Some(8), "{report:?}");
        assert!(report.stdout.contains("config.toml"), "{report:?}");
    }
    write(&sandbox, "");
    let mut command = sandbox.command(["jobs", "list"]);
    let ran = finish(command.env("BGJOB_RETENTION", "soon"));
    assert!(
        ran.code == Some(2) && ran.stderr.contains("BGJOB_RETENTION"),
        "{ran:?}"
    );
    let ran = sandbox.run(["config", "unset", "max_job"]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("max_jobs"),
        "{ran:?}"
    );
}

#[test]
fn doctor_shows_each_value_and_where_it_comes_from() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "3");
    let report = sandbox.json(["doctor"]);
    let findings = report["findings"].as_array().unwrap();
    let settings = findings
        .iter()
        .find(|finding| finding["check"] == "settings");
    let message = settings
        .and_then(|finding| finding["message"].as_str())
        .unwrap();
    assert!(message.contains("max_jobs = 3 (config set)"), "{message}");
    assert!(message.contains("retention = 7days (default)"), "{message}");
    let shown = sandbox.json(["config", "show"]);
    for setting in shown["settings"].as_array().unwrap() {
        let name = setting["name"].as_str().unwrap();
        assert!(message.contains(&format!("{name} = ")), "{name}: {message}");
    }
    assert_ne!(shown["settings"], Value::Null);
}
