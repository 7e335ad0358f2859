//! Programs that end well, badly, late and never; hostile output; cancellation.

use std::collections::BTreeMap;

use super::*;

fn sh(job: &Job, script: &str) -> Command {
    job.command("sh")
        .args(["-c", script])
        .current_dir(job.dir())
}

#[test]
fn status_and_last_words_of_a_failure() {
    let job = Job::test();
    let error = sh(&job, "echo first >&2; echo 'the reason' >&2; exit 3")
        .run()
        .unwrap_err();
    assert_eq!(error.to_string(), "`sh` exited with status 3: the reason");
    assert_eq!((error.status(), error.signal()), (Some(3), None));
    assert_eq!(error.stderr_tail(), "first\nthe reason");
    let killed = sh(&job, "kill -SEGV $$").run().unwrap_err();
    assert_eq!((killed.status(), killed.signal()), (None, Some(11)));
    assert!(!killed.is_cancelled());
}

#[test]
fn a_long_standard_error_keeps_its_end() {
    let job = Job::test();
    let error = sh(&job, "seq 100000 >&2; exit 1").run().unwrap_err();
    assert_eq!(error.to_string(), "`sh` exited with status 1: 100000");
    assert!(error.stderr_tail().len() <= 4096);
}

#[test]
fn arguments_environment_directory_and_input_arrive() {
    let job = Job::test();
    let output = sh(&job, "pwd; echo \"$1 $SAID ${HOME-unset}\"; cat")
        .args(["name", "one two"])
        .env("SAID", "again")
        .env_remove("HOME")
        .stdin("typed\n".repeat(50_000))
        .output()
        .unwrap();
    let text = output.text().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let dir = job.dir().canonicalize().unwrap();
    assert_eq!(&lines[..2], [dir.to_str().unwrap(), "one two again unset"]);
    assert_eq!(lines[2..].len(), 50_000);
    let silent = sh(&job, "cat; readlink /proc/self/fd/0").output().unwrap();
    assert_eq!(silent.text().unwrap(), "/dev/null");
}

