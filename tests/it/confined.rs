//! The whole engine under Landlock (landlock(7)), where it may read everything and write to its data
//! directory alone: nothing of it needs more. Where the kernel does not offer Landlock, it says so and passes.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use bgjob_tests::{Sandbox, finish, invariants, until};
use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    path_beneath_rules,
};

use crate::sandbox;

/// From here on this thread, and whatever it starts, writes below `data` and to /dev/null alone.
fn confine(data: &Path) -> Result<bool, RulesetError> {
    let abi = ABI::V3;
    let written = AccessFs::from_write(abi) & AccessFs::from_file(abi);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(["/dev/null"], written))?
        .add_rules(path_beneath_rules([data], AccessFs::from_all(abi)))?
        .restrict_self()?;
    Ok(status.ruleset == RulesetStatus::FullyEnforced)
}

/// Runs every line; each exit code, and what the job's end was where there is one.
fn all(sandbox: &Sandbox) -> Vec<(String, Option<i32>)> {
    let lines: [&[&str]; 15] = [
        &["run", "add", "--a", "1", "--b", "2"],
        &["run", "note", "--text", "x"],
        &["run", "read_note"],
        &["run", "part", "--with", "true"],
        &["run", "big", "--kib", "200"],
        &["run", "surroundings"],
        &["run", "panic", "--text", "x"],
        &["run", "make_files"],
        &["run", "add_up", "--upto", "9", "--killed-at", "5"],
        &[
            "run", "litter", "--escape", "daemon", "--count", "2", "--stay", "true",
        ],
        &["state", "set", "note", "{\"text\": \"y\"}"],
        &["state", "reset", "note"],
        &["jobs", "list"],
        &["doctor"],
        &["jobs", "prune", "--older-than", "0s"],
    ];
    let ran = lines.map(|line| (line.join(" "), sandbox.run(line).code));
    let mut ran: Vec<_> = ran.into();
    let asking = sandbox.run(["run", "ask_in_turn", "--keys", "[\"a\"]", "--detach"]);
    let id = asking.stdout.trim();
    until("it asks", || sandbox.recorded(id) == "input_required");
    let answered = sandbox.run(["jobs", "answer", id, "7"]);
    let ended = sandbox.run(["jobs", "wait", id]);
    ran.extend([
        ("answer".into(), answered.code),
        ("wait".into(), ended.code),
    ]);
    sandbox.settle();
    ran
}

#[test]
fn under_landlock_everything_works_with_nothing_but_the_data_directory() {
    let free = sandbox();
    let due = all(&free);
    let sandbox = sandbox();
    // The directory itself is made by whoever may.
    assert_eq!(sandbox.run(["config", "show"]).code, Some(0));
    let outside = sandbox.path("outside");
    let confined = std::thread::scope(|scope| {
        let confined = scope.spawn(|| {
            if !confine(&sandbox.data()).expect("the rules are sound") {
                return None;
            }
            // It holds, for us and for our children.
            let refused = fs::write(&outside, "x").map_err(|error| error.kind());
            assert_eq!(refused, Err(ErrorKind::PermissionDenied));
            let mut child = std::process::Command::new("sh");
            let ran = finish(child.args(["-c", "echo x >\"$0\""]).arg(&outside));
            assert_ne!(ran.code, Some(0));
            Some(all(&sandbox))
        });
        confined.join().expect("what is said is above")
    });
    match confined {
        None => eprintln!("not tested: this kernel does not offer Landlock"),
        Some(ran) => assert_eq!(ran, due),
    }
    assert!(!outside.exists());
    let found = invariants::problems(&sandbox, &[], None);
    assert!(found.is_empty(), "{found:?}");
}
