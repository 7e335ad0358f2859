//! Tests wait for conditions: none sleeps and hopes, and none is tried again until it passes.

use std::fs;

use crate::{none, root, rust_files, shown};

/// Where a pause is the deed itself and nothing is waited for.
const DEEDS: [&str; 1] = ["tests/storm/weather.rs"];

#[test]
fn no_test_sleeps_and_hopes() {
    let mut offenders = Vec::new();
    let tests = root().join("tests");
    // Tools sleep, and so do measurements of rest.
    let exempt = ["fixture", "plain", "benches"].map(|folder| tests.join(folder));
    for file in rust_files() {
        let may = exempt.iter().any(|folder| file.starts_with(folder))
            || file.ends_with("tests/tidy/waiting.rs")
            || DEEDS.contains(&&*shown(&file));
        if may {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a text file");
        // Elsewhere the tests stand at the end of what they test.
        let whole = file.starts_with(&tests) || file.ends_with("tests.rs");
        let begin = if whole {
            Some(0)
        } else {
            text.find("\nmod tests {")
        };
        let above = text[..begin.unwrap_or(text.len())].lines().count();
        for (number, line) in text.lines().enumerate().skip(above) {
            if line.contains("thread::sleep(") || line.contains("time::sleep(") {
                offenders.push(format!("{}:{}", shown(&file), number + 1));
            }
        }
    }
    none("tests that sleep", &offenders);
}

#[test]
fn the_gate_tries_nothing_again() {
    let gate = fs::read_to_string(root().join(".ci/run")).expect("the gate");
    let again = [
        "sleep",
        "retry",
        "retries",
        "|| true",
        "|| cargo",
        "flaky",
        "--no-fail-fast",
    ];
    let offenders: Vec<String> = gate
        .lines()
        .filter(|line| again.iter().any(|word| line.contains(word)))
        .map(str::to_owned)
        .collect();
    none(
        "steps of the gate that are tried again or may fail",
        &offenders,
    );
}