#[test]
fn a_program_that_cannot_be_started_says_what_to_do() {
    let job = Job::test();
    let why = |command: Command| command.run().unwrap_err().to_string();
    let absent = why(job.command("no-such-program").env("PATH", "/bin"));
    assert!(
        absent.starts_with(
            "cannot start `no-such-program`: no program of that name is on the job's PATH (/bin)"
        ),
        "{absent}"
    );
    assert!(absent.contains("install it"), "{absent}");
    assert!(why(job.command("./nope")).contains("no such file"));
    let script = job.dir().join("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    assert!(why(job.command(&script)).contains("chmod +x"));
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    assert!(why(job.command(&script)).contains("the interpreter that its first line names"));
    assert!(why(sh(&job, "true").current_dir("/no/such")).contains("`/no/such` does not exist"));
    let long = why(job.command("true").arg("x".repeat(10 << 20)));
    assert!(long.contains("too long"), "{long}");
    let own = sh(&job, "true").progress(ProgressFrom::File("progress.json".into()));
    assert!(why(own).contains("the job's own"));
}

#[test]
fn progress_is_read_from_either_stream_only_when_asked_for() {
    let script =
        "for n in 1 2 3 4; do echo \"Day $n/4\"; done; printf '10%%|#  |\\r90%%|## |\\r' >&2";
    let seen = |from: Option<ProgressFrom>| {
        let job = Job::test();
        let command = sh(&job, script);
        let command = from.into_iter().fold(command, Command::progress);
        command.run().unwrap();
        let steps = job.progress_seen();
        steps
            .iter()
            .filter_map(|step| step.progress)
            .collect::<Vec<f64>>()
    };
    assert_eq!(seen(None), [0.0; 0]);
    assert_eq!(seen(Some(ProgressFrom::Stdout)), [0.25, 0.5, 0.75, 1.0]);
    assert_eq!(seen(Some(ProgressFrom::Stderr)), [0.1, 0.9]);
}

#[test]
fn progress_is_read_from_a_file_while_the_program_runs() {
    let job = Job::test();
    // It goes on only after its first step has been seen.
    let script = r#"echo '{"done": 1, "total": 4}' > theirs.json; while [ ! -e seen ]; do sleep 0.01; done
        echo '{"percent": 75, "phase": "end"}' > theirs.json"#;
    let (watcher, dir) = (job.clone(), job.dir().to_owned());
    let watching = std::thread::spawn(move || {
        while watcher.progress_seen().is_empty() {
            std::thread::yield_now();
        }
        std::fs::write(dir.join("seen"), "").unwrap();
    });
    sh(&job, script)
        .progress(ProgressFrom::File("theirs.json".into()))
        .run()
        .unwrap();
    watching.join().unwrap();
    let shares: Vec<_> = job
        .progress_seen()
        .iter()
        .map(|step| step.progress)
        .collect();
    assert_eq!(
        shares,
        [Some(0.25), None, Some(0.75)],
        "the phase stands between"
    );
}

#[test]
fn output_is_kept_up_to_its_limit() {
    let job = Job::test();
    let small = sh(&job, "echo '{\"n\": 7}'").output().unwrap();
    assert_eq!(small.json::<BTreeMap<String, u32>>().unwrap()["n"], 7);
    let all = sh(&job, "head -c 3000000 /dev/zero").output().unwrap();
    assert_eq!(all.bytes().len(), 3_000_000);
    let error = sh(&job, "head -c 1001 /dev/zero")
        .max_output(1000)
        .output()
        .unwrap_err();
    assert!(
        error.to_string().contains("more than 1000 bytes"),
        "{error}"
    );
}

#[test]
fn hostile_output_neither_hangs_nor_hides_progress() {
    let job = Job::test();
    let script =
        "head -c 10000000 /dev/zero | tr '\\0' x; printf '\\nDay 1/2\\n\\377\\376%%\\nDay 2/2'";
    sh(&job, script)
        .progress(ProgressFrom::Stdout)
        .run()
        .unwrap();
    let shares: Vec<_> = job
        .progress_seen()
        .iter()
        .map(|step| step.progress)
        .collect();
    assert_eq!(shares, [Some(0.5), Some(1.0)]);
}

#[test]
fn what_a_program_leaves_running_does_not_delay_its_end() {
    let job = Job::test();
    let output = sh(&job, "echo begun; sleep 1000 & echo $!")
        .output()
        .unwrap();
    let lines: Vec<&str> = output.text().unwrap().lines().collect();
    assert_eq!(lines[0], "begun");
    // Outside a job nobody else ends it.
    job.command("kill").arg(lines[1]).run().unwrap();
}

#[test]
fn the_pipe_of_a_stream_that_is_read_closes_when_the_program_has_ended() {
    let job = Job::test();
    let script =
        "(trap 'echo > ended; exit' PIPE; while [ ! -e go ]; do sleep 0.01; done; echo late) &";
    let told = |read: bool| {
        let program = sh(&job, script);
        let program = match read {
            true => program.progress(ProgressFrom::Stdout),
            false => program,
        };
        program.run().unwrap();
        std::fs::write(job.dir().join("go"), "").unwrap();
        let late = || {
            let log = std::fs::read_to_string(job.dir().join("stdout.log"));
            log.is_ok_and(|log| log.contains("late"))
        };
        let ended = job.dir().join("ended");
        while !ended.exists() && !late() {
            std::thread::yield_now();
        }
        (
            ended.exists(),
            std::fs::remove_file(job.dir().join("go")).is_ok(),
        )
    };
    assert_eq!(told(true), (true, true), "the helper is told by SIGPIPE");
    std::fs::remove_file(job.dir().join("ended")).unwrap();
    assert_eq!(told(false), (false, true), "a log stays open");
}

#[test]
fn a_cancelled_job_ends_its_program_and_starts_no_other() {
    let job = Job::test();
    let waits = sh(
        &job,
        "trap 'echo bye > bye; exit 0' TERM; echo > up; while :; do sleep 0.01; done",
    );
    let up = job.dir().join("up");
    let canceller = {
        let job = job.clone();
        std::thread::spawn(move || {
            while !up.exists() {
                std::thread::yield_now();
            }
            job.cancel();
        })
    };
    let error = waits.run().unwrap_err();
    canceller.join().unwrap();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(error.status(), Some(0));
    assert!(job.dir().join("bye").exists());
    let next = sh(&job, "echo > never").run().unwrap_err();
    assert!(next.is_cancelled() && !job.dir().join("never").exists());
}

#[tokio::test]
async fn an_async_function_runs_several_at_once_and_drops_what_it_does_not_want() {
    let job = Job::test();
    let (one, two) = (sh(&job, "echo 1"), sh(&job, "echo 2"));
    let (one, two) = tokio::join!(one.output_async(), two.output_async());
    assert_eq!(
        (one.unwrap().text().unwrap(), two.unwrap().text().unwrap()),
        ("1", "2")
    );
    let endless = sh(&job, "echo $$ > pid.tmp; mv pid.tmp pid; exec sleep 1000");
    let running = tokio::spawn(async move { endless.run_async().await });
    let pid = loop {
        if let Ok(pid) = std::fs::read_to_string(job.dir().join("pid")) {
            break pid;
        }
        tokio::task::yield_now().await;
    };
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    // Its thread reaps it.
    let process = format!("/proc/{}", pid.trim());
    while Path::new(&process).exists() {
        tokio::task::yield_now().await;
    }
}
