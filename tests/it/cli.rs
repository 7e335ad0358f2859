//! The command line as a shell sees it: exit codes, what is on which stream, and the JSON of it.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{Ran, Sandbox, feed, finish};
use serde_json::{Value, json};

use crate::sandbox;

/// An id that no job has.
const NO_JOB: &str = "add-00000000000000000000";

fn code(sandbox: &Sandbox, args: &[&str]) -> Option<i32> {
    sandbox.run(args).code
}

/// The fixture without the sandbox's `--data-dir`.
fn bare(sandbox: &Sandbox) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fixture"));
    command
        .current_dir(sandbox.path(""))
        .env_remove("BGJOB_DATA_DIR")
        .stdin(Stdio::null());
    command
}

#[test]
fn how_a_job_ends_is_the_exit_code() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let add = ["run", "add", "--a", "1", "--b", "2"];
    assert_eq!(code(&sandbox, &add), Some(0));
    assert_eq!(code(&sandbox, &["run", "fail", "--text", "x"]), Some(1));
    assert_eq!(code(&sandbox, &["run", "abort"]), Some(1));
    let timeout = ["run", "short_gate", "--socket", &oracle.path()];
    assert_eq!(code(&sandbox, &timeout), Some(6));

    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    assert_eq!(code(&sandbox, &["jobs", "result", &id]), Some(4));
    let briefly = ["jobs", "wait", &id, "--timeout", "10ms"];
    assert_eq!(code(&sandbox, &briefly), Some(4));
    assert_eq!(code(&sandbox, &["jobs", "show", &id]), Some(0));
    assert_eq!(code(&sandbox, &["jobs", "cancel", &id]), Some(0));
    assert_eq!(code(&sandbox, &["jobs", "wait", &id]), Some(5));
    assert_eq!(code(&sandbox, &["jobs", "result", &id]), Some(5));
}

