//! The house rules that a machine can check.

mod edges;
mod waiting;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ is in the repository")
        .to_owned()
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ["bgjob-macros", "bgjob-runtime", "book", "examples", "tests"]
        .map(|dir| root().join(dir))
        .into();
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a readable directory").flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" && name != "node_modules" {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn none(what: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{what}:\n  {}",
        offenders.join("\n  ")
    );
}

/// The layers of bgjob-runtime, lowest first. A file may use its own layer and those below.
const LAYERS: &[&[&str]] = &[
    &["error", "clock", "diagnostics"],
    &["job"],
    &["sys", "failpoint"],
    &["store"],
    &["tool"],
    &["launcher"],
    &["supervisor", "worker", "hook"],
    &["service"],
    &["mcp"],
    &["entry"],
    &["cli", "app"],
    &["private", "bench", "lib"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|names| names.contains(&module))
}

#[test]
fn imports_go_one_way() {
    let source = root().join("bgjob-runtime/src");
    let mut offenders = Vec::new();
    for file in rust_files()
        .into_iter()
        .filter(|file| file.starts_with(&source))
    {
        let inside = file.strip_prefix(&source).expect("below src");
        let module = inside
            .iter()
            .next()
            .expect("a first part")
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        let Some(own) = layer(&module) else {
            offenders.push(format!("{}: `{module}` is in no layer", shown(&file)));
            continue;
        };
        let text = fs::read_to_string(&file).expect("a text file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for used in code.split("crate::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let Some(other) = layer(&used) else { continue };
            let siblings = other == own
                && used != module
                && ["supervisor", "worker"].contains(&module.as_str());
            if other > own || siblings {
                offenders.push(format!("{} uses `{used}`", shown(&file)));
            }
        }
    }
    none("these imports go up", &offenders);
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let mut offenders = Vec::new();
    for file in rust_files() {
        if shown(&file).starts_with("tests/ui/") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a text file");
        if !text.starts_with("//!") && !text.starts_with("#!") {
            offenders.push(format!("{}: no `//!` at the top", shown(&file)));
        }
        if text.lines().count() > 400 {
            offenders.push(format!("{}: {} lines", shown(&file), text.lines().count()));
        }
    }
    none("these files are against the rules", &offenders);
}

#[test]
fn unsafe_code_and_platforms_stay_in_sys() {
    let source = root().join("bgjob-runtime/src");
    let mut offenders = Vec::new();
    for file in rust_files()
        .into_iter()
        .filter(|file| file.starts_with(&source))
    {
        if file.starts_with(source.join("sys")) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a text file");
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if !line.starts_with("//")
                && (line.contains("unsafe {")
                    || line.contains("unsafe fn")
                    || line.contains("target_os"))
            {
                offenders.push(format!("{}:{}", shown(&file), number + 1));
            }
        }
    }
    none("unsafe code or platform checks outside sys/", &offenders);
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let section = manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .expect("the section");
    let offenders: Vec<String> = section
        .lines()
        .filter(|line| {
            line.contains('=') && !line.trim_start().starts_with('#') && !line.starts_with("bgjob-")
        })
        .filter(|line| !line.contains(" # "))
        .map(str::to_owned)
        .collect();
    none("dependencies without a reason beside them", &offenders);
}

#[test]
fn the_paths_in_the_architecture_exist() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    assert!(
        text.lines().count() <= 150,
        "ARCHITECTURE.md has {} lines",
        text.lines().count()
    );
    let offenders: Vec<String> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| {
            word.contains('/')
                && (word.ends_with(".rs") || word.ends_with('/'))
                && !word.contains(['<', '*', ' ', '{'])
        })
        .filter(|word| {
            !root().join(word).exists() && !root().join("bgjob-runtime/src").join(word).exists()
        })
        .map(str::to_owned)
        .collect();
    none("ARCHITECTURE.md names what does not exist", &offenders);
}
