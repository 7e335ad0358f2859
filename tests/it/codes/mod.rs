//! Every code of the closed list, provoked: what the program says then, whether the commands in its
//! help work as typed, and the page of the book that shows all of this.

mod table;

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use bgjob_runtime::Code;
use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::processes::Kind;
use bgjob_tests::{PATIENCE, Ran, Sandbox, feed, finish, until};
use serde_json::{Value, json};

use crate::sandbox;

/// What no command brings about: memory that runs out.
const RESERVED: [Code; 1] = [Code::OutOfMemory];

/// A job at a gate, of a tool that may be `note`.
fn held(sandbox: &Sandbox, tool: &str, oracle: &Oracle) -> String {
    let mut input = json!({"socket": oracle.path()});
    if tool == "note" {
        input["text"] = json!("x");
    }
    let id = sandbox.submit(tool, &input);
    oracle.wait_for(1);
    id
}

fn completed(sandbox: &Sandbox) -> String {
    let done = sandbox.finish("add", &json!({"a": 1, "b": 2}));
    done["job_id"].as_str().unwrap().to_owned()
}

/// A command whose `--json` has the code that the words do not show.
fn say(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.run(args.iter().copied().chain(["--json"]))
}

/// Waits for a job's end: the data of one call, the words of another.
fn waited(sandbox: &Sandbox, id: &str) -> Ran {
    Ran {
        stdout: say(sandbox, &["jobs", "wait", id]).stdout,
        ..sandbox.run(["jobs", "wait", id])
    }
}

/// Kills the supervisor of a held job, in another boot than now's if it is `elsewhere`.
fn lose_supervisor(sandbox: &Sandbox, oracle: &Oracle, elsewhere: bool) -> Ran {
    let id = held(sandbox, "gate", oracle);
    if elsewhere {
        let ledger = rusqlite::Connection::open(sandbox.data().join("ledger.db")).unwrap();
        ledger.busy_timeout(PATIENCE).unwrap();
        let sql = "UPDATE job SET boot = 'another' WHERE id = ?1";
        assert_eq!(ledger.execute(sql, [&id]).unwrap(), 1);
    }
    let found = sandbox.processes();
    let supervisors = found.iter().filter(|found| found.kind == Kind::Supervisor);
    supervisors.for_each(|found| found.kill());
    let lost = waited(sandbox, &id);
    oracle.open();
    lost
}

