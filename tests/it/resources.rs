//! Logs, results, memory, descriptors and disks that have an end.

use std::fs;
use std::os::unix::fs::MetadataExt;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{finish, until};
use serde_json::json;

use crate::sandbox;

#[test]
fn a_log_past_its_cap_keeps_head_and_tail_and_says_so() {
    let sandbox = sandbox();
    sandbox.set("max_log_mib", "1");
    let id = sandbox.submit("flood", &json!({"kib": 200_000}));
    let view = sandbox.wait(&id);
    let log = sandbox.job_dir(&id).join("stderr.log");
    let meta = fs::metadata(&log).unwrap();
    assert!(
        meta.len() > 190 << 20,
        "the tool wrote it all: {}",
        meta.len()
    );
    // The last look is at the end; what came before it is at most a moment's worth.
    assert!(
        meta.blocks() * 512 <= 2 << 20,
        "{} bytes are kept",
        meta.blocks() * 512
    );
    assert!(
        view["error"]["stderr_tail"]
            .as_str()
            .unwrap()
            .ends_with("the last line"),
        "{view}"
    );
    let shown = sandbox.run(["jobs", "logs", &id, "--stream", "err"]);
    assert!(
        shown.stdout.contains("bytes of this log were dropped here"),
        "{} bytes shown",
        shown.stdout.len()
    );
    assert!(
        shown.stdout.len() < 4 << 20 && !shown.stdout.contains('\0'),
        "{} bytes shown",
        shown.stdout.len()
    );
    assert!(shown.stdout.trim_end().ends_with("the last line"));
}

#[test]
fn a_result_past_its_cap_is_a_typed_failure() {
    let sandbox = sandbox();
    sandbox.set("max_result_mib", "1");
    assert_eq!(
        sandbox.finish("big", &json!({"kib": 900}))["state"],
        "completed"
    );
    let view = sandbox.finish("big", &json!({"kib": 1100}));
    assert_eq!(
        (&view["state"], &view["error"]["code"]),
        (&json!("failed"), &json!("too_large")),
        "{view}"
    );
    let message = view["error"]["message"].as_str().unwrap();
    assert!(message.contains("1 MiB"), "{message}");
    assert!(
        view["error"]["remedy"]
            .as_str()
            .unwrap()
            .contains("max_result_mib"),
        "{view}"
    );
}

#[test]
fn a_job_waits_for_memory_says_so_and_starts_with_nobody_else_alive() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    oracle.open();
    sandbox.set("min_memory_mib", "900000000");
    let id = sandbox.submit("gate", &json!({"socket": oracle.path()}));
    let view = sandbox.show(&id);
    assert_eq!(view["state"], "queued");
    assert!(
        view["waiting_because"]
            .as_str()
            .is_some_and(|why| why.contains("memory")),
        "{view}"
    );
    let line = sandbox.run(["jobs", "list"]).stdout;
    assert!(
        line.contains("next in the queue: ") && line.contains("memory"),
        "{line}"
    );
    // A supervisor waits for it.
    until("somebody waits", || !sandbox.processes().is_empty());
    assert_eq!(oracle.starts().len(), 0);
    // The memory comes back: no front-end looks after the job from here on.
    sandbox.set("min_memory_mib", "0");
    oracle.wait_for_starts(1);
    sandbox.settle();
    assert_eq!(sandbox.state_of(&id), "completed");
}

#[test]
fn few_descriptors_are_an_error_or_a_job_and_never_a_panic() {
    let sandbox = sandbox();
    sandbox.finish("add", &json!({"a": 1, "b": 2}));
    let program = sandbox.command::<&str>([]);
    let program = program.get_program().to_string_lossy().into_owned();
    let mut accepted = Vec::new();
    for limit in 3..24 {
        let line = format!(
            "ulimit -Sn {limit}; exec \"$0\" --data-dir \"$1\" run add --a 1 --b 2 --detach"
        );
        let ran = finish(
            std::process::Command::new("sh")
                .args(["-c", &line, &program])
                .arg(sandbox.data()),
        );
        assert!(!ran.stderr.contains("panicked"), "{limit}: {ran:?}");
        assert_ne!(ran.code, Some(101), "{limit}: {ran:?}");
        if ran.stdout.contains("add-") {
            accepted.push(ran.stdout.trim().to_owned());
        }
    }
    assert!(!accepted.is_empty(), "some limit is enough");
    for id in &accepted {
        assert_eq!(sandbox.wait(id)["state"], "completed", "{id}");
    }
    let rows: usize = sandbox
        .ledger()
        .query_row("SELECT count(*) FROM job", [], |row| row.get(0))
        .unwrap();
    let dirs = fs::read_dir(sandbox.data().join("jobs")).unwrap().count();
    assert_eq!(rows, dirs, "no submission left half a job");
}

/// Runs `script` with `F` the program on a data directory on a disk of 4 MB; its output, or `None`
/// where this user may not mount.
fn on_a_small_disk(script: &str) -> Option<String> {
    on_a_disk("size=4m", script)
}

