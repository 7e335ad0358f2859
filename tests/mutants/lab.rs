//! A copy of the source in which mistakes are made, and what its tests say of them.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

use crate::table::Mutant;

/// The target of tests that stand beside the engine's code.
pub const LIB: &str = "lib";

/// How much of a test's words a row holds.
const WORDS: usize = 120;

/// What a test told.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing that it looks at is wrong.
    Passed,
    /// The first thing that is wrong.
    Failed(String),
    /// It did not end.
    Hung,
    /// It cannot be built: the compiler's first error.
    Broken(String),
}

/// The copy, and its build beside it.
pub struct Lab {
    copy: PathBuf,
}

impl Lab {
    /// Copies the source, without its build, to a place of its own.
    pub fn new(root: &Path) -> Self {
        // Whatever a mistaken engine leaves behind becomes our child.
        rustix::process::set_child_subreaper(Pid::from_raw(1)).expect("we become a subreaper");
        let copy = root.join("target/mutants/source");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy).expect("a folder for the copy");
        for entry in fs::read_dir(root).expect("the repository").flatten() {
            let name = entry.file_name();
            if name != "target" && name != ".git" {
                let mut cp = Command::new("cp");
                let done = cp.arg("-a").arg(entry.path()).arg(&copy).status();
                assert!(done.is_ok_and(|status| status.success()), "{name:?}");
            }
        }
        Lab { copy }
    }

    /// Does something while the mistake is made.
    pub fn with<T>(&self, mutant: &Mutant, deed: impl FnOnce() -> T) -> T {
        let file = self.copy.join("bgjob-runtime/src").join(mutant.file);
        let sound = fs::read_to_string(&file).expect("the source");
        let mistaken = sound.replacen(mutant.from, mutant.to, 1);
        fs::write(&file, mistaken).expect("the mistake is made");
        let done = deed();
        fs::write(&file, sound).expect("the mistake is undone");
        done
    }

    /// Builds a mistake's test and runs it; what it told, and how long it took.
    pub fn test(&self, mutant: &Mutant, limit: Duration) -> (Told, Duration) {
        let words = self.copy.with_file_name("words");
        let mut build = self.cargo(mutant, &words);
        let built = build.arg("--no-run").status();
        if !built.is_ok_and(|status| status.success()) {
            let said = text(&words);
            let error = said.lines().find(|line| line.starts_with("error"));
            return (Told::Broken(error.unwrap_or(&said).into()), Duration::ZERO);
        }
        let began = Instant::now();
        let mut run = self.cargo(mutant, &words);
        run.args(["--", mutant.test]).process_group(0);
        if mutant.target != "faults" {
            run.arg("--include-ignored");
        }
        let passed = ended_well(run.spawn().expect("cargo starts"), limit);
        let took = began.elapsed();
        end_what_is_left();
        let told = match passed {
            Some(true) => Told::Passed,
            Some(false) => Told::Failed(reason(&text(&words))),
            None => Told::Hung,
        };
        (told, took)
    }

    /// A test command that says everything to the file `words`.
    fn cargo(&self, mutant: &Mutant, words: &Path) -> Command {
        let words = fs::File::create(words).expect("a file for what it says");
        let mut command = Command::new(env!("CARGO"));
        command
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", self.copy.with_file_name("build"))
            .args(["test", "-q", "-p"])
            .stdin(Stdio::null())
            .stdout(words.try_clone().expect("a second descriptor"))
            .stderr(words);
        match mutant.target {
            LIB => command.args(["bgjob-runtime", "--lib"]),
            target => command.args(["bgjob-tests", "--features", "failpoints", "--test", target]),
        };
        command
    }
}

/// Whether it ended well; `None` if it had to be ended.
fn ended_well(mut child: Child, limit: Duration) -> Option<bool> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.success());
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let group = Pid::from_child(&child);
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    let _ = child.wait();
    None
}

/// Kills our children until there are none: theirs become ours.
fn end_what_is_left() {
    let own = std::process::id();
    loop {
        let children = format!("/proc/{own}/task/{own}/children");
        let children = fs::read_to_string(children).unwrap_or_default();
        for child in children.split_whitespace() {
            if let Some(pid) = child.parse().ok().and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => std::thread::park_timeout(Duration::from_millis(5)),
            Err(_) => return,
        }
    }
}

fn text(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = fs::File::open(path) {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Why a test failed, from what it printed: the first panic's message, or else its last line.
fn reason(words: &str) -> String {
    let mut lines = words.lines().skip_while(|line| !panics(line)).skip(1);
    let said: Vec<&str> = match lines.next() {
        // What was compared is on the next two lines.
        Some(line) if line.starts_with("assertion `") => {
            std::iter::once(line).chain(lines.take(2)).collect()
        }
        Some(line) => vec![line],
        None => words
            .lines()
            .rfind(|line| !line.is_empty())
            .into_iter()
            .collect(),
    };
    let said: Vec<&str> = said.iter().map(|line| line.trim()).collect();
    said.join(", ").chars().take(WORDS).collect()
}

fn panics(line: &str) -> bool {
    line.starts_with("thread '") && line.contains(" panicked at ") && line.ends_with(':')
}
