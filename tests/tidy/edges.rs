//! Every durable step of the engine has a failpoint just before it, and each failpoint is tested.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::{none, root, rust_files, shown};

/// Where jobs move: files of the engine whose steps other processes can see.
const ENGINE: [&str; 14] = [
    "service/submit.rs",
    "service/cancel.rs",
    "service/prune.rs",
    "service/state.rs",
    "supervisor/mod.rs",
    "supervisor/child.rs",
    "supervisor/commit.rs",
    "supervisor/recover.rs",
    "supervisor/questions.rs",
    "service/questions.rs",
    "tool/context/desk.rs",
    "supervisor/unstarted.rs",
    "launcher.rs",
    "worker.rs",
];

/// What such a step looks like: a transaction, a rename that others wait for, a process, a signal.
const STEPS: [&str; 26] = [
    ".accept(&NewJob",
    "files::create_private_dir(dir.path())",
    "files::write_new(&dir.input()",
    "dir.write_env(",
    "spawn_detached(",
    "process::detach()",
    ".claim(candidate",
    "launcher::launch(&self.data",
    "Attempt::prepare(\n",
    "dir\n            .reserve_exit_record()",
    "write_state(data, ledger",
    "self.start()",
    "write_exit_record(&self",
    "self.clear_tree(pid)",
    "ledger.finish(job",
    "projection::publish_field(",
    "projection::publish_job(data, job)",
    ".cancel(owner",
    ".delete_ended(&seqs)",
    "ledger.give_back(",
    "sweep::kill_tree(",
    "std::fs::rename(&half",
    "files::write_atomic(&self.dir.questions(",
    "ledger.ask(job.seq",
    ".answer(owner.as_str()",
    "files::write_atomic(&self.dir.answers(",
];

/// How many lines above a step its failpoint may stand.
const REACH: usize = 10;

fn source(file: &str) -> String {
    fs::read_to_string(root().join("bgjob-runtime/src").join(file)).expect("a file of the engine")
}

fn failpoints() -> Vec<(PathBuf, String)> {
    let engine = root().join("bgjob-runtime/src");
    let mut found = Vec::new();
    for file in rust_files()
        .into_iter()
        .filter(|file| file.starts_with(&engine))
    {
        let text = fs::read_to_string(&file).expect("a text file");
        for part in text.split("failpoint!(\"").skip(1) {
            let name = part.split('"').next().unwrap_or_default().to_owned();
            found.push((file.clone(), name));
        }
    }
    found
}

#[test]
fn every_step_that_others_see_has_a_failpoint_before_it() {
    let mut offenders = Vec::new();
    for step in STEPS {
        let mut places = 0;
        for file in ENGINE {
            let text = source(file);
            for (at, _) in text.match_indices(step) {
                places += 1;
                let above: Vec<&str> = text[..at].lines().rev().take(REACH).collect();
                if !above.iter().any(|line| line.contains("failpoint!(")) {
                    let line = text[..at].lines().count();
                    offenders.push(format!(
                        "{file}:{line}: `{step}` has no failpoint before it"
                    ));
                }
            }
        }
        if places == 0 {
            offenders.push(format!(
                "`{step}` is nowhere in the engine: the list is out of date"
            ));
        }
    }
    none("edges that no test can reach", &offenders);
}

#[test]
fn every_failpoint_has_one_name_and_a_scenario() {
    let mut scenarios = String::new();
    for folder in ["tests/faults", "tests/storm"] {
        for entry in fs::read_dir(root().join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            scenarios += &fs::read_to_string(entry.path()).unwrap_or_default();
        }
    }
    let (mut seen, mut offenders) = (BTreeSet::new(), Vec::new());
    for (file, name) in failpoints() {
        if !seen.insert(name.clone()) {
            offenders.push(format!("{}: `{name}` is there twice", shown(&file)));
        }
        if !scenarios.contains(&name) {
            offenders.push(format!("{}: no scenario goes to `{name}`", shown(&file)));
        }
    }
    none("failpoints", &offenders);
}

#[test]
fn every_fault_of_the_catalogue_has_an_entry_and_its_tests_exist() {
    let text = fs::read_to_string(root().join("tests/faults/CATALOGUE.md")).expect("the catalogue");
    let mut tests = String::new();
    for folder in ["tests", "bgjob-runtime/src", "bgjob-macros/src"] {
        for file in rust_files()
            .into_iter()
            .filter(|file| file.starts_with(root().join(folder)))
        {
            tests += &fs::read_to_string(file).unwrap_or_default();
        }
    }
    let mut offenders = Vec::new();
    for number in 1..=74 {
        let head = format!("| {number} |");
        let Some(entry) = text.lines().find(|line| line.starts_with(&head)) else {
            offenders.push(format!("fault {number} has no entry"));
            continue;
        };
        let named: Vec<&str> = entry
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('_') && !name.contains(' '))
            .collect();
        if named.is_empty() && !entry.contains("not here:") && !entry.contains("open:") {
            offenders.push(format!("fault {number} has neither a test nor a reason"));
        }
        for name in named {
            if !tests.contains(&format!("fn {name}(")) {
                offenders.push(format!("fault {number} names `{name}`, which is nowhere"));
            }
        }
    }
    none("the catalogue of faults", &offenders);
}

#[test]
fn no_deadline_is_measured_by_the_wall_clock() {
    let mut offenders = Vec::new();
    for file in [
        "supervisor/child.rs",
        "supervisor/overdue.rs",
        "sys/deadline.rs",
        "sys/tree.rs",
    ] {
        for (number, line) in source(file).lines().enumerate() {
            // When something happened is a record for people; how long it took is not.
            let record = line.trim_start().starts_with("at_ms:");
            if !record && (line.contains("now_ms()") || line.contains("SystemTime")) {
                offenders.push(format!("{file}:{}", number + 1));
            }
        }
    }
    none(
        "the wall clock jumps; these must not look at it",
        &offenders,
    );
}