/// As [`on_a_small_disk`], with the limits of the disk as options of tmpfs(5).
fn on_a_disk(limits: &str, script: &str) -> Option<String> {
    let sandbox = sandbox();
    let disk = sandbox.path("disk");
    fs::create_dir(&disk).unwrap();
    let program = sandbox.command::<&str>([]);
    let whole = format!(
        "mount -t tmpfs -o {limits},mode=700 none \"$1\" || exit 77\nD=$1; P=$0\nF() {{ \"$P\" --data-dir \"$D/data\" \"$@\"; }}\n{script}"
    );
    let ran = finish(
        std::process::Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &whole])
            .arg(program.get_program())
            .arg(&disk),
    );
    if ran.code == Some(77) || ran.stderr.contains("unshare:") {
        eprintln!(
            "not tested: this user may not mount ({})",
            ran.stderr.trim()
        );
        return None;
    }
    assert_eq!(ran.code, Some(0), "{ran:?}");
    Some(ran.stdout)
}

#[test]
fn a_full_disk_refuses_jobs_and_takes_them_again_when_there_is_room() {
    let told = on_a_small_disk(
        "F run add --a 1 --b 2 >/dev/null || exit 1
         head -c 100m /dev/zero >\"$D/fill\" 2>/dev/null
         F run add --a 3 --b 4 --detach >\"/dev/null\"; echo \"code $?\"
         rm \"$D/fill\"
         F jobs list --json
         F run add --a 5 --b 6",
    );
    let Some(told) = told else { return };
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.first(), Some(&"code 8"), "{told}");
    assert_eq!(told.matches("\"job_id\"").count(), 1, "{told}");
    assert_eq!(lines.last(), Some(&"11"), "{told}");
}

#[test]
fn a_log_that_fills_the_disk_loses_no_end_of_its_job() {
    let told = on_a_small_disk(
        "id=$(F run flood --kib 20000 --detach) || exit 1
         until grep -q '\"code\":3' \"$D/data/jobs/$id/exit.rec\" 2>/dev/null; do sleep 0.01; done
         df --output=avail \"$D\" | tail -1
         : >\"$D/data/jobs/$id/stderr.log\"
         F jobs wait \"$id\" --timeout 30s >/dev/null 2>&1; echo \"code $?\"
         F jobs show \"$id\" --json",
    );
    let Some(told) = told else { return };
    assert!(told.contains("code 1"), "{told}");
    assert!(
        told.contains("\"crashed\"") && told.contains("\"code\":3"),
        "{told}"
    );
}

#[test]
fn a_disk_without_inodes_refuses_jobs_and_takes_them_again() {
    let told = on_a_disk(
        "size=16m,nr_inodes=60",
        "F run add --a 1 --b 2 >/dev/null || exit 1
         i=0; while true >\"$D/fill.$i\"; do i=$((i+1)); done 2>/dev/null
         F run add --a 3 --b 4 --detach >/dev/null; echo \"code $?\"
         rm \"$D\"/fill.*
         F jobs list --json
         F run add --a 5 --b 6",
    );
    let Some(told) = told else { return };
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.first(), Some(&"code 8"), "{told}");
    assert_eq!(told.matches("\"job_id\"").count(), 1, "{told}");
    assert_eq!(lines.last(), Some(&"11"), "{told}");
}

#[test]
fn zombies_that_nobody_reaps_are_never_taken_for_alive() {
    let sandbox = sandbox();
    let program = sandbox.command::<&str>([]);
    let (told, done) = (sandbox.path("told"), sandbox.path("done"));
    // The first process of the namespace inherits every orphan and never waits for one.
    let script = "P=$0; D=$1; F() { \"$P\" --data-dir \"$D\" \"$@\"; }
         { id=$(F run sleep --ms 600000 --detach)
           until F jobs show \"$id\" | grep -q sleeping; do sleep 0.05; done
           for p in /proc/[0-9]*; do
             if grep -qxz __supervise $p/cmdline; then kill -9 ${p#/proc/}; fi
           done
           F jobs wait \"$id\" --timeout 30s >/dev/null 2>&1; echo \"code $?\"
           F jobs show \"$id\" --json
           grep -l '^State:.Z' /proc/[0-9]*/status | wc -l
           F run add --a 1 --b 2; } >\"$2\" 2>/dev/null
         : >\"$3\"";
    let whole = format!("({script}) & exec sleep 1000");
    let mut space = std::process::Command::new("unshare");
    space
        .args(["--user", "--map-root-user", "--pid", "--fork"])
        .args(["--mount-proc", "--kill-child", "sh", "-c", &whole])
        .arg(program.get_program())
        .args([&sandbox.data(), &told, &done])
        .stderr(std::process::Stdio::piped());
    let mut space = space.spawn().unwrap();
    let deadline = std::time::Instant::now() + bgjob_tests::PATIENCE;
    while !done.exists() && space.try_wait().unwrap().is_none() {
        if std::time::Instant::now() > deadline {
            space.kill().unwrap();
            panic!("the script hangs: {:?}", fs::read_to_string(&told));
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    if !done.exists() {
        eprintln!("not tested: this user has no namespaces of processes");
        return;
    }
    space.kill().unwrap();
    space.wait().unwrap();
    let told = fs::read_to_string(told).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.first(), Some(&"code 1"), "{told}");
    assert!(told.contains("supervisor_lost"), "{told}");
    let zombies: u32 = lines[lines.len() - 2].parse().unwrap();
    assert!(zombies > 0, "the supervisor stayed a zombie: {told}");
    assert_eq!(lines.last(), Some(&"3"), "{told}");
}
