//! Mistakes seeded into the engine, each with the test that must notice it.
//!
//! Without arguments it only checks that every mistake can still be made: its text is in the source
//! exactly once, and its test exists. To make them, in a copy below `target/mutants`:
//!
//! `cargo test -p bgjob-tests --test mutants -- --run [part of a name…]`
//!
//! First each test runs without a mistake: one that fails then can notice nothing. The outcome is a
//! Markdown table for the book's internals, each row with what the test said.

mod dataflow;
mod engine;
mod lab;
mod questions;
mod table;
mod warm;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use lab::{LIB, Lab, Told};
use table::{Mutant, all};

/// A test that takes this long under a mistake hangs, unless it takes a tenth of that without one.
const LIMIT: Duration = Duration::from_secs(240);

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
    let chosen: Vec<&Mutant> = all()
        .filter(|mutant| wanted.is_empty() || wanted.iter().any(|part| mutant.name.contains(*part)))
        .collect();
    if make_them(&chosen) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Makes each mistake and prints its row; whether all were noticed.
fn make_them(chosen: &[&Mutant]) -> bool {
    let lab = Lab::new(&root());
    let sound = controls(&lab, chosen);
    println!("| mistake | where | noticed by | |\n|---|---|---|---|");
    let mut all_noticed = true;
    for mutant in chosen {
        let outcome = match sound[mutant.test] {
            Some(took) => lab.with(mutant, || judge(&lab, mutant, LIMIT.max(took * 10))),
            None => Err("its test fails without it too".to_owned()),
        };
        all_noticed &= outcome.is_ok();
        println!(
            "| {} | `{}` | `{}` | {} |",
            mutant.name,
            mutant.file,
            mutant.test,
            outcome.unwrap_or_else(|why| why)
        );
    }
    all_noticed
}

/// How long each test takes without a mistake; `None` for one that fails.
fn controls<'a>(lab: &Lab, chosen: &[&'a Mutant]) -> BTreeMap<&'a str, Option<Duration>> {
    let mut sound = BTreeMap::new();
    for mutant in chosen {
        sound.entry(mutant.test).or_insert_with(|| {
            let (told, took) = lab.test(mutant, LIMIT);
            eprintln!("without a mistake: {} {told:?} in {took:.1?}", mutant.test);
            (told == Told::Passed).then_some(took)
        });
    }
    sound
}

/// What the test said of the mistake, or why it did not notice it.
fn judge(lab: &Lab, mutant: &Mutant, limit: Duration) -> Result<String, String> {
    match lab.test(mutant, limit).0 {
        Told::Broken(error) => Err(format!("cannot be built: {error}")),
        Told::Passed => Err("SURVIVED".to_owned()),
        Told::Hung => Ok("noticed by a hang".to_owned()),
        Told::Failed(why) => Ok(format!("noticed: {}", why.replace('|', "\\|"))),
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
