//! What a job inherits of its submitter, and what it does not.

use std::os::unix::process::CommandExt;

use bgjob_tests::oracle::Oracle;
use bgjob_tests::{finish, modes_below};
use serde_json::{Value, json};

use crate::sandbox;

#[test]
fn environment_directory_and_descriptors_are_the_submitters_by_the_rules() {
    let sandbox = sandbox();
    let inherited = std::fs::File::open("/etc/hostname").unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let cwd = sandbox.path("here");
    std::fs::create_dir(&cwd).unwrap();
    let mut command =
        sandbox.command(["run", "surroundings", "--detach", "--secret", "canary-7Qx"]);
    command
        .current_dir(&cwd)
        .env("PASSED_ON", "yes")
        .env("API_TOKEN", "canary-9Zy")
        .env("LANG", "C")
        .env("LD_BIND_NOW", "1");
    let id = finish(&mut command).stdout.trim().to_owned();
    let view = sandbox.wait(&id);
    let result = &view["result"];
    assert_eq!(view["state"], "completed", "{view}");
    assert_eq!(result["cwd"], json!(cwd));
    assert_eq!(result["env"]["PASSED_ON"], "yes");
    assert_eq!(result["env"]["LANG"], "C");
    for absent in [
        "API_TOKEN",
        "LD_BIND_NOW",
        "BGJOB_DATA_DIR",
        "BGJOB_JOB_DIR",
        "BGJOB_KILL_AFTER_MS",
        "BGJOB_SCHEMA",
        "BGJOB_SUPERVISOR",
        "CARGO_MANIFEST_DIR",
    ] {
        assert_eq!(result["env"][absent], Value::Null, "{absent}");
    }
    assert_eq!(result["argv"], json!(["bgjob", "__work", "surroundings"]));
    // 0, 1, 2, tree.lock, and the directory that lists them.
    let dir = sandbox.job_dir(&id);
    let expected: Vec<Value> = [
        "/dev/null".to_owned(),
        dir.join("stdout.log").display().to_string(),
        dir.join("stderr.log").display().to_string(),
        dir.join("tree.lock").display().to_string(),
    ]
    .into_iter()
    .map(Value::from)
    .collect();
    let open = result["descriptors"].as_array().unwrap();
    let of_job: Vec<&Value> = open
        .iter()
        .filter(|to| {
            !to.as_str().unwrap().starts_with("/proc/")
                && !to.as_str().unwrap().contains("results.")
        })
        .collect();
    assert_eq!(of_job, expected.iter().collect::<Vec<_>>());
    assert_eq!(
        std::fs::read_to_string(dir.join("stdout.log")).unwrap(),
        "this is stdout\n"
    );
    assert!(
        !dir.join("env").exists(),
        "the environment goes when the job has ended"
    );
}

#[test]
fn everything_is_private_whatever_the_umask() {
    for umask in ["000", "022", "027"] {
        let sandbox = sandbox();
        let program = env!("CARGO_BIN_EXE_fixture");
        let script = format!(
            "umask {umask}; '{program}' --data-dir '{}' run surroundings",
            sandbox.data().display()
        );
        let ran = finish(std::process::Command::new("sh").args(["-c", &script]));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for (path, mode) in modes_below(&sandbox.data()) {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "{} under umask {umask}", path.display());
        }
    }
}

#[test]
fn a_secret_argument_is_shown_nowhere() {
    let sandbox = sandbox();
    let id = sandbox.submit("surroundings", &json!({"secret": "canary-7Qx"}));
    sandbox.wait(&id);
    let shown = sandbox.run(["jobs", "show", &id]);
    let listed = sandbox.json(["jobs", "list"]).to_string();
    for text in [&shown.stdout, &shown.stderr, &listed] {
        assert!(!text.contains("canary-7Qx"), "{text}");
    }
    assert!(
        !std::fs::read_to_string(sandbox.job_dir(&id).join("job.json"))
            .unwrap()
            .contains("canary")
    );
}

