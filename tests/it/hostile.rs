//! Bad ids, bad files, bad directories: one clear answer, nothing else harmed.

use std::fs;
use std::os::unix::fs::symlink;

use bgjob_tests::finish;
use serde_json::json;

use crate::sandbox;

#[test]
fn hostile_ids_name_no_job_and_touch_no_file() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let long = "a".repeat(100_000);
    for id in [
        "",
        "..",
        "../x",
        "/etc/passwd",
        "a\nb",
        "%2e%2e",
        "CON",
        "ADD-8dseectz2sanf9ks9pan",
        &long,
    ] {
        for command in ["show", "wait", "result", "logs", "cancel", "retry"] {
            let ran = sandbox.run(["jobs", command, "--", id]);
            assert_eq!(
                ran.code,
                Some(if id.is_empty() && ran.code == Some(2) {
                    2
                } else {
                    3
                }),
                "{command} {id:.20}: {ran:?}"
            );
            assert!(ran.stderr.len() < 2000);
        }
    }
    assert_eq!(
        fs::read_dir(sandbox.data().join("jobs")).unwrap().count(),
        1
    );
}

#[test]
fn wrong_arguments_are_refused_before_any_job_exists() {
    let sandbox = sandbox();
    for (input, says) in [
        (json!({"a": 1, "b": "x"}), "`b` must be an integer"),
        (json!({"a": 1}), "needs the argument `b`"),
        (json!({"a": 1, "b": 2, "c": 3}), "no argument `c`"),
        (json!({"a": 1.5, "b": 2}), "`a`"),
        (json!([1, 2]), "object"),
    ] {
        let ran = sandbox.try_submit("add", &input);
        assert_eq!(ran.code, Some(2), "{input}: {ran:?}");
        assert!(ran.stderr.contains(says), "{input}: {}", ran.stderr);
    }
    assert_eq!(
        fs::read_dir(sandbox.data().join("jobs")).map_or(0, Iterator::count),
        0
    );
}

#[test]
fn damaged_files_of_one_job_do_not_disturb_another() {
    let sandbox = sandbox();
    let damaged = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&damaged);
    let sound = sandbox.submit("add", &json!({"a": 3, "b": 4}));
    sandbox.wait(&sound);
    let dir = sandbox.job_dir(&damaged);
    let contents = ["", "{", "\0\0\0\0", "[1,2", "{\"state\":\"running\"}"];
    for (retries, content) in (1..).zip(contents) {
        for file in [
            "job.json",
            "input.json",
            "results.json",
            "exit.rec",
            "progress.json",
        ] {
            fs::write(dir.join(file), content).unwrap();
        }
        assert_eq!(sandbox.show(&damaged)["state"], "completed");
        assert!(sandbox.run(["jobs", "result", &damaged]).code.is_some());
        // The ledger has the arguments of its own.
        let retried = sandbox.run(["jobs", "retry", &damaged]);
        assert_eq!(retried.code, Some(0), "{retried:?}");
        assert_eq!(retried.stdout.trim(), "3");
        let listed = sandbox.json(["jobs", "list"]);
        assert_eq!(listed["jobs"].as_array().unwrap().len(), 2 + retries);
        assert_eq!(sandbox.run(["jobs", "result", &sound]).stdout.trim(), "7");
    }
}

#[test]
fn planted_links_are_not_followed() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&id);
    sandbox.settle();
    let target = sandbox.path("precious");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("file"), "precious").unwrap();
    let dir = sandbox.job_dir(&id);
    fs::remove_file(dir.join("results.json")).unwrap();
    symlink(target.join("file"), dir.join("results.json")).unwrap();
    symlink(&target, dir.join("artifacts")).unwrap();
    fs::remove_file(dir.join("stderr.log")).unwrap();
    symlink(target.join("file"), dir.join("stderr.log")).unwrap();
    for look in [["jobs", "result", &id], ["jobs", "logs", &id]] {
        let shown = sandbox.run(look);
        assert!(!shown.stdout.contains("precious"), "{shown:?}");
    }
    assert_eq!(
        sandbox.run(["jobs", "prune", "--older-than", "0s"]).code,
        Some(0)
    );
    assert!(!dir.exists());
    assert!(
        target.join("file").exists(),
        "the link's target is untouched"
    );
}

#[test]
fn an_unusable_data_directory_is_one_sentence_and_code_8() {
    let sandbox = sandbox();
    let program = env!("CARGO_BIN_EXE_fixture");
    let file = sandbox.path("file");
    fs::write(&file, "").unwrap();
    let link = sandbox.path("link");
    symlink("/tmp", &link).unwrap();
    let damaged = sandbox.path("damaged");
    fs::create_dir(&damaged).unwrap();
    fs::write(
        damaged.join("ledger.db"),
        "this is not a database".repeat(100),
    )
    .unwrap();
    for dir in [&file, &link, &damaged, &file.join("below")] {
        let ran = finish(
            std::process::Command::new(program)
                .arg("--data-dir")
                .arg(dir)
                .args(["jobs", "list"]),
        );
        assert_eq!(ran.code, Some(8), "{}: {ran:?}", dir.display());
        assert!(
            ran.stderr.starts_with("error: ") && ran.stderr.lines().count() <= 4,
            "{ran:?}"
        );
    }
}

#[test]
fn a_newer_ledger_is_refused() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    sandbox.settle();
    let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
    ledger
        .execute(
            "UPDATE setting SET value = '99' WHERE name = 'min_writer_version'",
            [],
        )
        .unwrap();
    drop(ledger);
    let ran = sandbox.run(["jobs", "list"]);
    assert_eq!(ran.code, Some(8));
    assert!(ran.stderr.contains("newer version"), "{ran:?}");
}