/// Does what a user does who gets `code`; what the program says.
fn provoke(code: Code, sandbox: &Sandbox, oracle: &Oracle) -> Ran {
    match code {
        Code::ToolError => say(sandbox, &["run", "fail", "--text", "no feed"]),
        Code::Panicked => say(sandbox, &["run", "panic", "--text", "boom"]),
        Code::Crashed => say(sandbox, &["run", "exit", "--status", "3"]),
        Code::NoResult => say(sandbox, &["run", "exit", "--status", "0"]),
        Code::BadResult => say(sandbox, &["run", "nan"]),
        Code::TimedOut => say(sandbox, &["run", "stubborn"]),
        Code::SupervisorLost => lose_supervisor(sandbox, oracle, false),
        Code::HostRestarted => lose_supervisor(sandbox, oracle, true),
        Code::DependencyFailed => {
            let writer = held(sandbox, "note", oracle);
            let reader = sandbox.submit("read_note", &json!({}));
            sandbox.run(["jobs", "cancel", &writer, "--grace", "0s"]);
            oracle.open();
            waited(sandbox, &reader)
        }
        Code::InvalidState => {
            sandbox.finish("note_of_another_type", &json!({"value": {"x": 1}}));
            say(sandbox, &["run", "read_note"])
        }
        Code::UnknownArgument => {
            let mut command = sandbox.command(["run", "sleep", "--input", "-", "--json"]);
            feed(&mut command, br#"{"ms": 1, "mz": 2}"#)
        }
        Code::MissingArgument => say(sandbox, &["run", "add", "--a", "1"]),
        Code::InvalidArgument => say(sandbox, &["run", "add", "--a", "x", "--b", "2"]),
        Code::MissingState => say(sandbox, &["run", "read_note"]),
        Code::UnknownField => say(sandbox, &["state", "show", "nosuch"]),
        Code::QueueFull => {
            sandbox.set("max_jobs", "1");
            sandbox.set("max_queued", "1");
            held(sandbox, "gate", oracle);
            sandbox.submit("add", &json!({"a": 1, "b": 2}));
            let refused = say(sandbox, &["run", "add", "--a", "1", "--b", "2"]);
            oracle.open();
            refused
        }
        Code::IdempotencyConflict => {
            let call = |b: &str| say(sandbox, &["run", "add", "--a", "1", "--b", b, "--key", "k"]);
            call("2");
            call("3")
        }
        Code::TooLarge => {
            sandbox.set("max_result_mib", "1");
            say(sandbox, &["run", "big", "--kib", "2000"])
        }
        Code::StorageError => {
            std::fs::write(sandbox.data(), "this is a file").unwrap();
            say(sandbox, &["jobs", "list"])
        }
        Code::JobNotFound => say(sandbox, &["jobs", "show", "add-00000000000000000000"]),
        Code::NotFinished => {
            let id = held(sandbox, "gate", oracle);
            let refused = say(sandbox, &["jobs", "result", &id]);
            oracle.open();
            refused
        }
        Code::AlreadyFinished => {
            let id = held(sandbox, "gate", oracle);
            sandbox.run(["jobs", "cancel", &id, "--grace", "0s"]);
            oracle.open();
            sandbox.wait(&id);
            say(sandbox, &["jobs", "result", &id])
        }
        Code::ResultExpired => {
            let id = completed(sandbox);
            std::fs::remove_file(sandbox.job_dir(&id).join("results.json")).unwrap();
            say(sandbox, &["jobs", "result", &id])
        }
        Code::PointerNotFound => {
            let id = completed(sandbox);
            say(sandbox, &["jobs", "result", &id, "--pointer", "/nope"])
        }
        Code::NoOpenQuestion => {
            let id = held(sandbox, "gate", oracle);
            let refused = say(sandbox, &["jobs", "answer", &id, "yes"]);
            oracle.open();
            refused
        }
        Code::ArtifactNotFound => {
            let id = completed(sandbox);
            say(sandbox, &["jobs", "artifacts", &id, "plot.svg"])
        }
        Code::Declined => {
            let id = sandbox.submit("ask_in_turn", &json!({"keys": ["width"]}));
            until("it asks", || sandbox.state_of(&id) == "input_required");
            sandbox.run(["jobs", "answer", &id, "--decline"]);
            waited(sandbox, &id)
        }
        other => panic!("{other} is provoked by nothing: write down what a user does who gets it"),
    }
}

/// The lines that name what is wrong and what to do, without what differs from run to run.
fn shown(sandbox: &Sandbox, said: &str) -> String {
    let ours = |line: &&str| {
        let heads = ["error:", "help:", "  at:", "  and:"];
        heads.iter().any(|head| line.starts_with(head))
    };
    let text: Vec<&str> = said.lines().filter(ours).collect();
    let program = env!("CARGO_BIN_EXE_fixture");
    let data = sandbox.data().display().to_string();
    let text = text
        .join("\n")
        .replace(&format!("{program} --data-dir {data}"), "server")
        .replace(&data, "DIR");
    let words: Vec<String> = text.split(' ').map(without_id).collect();
    words.join(" ")
}

/// `add-…` for a word with an id in it.
fn without_id(word: &str) -> String {
    let is_id = |c: char| c.is_ascii_digit() || c.is_ascii_lowercase();
    let Some((tool, rest)) = word.split_once('-') else {
        return word.to_owned();
    };
    match rest.get(..20) {
        Some(random) if !tool.is_empty() && random.chars().all(is_id) => {
            format!("{tool}-…{}", &rest[20..])
        }
        _ => word.to_owned(),
    }
}

/// Types every command that the help names.
fn type_remedies(sandbox: &Sandbox, code: Code, said: &str) {
    let program = env!("CARGO_BIN_EXE_fixture");
    for help in said.lines().filter(|line| line.starts_with("help:")) {
        let Some(at) = help.find(program) else {
            continue;
        };
        let mut shell = Command::new("sh");
        let ran = finish(
            shell
                .args(["-c", &help[at..]])
                .current_dir(sandbox.path(".")),
        );
        // What is run again may fail again; what no program understands is no remedy.
        let understood = matches!(ran.code, Some(0 | 1 | 6));
        let asks = code == Code::MissingState && ran.stderr.contains("needs the argument");
        assert!(understood || asks, "{code}: {help}: {ran:?}");
    }
}

fn section(code: Code) -> String {
    let (cause, cure) = table::words(code);
    let mut text = format!("## `{code}`\n\n{} {cause}\n\n", code.about());
    if !RESERVED.contains(&code) {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let ran = provoke(code, &sandbox, &oracle);
        assert!(!matches!(ran.code, Some(0) | None), "{code}: {ran:?}");
        let compact = ran.stdout.replace("\": \"", "\":\"");
        let named = compact.contains(&format!("\"code\":\"{code}\""));
        assert!(named, "another code than {code}: {ran:?}");
        let said = shown(&sandbox, &ran.stderr);
        assert!(said.starts_with("error: "), "{code} is not told: {ran:?}");
        assert!(said.contains("\nhelp: "), "{code} has no remedy: {ran:?}");
        type_remedies(&sandbox, code, &ran.stderr);
        let _ = write!(text, "```text\n{said}\n```\n\n");
        if code == Code::StorageError {
            std::fs::remove_file(sandbox.data()).unwrap();
        }
    }
    let again = if code.retryable() {
        " The same call may succeed later."
    } else {
        ""
    };
    let _ = write!(text, "{cure}{again}\n\n");
    text
}

const HEAD: &str = "# Error codes\n
Every refusal and every failed job carries one code of this closed list, a message that names the thing, and a remedy. A
*retryable* call may succeed later without being changed. A failed job's error is in its view, in `error.json` of its
folder, and in `jobs show`; a refusal means that no job exists. The examples are what the command line says; over MCP the
remedy names tools instead of commands.\n\n";

#[test]
fn every_code_is_said_with_a_remedy_that_works_and_the_book_shows_it() {
    let mut page = HEAD.to_owned();
    page.push_str("| code | what it means | retryable |\n|---|---|---|\n");
    for code in Code::ALL {
        let retryable = if code.retryable() { "yes" } else { "" };
        let _ = writeln!(
            page,
            "| [`{code}`](#{code}) | {} | {retryable} |",
            code.about()
        );
    }
    page.push('\n');
    for code in Code::ALL {
        page.push_str(&section(*code));
    }
    let page = format!("{}\n", page.trim_end());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/src/reference/error-codes.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (book, now)) in written.lines().zip(page.lines()).enumerate() {
        assert_eq!(book, now, "line {}: run this test with BLESS=1", line + 1);
    }
    assert_eq!(
        written.lines().count(),
        page.lines().count(),
        "run this test with BLESS=1"
    );
}