#[test]
fn an_environment_too_large_for_an_exec_is_no_obstacle() {
    let sandbox = sandbox();
    let mut command = sandbox.command(["run", "surroundings", "--detach"]);
    // What one variable may have at most, and together less than the submitter's own exec takes.
    let large = "x".repeat(120 << 10);
    for n in 0..14 {
        command.env(format!("LARGE_{n}_TOKEN"), &large);
    }
    command
        .env("LD_PRELOAD", "/nonexistent/bgjob.so")
        .env("LD_AUDIT", "/nonexistent/bgjob.so")
        .env("GLIBC_TUNABLES", "glibc.malloc.perturb=7")
        .env("MALLOC_ARENA_MAX", "1");
    let ran = finish(&mut command);
    let view = sandbox.wait(ran.stdout.trim());
    assert_eq!(view["state"], "completed", "{view}");
    let names = view["result"]["env"].to_string();
    assert!(
        ["_TOKEN", "MALLOC", "LD_PRELOAD", "LD_AUDIT", "GLIBC"]
            .iter()
            .all(|name| !names.contains(name)),
        "{names:.500}"
    );
}

/// What another user of the machine may do to a process, tried between fork and exec of a program of theirs.
fn as_nobody(attempt: impl Fn() -> std::io::Result<()> + Send + Sync + 'static) -> Option<i32> {
    let mut command = std::process::Command::new("true");
    command.uid(65_534).gid(65_534);
    // SAFETY: opens, reads and ptrace(2) are safe between fork and exec; nothing is allocated.
    unsafe { command.pre_exec(attempt) };
    let error = command.spawn().and_then(|mut child| child.wait()).err()?;
    error.raw_os_error()
}

#[test]
fn nobody_else_looks_into_a_running_job_and_no_process_of_it_holds_a_secret_of_its_submitter() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let mut command = sandbox.command(["run", "gate", "--detach", "--socket", &oracle.path()]);
    let id = finish(command.env("API_TOKEN", "canary-9Zy")).stdout;
    let id = id.trim();
    oracle.wait_for(1);
    let processes = sandbox.processes();
    assert!(processes.len() >= 2, "{processes:?}");
    for process in &processes {
        let proc = format!("/proc/{}", process.pid);
        let environ = std::fs::read(format!("{proc}/environ")).unwrap();
        let environ = String::from_utf8_lossy(&environ).into_owned();
        assert!(!environ.contains("canary"), "{process:?}: {environ}");
        // A job's name is the right to it, and anybody may read these.
        for open in ["cmdline", "comm", "stat", "status"] {
            let text = std::fs::read(format!("{proc}/{open}")).unwrap();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(!text.contains(id), "{open} of {process:?}");
        }
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root can act as another user");
            continue;
        }
        for secret in ["environ", "mem", "maps", "fd/0"] {
            let path = std::ffi::CString::new(format!("{proc}/{secret}")).unwrap();
            let denied = as_nobody(move || {
                rustix::fs::open(
                    &*path,
                    rustix::fs::OFlags::RDONLY,
                    rustix::fs::Mode::empty(),
                )?;
                Ok(())
            });
            assert_eq!(denied, Some(libc::EACCES), "{secret} of {process:?}");
        }
        let pid = process.pid;
        let denied = as_nobody(move || {
            // SAFETY: asks to trace a process and touches no memory.
            match unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0, 0) } {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            }
        });
        assert_eq!(denied, Some(libc::EPERM), "{process:?}");
    }
    oracle.open();
    assert_eq!(sandbox.wait(id)["state"], "completed");
}

#[test]
fn a_job_dumps_no_core() {
    let sandbox = sandbox();
    let view = sandbox.finish("read_file", &json!({"path": "/proc/self/limits"}));
    let limits = view["result"].as_str().unwrap_or_default();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.unwrap_or_default().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{view}");
}
