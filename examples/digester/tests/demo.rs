//! The `demo` command of the program itself, with real jobs.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn digester(data_dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_digester"))
        .arg("--data-dir")
        .arg(data_dir)
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn stdout(output: &Output) -> String {
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {talk}", output.status);
    String::from_utf8(output.stdout.clone()).expect("it writes UTF-8")
}

fn json(data_dir: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(&digester(data_dir, arguments))).expect("it is JSON")
}

#[test]
fn the_demo_designs_the_example_as_five_jobs_as_often_as_one_likes() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    for _ in 0..2 {
        let output = digester(&data, &["demo", "--days", "30"]);
        let text = stdout(&output);
        for line in [
            ("liquid volume", "738 m³"),
            ("simulated days", "30.0 d"),
            ("COD removal", "%"),
        ] {
            let found = text
                .lines()
                .find(|shown| shown.trim_start().starts_with(line.0));
            assert!(
                found.is_some_and(|found| found.ends_with(line.1)),
                "{line:?} in {text}"
            );
        }
        let page = text
            .lines()
            .map(str::trim)
            .find(|line| line.ends_with("report.html"));
        let page = Path::new(page.expect("the report is named"));
        assert!(page.is_file() && page.with_file_name("gas.svg").is_file());
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(
            talk.contains("completed in ") && talk.contains("jobs list"),
            "{talk}"
        );
    }
    let list = json(&data, &["jobs", "list", "--json"]);
    let jobs = list["jobs"].as_array().expect("a list of jobs");
    assert_eq!(jobs.len(), 10);
    assert!(jobs.iter().all(|job| job["state"] == "completed"), "{list}");
    let kept = json(&data, &["state", "show", "simulation", "--json"]);
    let days = kept
        .pointer("/value/days")
        .unwrap_or_else(|| panic!("{kept}"));
    assert_eq!(days, 30);
    assert_eq!(kept["fields"][0]["version"], 2, "{kept}");
}

#[test]
fn a_demo_of_no_days_is_refused_before_anything_is_written() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let output = digester(&data, &["demo", "--days", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("0 is not in 1..=3650"));
    assert!(!data.exists());
}