#[test]
fn what_is_refused_exits_with_2_and_leaves_no_job() {
    let sandbox = sandbox();
    let refused: [&[&str]; 12] = [
        &["run", "ad"],
        &["run", "add", "--a", "1"],
        &["run", "add", "--a", "1", "--b", "two"],
        &["run", "add", "--a", "1", "--b", "2", "--c", "3"],
        &["run", "add", "--set", "a"],
        &["run", "add", "--input", "no-such-file"],
        &["run", "repeat", "--flow-m3-per-d", "0"],
        &["run", "read_note"],
        &["run"],
        &["jobs"],
        &["joobs"],
        &["config", "set", "max_jobs", "none"],
    ];
    for args in refused {
        let ran = sandbox.run(args);
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{args:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(
        sandbox.json(["jobs", "list"]),
        json!({"state": "ok", "jobs": []})
    );
}

#[test]
fn what_does_not_exist_exits_with_3() {
    let sandbox = sandbox();
    let id = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&id);
    for command in ["show", "wait", "logs", "result", "cancel", "retry"] {
        let ran = sandbox.run(["jobs", command, NO_JOB]);
        assert_eq!(ran.code, Some(3), "{command}: {ran:?}");
    }
    let part = ["jobs", "result", &id, "--pointer", "/no/such"];
    assert_eq!(code(&sandbox, &part), Some(3));
    assert_eq!(code(&sandbox, &["state", "show", "no_field"]), Some(3));
}

#[test]
fn a_data_directory_or_an_output_that_cannot_be_used_exits_with_8() {
    let sandbox = sandbox();
    std::fs::write(sandbox.path("file"), "").unwrap();
    let ran = finish(bare(&sandbox).args(["--data-dir", "file/below", "jobs", "list"]));
    assert_eq!(ran.code, Some(8), "{ran:?}");
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut tools = sandbox.command(["tools", "--json"]);
    let status = tools.stdout(full()).stderr(Stdio::null()).status();
    assert_eq!(status.unwrap().code(), Some(8));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let sandbox = sandbox();
    for args in [&["schema"][..], &["tools"], &["config", "show", "--json"]] {
        let (gone, out) = UnixStream::pair().unwrap();
        drop(gone);
        let mut command = sandbox.command(args);
        let output = command.stdout(OwnedFd::from(out)).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}

#[test]
fn standard_output_has_the_result_or_the_id_and_nothing_else() {
    let sandbox = sandbox();
    let ran = sandbox.run(["run", "add", "--a", "1", "--b", "2"]);
    assert_eq!(ran.stdout, "3\n", "{ran:?}");
    assert!(ran.stderr.contains("completed"), "{ran:?}");
    let quiet = sandbox.run(["-q", "run", "add", "--a", "1", "--b", "2"]);
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("3\n", ""));

    let left = sandbox.run(["run", "add", "--a", "1", "--b", "2", "--detach"]);
    let id = left.stdout.trim_end();
    assert!(id.starts_with("add-") && !id.contains(char::is_whitespace));
    sandbox.wait(id);
    assert_eq!(sandbox.run(["jobs", "result", id]).stdout, "3\n");
    let part = sandbox.run(["run", "big", "--kib", "2"]);
    let whole: Value = part.json();
    assert_eq!(whole["end"], true);
}

#[test]
fn every_reading_command_has_json() {
    let sandbox = sandbox();
    let id = sandbox.submit("note", &json!({"text": "hi"}));
    sandbox.wait(&id);
    let (job, value) = (json!(id), json!({"text": "hi"}));
    let same: [(&[&str], &str, &Value); 8] = [
        (&["jobs", "list"], "/jobs/0/job_id", &job),
        (&["jobs", "show", &id], "/job_id", &job),
        (&["jobs", "wait", &id], "/jobs/0/result", &value),
        (&["jobs", "result", &id], "/result", &value),
        (&["jobs", "cancel", &id], "/jobs/0/job_id", &job),
        (&["jobs", "prune"], "/pruned/jobs", &json!(0)),
        (&["state", "show", "note"], "/value", &value),
        (&["tools", "add"], "/tools/0/name", &json!("add")),
    ];
    for (args, place, expected) in same {
        let shown = sandbox.json(args);
        assert_eq!(shown.pointer(place), Some(expected), "{args:?}: {shown}");
    }
    let there: [(&[&str], &str); 4] = [
        (&["tools"], "/tools/0/name"),
        (&["state", "show"], "/fields/0/field"),
        (&["config", "show"], "/settings/0/value"),
        (&["run", "add", "--a", "1", "--b", "2"], "/result"),
    ];
    for (args, place) in there {
        let shown = sandbox.json(args);
        assert!(shown.pointer(place).is_some(), "{args:?}: {shown}");
    }
    let schema = sandbox.run(["schema", "add"]).json();
    assert_eq!(schema["input_schema"]["type"], "object", "{schema}");
}

#[test]
fn every_refusal_has_a_rejected_object_with_json() {
    let sandbox = sandbox();
    let refused: [(&[&str], &str); 5] = [
        (&["run", "add", "--a", "1"], "missing_argument"),
        (&["run", "ad"], "invalid_argument"),
        (&["run", "add", "--aa", "1"], "unknown_argument"),
        (&["jobs", "lits"], "invalid_argument"),
        (&["jobs", "show", NO_JOB], "job_not_found"),
    ];
    for (args, code) in refused {
        let shown = sandbox.json(args);
        assert_eq!(shown["state"], "rejected", "{args:?}: {shown}");
        assert_eq!(shown["error"]["code"], code, "{args:?}: {shown}");
    }
}

fn repeated(ran: &Ran) -> Value {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.json()
}

#[test]
fn arguments_come_from_flags_files_standard_input_and_settings() {
    let sandbox = sandbox();
    let ran = sandbox.run([
        "run",
        "repeat",
        "--flow-m3-per-d",
        "2",
        "--tags",
        "a",
        "--tags",
        "b",
    ]);
    assert_eq!(
        repeated(&ran),
        json!({"flow_m3_per_d": 2.0, "input": null, "tags": ["a", "b"], "tank": null})
    );
    let settings = [
        "--set",
        "input=raw",
        "--set",
        "tank.height=2.5",
        "--set",
        "tank.name=big one",
    ];
    let ran = sandbox.run(["run", "repeat"].iter().chain(&settings));
    let shown = repeated(&ran);
    assert_eq!(shown["input"], "raw");
    assert_eq!(shown["tank"], json!({"height": 2.5, "name": "big one"}));

    let input = br#"{"flow_m3_per_d": 1, "tags": ["x"]}"#;
    std::fs::write(sandbox.path("input.json"), input).unwrap();
    let over = ["--flow-m3-per-d", "7"];
    let file = sandbox.run(
        ["run", "repeat", "--input", "input.json"]
            .iter()
            .chain(&over),
    );
    let mut piped = sandbox.command(["run", "repeat", "--input", "-"].iter().chain(&over));
    for ran in [file, feed(&mut piped, input)] {
        let shown = repeated(&ran);
        assert_eq!(
            (&shown["flow_m3_per_d"], &shown["tags"]),
            (&json!(7.0), &json!(["x"]))
        );
    }
}

#[test]
fn the_help_of_a_tool_reads_as_text_and_reaches_every_argument() {
    let sandbox = sandbox();
    let help = sandbox.run(["run", "repeat", "--help"]).stdout;
    let first = "Returns its arguments as it got them, whatever they are called and however they were given.";
    assert!(help.starts_with(&format!("{first}\n")), "{help}");
    assert!(help.contains("[0.001 to 1000000]"), "{help}");
    assert!(help.contains("--set input=<TEXT>"), "{help}");
    assert!(help.contains("tank.height=<NUMBER>"), "{help}");
}

#[test]
fn an_id_may_be_shortened_to_a_beginning_that_no_other_has() {
    let sandbox = sandbox();
    let ids = [1, 2].map(|n| sandbox.submit("add", &json!({"a": n, "b": 0})));
    ids.iter().for_each(|id| drop(sandbox.wait(id)));
    let common = std::iter::zip(ids[0].chars(), ids[1].chars());
    let common = common.take_while(|(one, other)| one == other).count();
    let short = &ids[0][..=common];
    for command in ["show", "result", "logs", "wait"] {
        let ran = sandbox.run(["jobs", command, short]);
        assert_eq!(ran.code, Some(0), "{command}: {ran:?}");
    }
    assert_eq!(sandbox.show(short)["job_id"], ids[0]);
    let both = sandbox.run(["jobs", "show", &ids[0][..common]]);
    assert_eq!((both.code, &*both.stdout), (Some(2), ""), "{both:?}");
    assert!(ids.iter().all(|id| both.stderr.contains(id)), "{both:?}");
    assert_eq!(code(&sandbox, &["jobs", "show", "ad_"]), Some(3));
}

#[test]
fn a_slip_of_the_finger_gets_the_nearest_name() {
    let sandbox = sandbox();
    let slips: [(&[&str], &str); 9] = [
        (&["run", "repaet"], "did you mean `repeat`?"),
        (&["jobs", "lst"], "did you mean `list`?"),
        (
            &["run", "repeat", "--flow-m3-perd", "1"],
            "did you mean `--flow-m3-per-d`?",
        ),
        (&["run", "repeat", "--set", "tag=x"], "did you mean --tags"),
        (&["state", "show", "nte"], "did you mean `note`?"),
        (&["install", "cursr"], "did you mean `cursor`?"),
        (&["completions", "bsh"], "did you mean `bash`?"),
        (
            &["jobs", "list", "--state", "runing"],
            "did you mean `running`?",
        ),
        (
            &["config", "set", "max_job", "2"],
            "did you mean `max_jobs`?",
        ),
    ];
    for (args, help) in slips {
        let ran = sandbox.run(args);
        assert!(ran.stderr.contains(help), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn the_help_that_a_refusal_names_is_that_of_its_command() {
    let sandbox = sandbox();
    let slips: [(&[&str], &str); 6] = [
        (&["install", "cursr"], "install --help"),
        (&["jobs", "list", "--state", "runing"], "jobs list --help"),
        (&["jobs", "list", "-n", "many"], "jobs list --help"),
        (&["jobs", "wait"], "jobs wait --help"),
        (&["schema", "--profile", "wired"], "schema --help"),
        (&["run", "add", "--timeot", "1s"], "run add --help"),
    ];
    for (args, help) in slips {
        let ran = sandbox.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}: {ran:?}");
        let line = ran.stderr.lines().last().unwrap();
        let typed = line.strip_prefix("help: ").unwrap();
        assert!(typed.ends_with(&format!(" {help}")), "{args:?}: {line}");
        let shown = sandbox.run(help.split(' '));
        assert_eq!(shown.code, Some(0), "{help}: {shown:?}");
        assert!(shown.stdout.contains("Usage: "), "{help}: {shown:?}");
    }
}

#[test]
fn an_empty_place_says_so_on_standard_error_only() {
    let sandbox = sandbox();
    let none = sandbox.run(["jobs", "list"]);
    assert_eq!((none.code, &*none.stdout), (Some(0), ""));
    assert!(none.stderr.contains("no jobs yet"), "{none:?}");
    let filtered = sandbox.run(["jobs", "list", "--state", "failed"]);
    assert_eq!((filtered.code, &*filtered.stdout), (Some(0), ""));
    assert!(filtered.stderr.contains("no such jobs"), "{filtered:?}");
    let state = sandbox.run(["state", "show", "note"]);
    assert_eq!(state.stdout, "", "{state:?}");
}

#[test]
fn several_jobs_are_waited_for_together_and_the_first_that_failed_decides() {
    let sandbox = sandbox();
    let good = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    let bad = sandbox.submit("fail", &json!({"text": "first"}));
    let worse = sandbox.submit("fail", &json!({"text": "second"}));
    let ran = sandbox.run(["jobs", "wait", &good, &bad, &worse]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let ids: Vec<&str> = ran
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(ids, [&good, &bad, &worse]);
    for (id, text) in [(&bad, "first"), (&worse, "second")] {
        let told = format!("error: {id}: {text} [tool_error]");
        assert!(ran.stderr.contains(&told), "{ran:?}");
    }
    assert!(!ran.stderr.contains("jobs retry"), "{ran:?}");
    assert_eq!(code(&sandbox, &["jobs", "wait", &good, "--any"]), Some(0));
}

#[test]
fn a_typed_data_directory_goes_before_that_of_the_environment() {
    let sandbox = sandbox();
    let run = |typed: Option<&str>| {
        let mut command = bare(&sandbox);
        command.args(typed.map(|dir| format!("--data-dir={dir}")));
        command.args(["state", "set", "note", "{\"text\":\"x\"}"]);
        let ran = finish(command.env("BGJOB_DATA_DIR", sandbox.path("from-env")));
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    let ledger = |dir: &str| Path::new(&sandbox.path(dir)).join("ledger.db").exists();
    run(Some("typed"));
    assert_eq!((ledger("typed"), ledger("from-env")), (true, false));
    run(None);
    assert!(ledger("from-env"));
}

#[test]
fn a_job_that_cannot_be_started_is_accepted_all_the_same() {
    let sandbox = sandbox();
    // No supervisor starts without its log.
    let log = sandbox.data().join("supervisor.log");
    std::fs::create_dir_all(&log).unwrap();
    let add = ["run", "add", "--a", "1", "--b", "2"];
    let followed = sandbox.run(add.iter().chain(&["--json"]));
    assert_eq!(followed.code, Some(4), "{followed:?}");
    assert_eq!(followed.json()["state"], "queued");
    assert!(
        followed.stderr.contains("accepted and not lost"),
        "{followed:?}"
    );
    let left = sandbox.run(add.iter().chain(&["--detach"]));
    assert_eq!(left.code, Some(0), "{left:?}");
    std::fs::remove_dir(&log).unwrap();
    assert_eq!(sandbox.wait(left.stdout.trim())["result"], 3);
    let first = followed.json()["job_id"].as_str().unwrap().to_owned();
    assert_eq!(sandbox.wait(&first)["result"], 3);
}