#[test]
fn over_mcp_each_failure_has_the_same_code_and_a_remedy_in_tools() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let tools = server.tools();
    let names: Vec<&str> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    for (tool, arguments, code) in [
        ("fail", json!({"text": "no feed"}), Code::ToolError),
        ("panic", json!({"text": "boom"}), Code::Panicked),
        ("exit", json!({"status": 3}), Code::Crashed),
        ("exit", json!({"status": 0}), Code::NoResult),
        ("nan", json!({}), Code::BadResult),
        ("stubborn", json!({}), Code::TimedOut),
        ("add", json!({"a": 1}), Code::MissingArgument),
        ("sleep", json!({"ms": 1, "mz": 1}), Code::UnknownArgument),
        ("add", json!({"a": "x", "b": 1}), Code::InvalidArgument),
        ("read_note", json!({}), Code::MissingState),
        ("get_state", json!({"field": "nosuch"}), Code::UnknownField),
        (
            "get_job_status",
            json!({"job_id": "add-00000000000000000000"}),
            Code::JobNotFound,
        ),
        (
            "get_job_status",
            json!({"job_ids": vec!["x"; 51]}),
            Code::TooLarge,
        ),
    ] {
        let called = server.call(tool, arguments);
        let ended = server.finish(called);
        let error = &ended["error"];
        assert_eq!(error["code"], code.as_str(), "{ended:?}");
        assert_eq!(error["retryable"], code.retryable(), "{ended:?}");
        assert!(
            !error["message"].as_str().unwrap_or_default().is_empty(),
            "{ended:?}"
        );
        let remedy = error["remedy"]
            .as_str()
            .unwrap_or_else(|| panic!("no remedy: {ended:?}"));
        assert!(
            !remedy.contains("--"),
            "a command is no remedy for a model: {remedy}"
        );
        // A tool that it names is one that the server has.
        let words = remedy.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        for word in words.filter(|word| word.ends_with("_job") || word.starts_with("get_")) {
            assert!(names.contains(&word), "{remedy} names {word}");
        }
        assert_ne!(
            ended["next"]["tool"],
            Value::String("get_job_status".into())
        );
    }
}
