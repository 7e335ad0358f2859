//! Mistakes seeded into the engine, each with the test that must notice it.
//!
//! Without arguments it only checks that every mistake can still be made: its text is in the source
//! exactly once, and its test exists. To make them, in a copy below `target/mutants`:
//!
//! `cargo test -p bgjob-tests --test mutants -- --run [part of a name…]`
//!
//! The outcome is a Markdown table, for the book's internals.

mod dataflow;
mod engine;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use table::{Mutant, all};

/// A test that hangs under a mistake has noticed it.
const LIMIT: Duration = Duration::from_secs(240);

/// The target of tests that stand beside the engine's code.
const LIB: &str = "lib";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let problems = stale();
    if !problems.is_empty() {
        println!("the table is out of date:\n  {}", problems.join("\n  "));
        return ExitCode::FAILURE;
    }
    if !args.iter().any(|arg| arg == "--run") {
        println!(
            "{} mistakes can be made; none was (see --run)",
            all().count()
        );
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let chosen = all().filter(|mutant| {
        wanted.is_empty() || wanted.iter().any(|part| mutant.name.contains(*part))
    });
    let copy = copied();
    println!("| mistake | where | noticed by | |\n|---|---|---|---|");
    let mut survivors = 0;
    for mutant in chosen {
        let outcome = try_out(mutant, &copy);
        survivors += u32::from(outcome == "SURVIVED");
        println!(
            "| {} | `{}` | `{}` | {outcome} |",
            mutant.name, mutant.file, mutant.test
        );
    }
    if survivors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What of the table does not fit the source any more.
fn stale() -> Vec<String> {
    let mut problems = Vec::new();
    for mutant in all() {
        let text = fs::read_to_string(root().join("bgjob-runtime/src").join(mutant.file))
            .unwrap_or_default();
        let found = text.matches(mutant.from).count();
        if found != 1 {
            problems.push(format!(
                "{}: its text is {found} times in {}",
                mutant.name, mutant.file
            ));
        }
        let name = mutant.test.rsplit("::").next().unwrap_or_default();
        let folder = match mutant.target {
            LIB => root().join("bgjob-runtime/src"),
            target => root().join("tests").join(target),
        };
        if !says(&folder, &format!("fn {name}(")) {
            problems.push(format!("{}: there is no test {}", mutant.name, mutant.test));
        }
    }
    problems
}

/// Whether a file below `folder` has that text.
fn says(folder: &Path, text: &str) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            says(&path, text)
        } else {
            fs::read_to_string(path).is_ok_and(|content| content.contains(text))
        }
    })
}

/// The source without its build, in a place of its own.
fn copied() -> PathBuf {
    let copy = root().join("target/mutants/source");
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir_all(&copy).expect("a folder for the copy");
    for entry in fs::read_dir(root()).expect("the repository").flatten() {
        let name = entry.file_name();
        if name != "target" && name != ".git" {
            let done = Command::new("cp")
                .arg("-a")
                .arg(entry.path())
                .arg(&copy)
                .status();
            assert!(
                done.is_ok_and(|status| status.success()),
                "{name:?} is copied"
            );
        }
    }
    copy
}

fn try_out(mutant: &Mutant, copy: &Path) -> &'static str {
    let file = copy.join("bgjob-runtime/src").join(mutant.file);
    let sound = fs::read_to_string(&file).expect("the source");
    fs::write(&file, sound.replacen(mutant.from, mutant.to, 1)).expect("the mistake is made");
    let outcome = if !cargo(copy, mutant, true) {
        "does not compile"
    } else if cargo(copy, mutant, false) {
        "SURVIVED"
    } else {
        "noticed"
    };
    fs::write(&file, sound).expect("the mistake is undone");
    outcome
}

/// Builds the test, or runs it; whether that went well in time.
fn cargo(copy: &Path, mutant: &Mutant, only_build: bool) -> bool {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.with_file_name("build"))
        .args(["test", "-q"]);
    match mutant.target {
        LIB => command.args(["-p", "bgjob-runtime", "--lib"]),
        target => command.args([
            "-p",
            "bgjob-tests",
            "--features",
            "failpoints",
            "--test",
            target,
        ]),
    };
    if only_build {
        command.arg("--no-run");
    } else {
        command.arg("--").arg(mutant.test);
    }
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("cargo starts");
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return status.success();
        }
        if !only_build && Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}
