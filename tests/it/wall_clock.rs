//! Jobs whose wall clock jumps by ten years while they run. The C library of every process of theirs is told
//! another time, by a library that `/etc/ld.so.preload` names in a mount namespace of their own: the engine
//! hands on no environment. By hand, since it needs root and a C compiler:
//!
//! `cargo test -p bgjob-tests --test it -- --include-ignored wall_clock::`

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bgjob_tests::{Sandbox, finish, until};
use serde_json::{Value, json};

use crate::sandbox;

/// Ten years, in s.
const JUMP: i64 = 10 * 365 * 24 * 3600;

/// The wall clock plus the seconds that a file says.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long jump(void) {
    int saved = errno;
    char text[32] = {0};
    int file = open(JUMP, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
        close(file);
    }
    errno = saved;
    return atol(text);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && clock == CLOCK_REALTIME) at->tv_sec += jump();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"#;

/// Gives the command, and what it starts, the other clock.
const UNDER_IT: &str = r#"mount --bind "$0" /etc && exec "$@""#;

/// A clock that can be set for the jobs of one sandbox.
struct Clock {
    etc: PathBuf,
    jump: PathBuf,
}

impl Clock {
    /// `None`, with the reason told, where it cannot be had.
    fn new(sandbox: &Sandbox) -> Option<Self> {
        let clock = Clock {
            etc: sandbox.path("etc"),
            jump: sandbox.path("jump"),
        };
        let (source, library) = (sandbox.path("clock.c"), sandbox.path("clock.so"));
        fs::write(&source, CLOCK).expect("the source is written");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg(format!("-DJUMP=\"{}\"", clock.jump.display()))
            .status();
        let copied = Command::new("cp")
            .args(["-a", "/etc"])
            .arg(&clock.etc)
            .status();
        let done = |status: std::io::Result<std::process::ExitStatus>| {
            status.is_ok_and(|status| status.success())
        };
        let preload = clock.etc.join("ld.so.preload");
        let ready = done(compiled)
            && done(copied)
            && fs::write(preload, format!("{}\n", library.display())).is_ok()
            && done(
                clock
                    .under(&Command::new("true"))
                    .stderr(Stdio::null())
                    .status(),
            );
        if !ready {
            eprintln!("not tested: this needs root, unshare(1) and a C compiler");
        }
        ready.then_some(clock)
    }

    /// The command under this clock.
    fn under(&self, plain: &Command) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", UNDER_IT])
            .arg(&self.etc)
            .arg(plain.get_program())
            .args(plain.get_args())
            .stdin(Stdio::null());
        if let Some(folder) = plain.get_current_dir() {
            command.current_dir(folder);
        }
        command
    }

    fn submit(&self, sandbox: &Sandbox, line: &[&str]) -> String {
        let line = [&["run"], line, &["--detach"]].concat();
        let ran = finish(&mut self.under(&sandbox.command(line)));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim().to_owned()
    }

    fn jumps(&self, by: i64) {
        fs::write(&self.jump, by.to_string()).expect("the clock is set");
    }
}

/// How long the job took by the wall clock of its supervisor, in years.
fn years(sandbox: &Sandbox, id: &str) -> i64 {
    let sql = "SELECT ended_at - started_at FROM job WHERE id = ?1";
    let took: i64 = sandbox
        .ledger()
        .query_row(sql, [id], |row| row.get(0))
        .expect("it has ended");
    (took + 1_000_000).div_euclid(JUMP * 100)
}

#[test]
#[ignore = "needs root and a C compiler"]
fn a_wall_clock_that_jumps_ten_years_ends_no_job_and_spares_none() {
    let sandbox = sandbox();
    let Some(clock) = Clock::new(&sandbox) else {
        return;
    };
    // Ten years on: its ten minutes are not over.
    let patient = clock.submit(&sandbox, &["multi_input"]);
    until("both are asked", || {
        sandbox.show(&patient)["questions"].as_array().map(Vec::len) == Some(2)
    });
    clock.jumps(JUMP);
    let answer = |key: &str| {
        let line = ["jobs", "answer", &patient, "--key", key, r#"{"name": "A"}"#];
        let ran = sandbox.run(line);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    };
    answer("first");
    until("its supervisor has looked in the other time", || {
        let files = fs::read_dir(sandbox.job_dir(&patient)).expect("its folder");
        let mut names = files.flatten().map(|file| file.file_name());
        names.any(|name| name.to_string_lossy().starts_with("answers."))
    });
    answer("second");
    let view = sandbox.wait(&patient);
    assert_eq!(view["result"]["names"], json!(["A", "A"]), "{view}");
    assert!(view.get("warning").is_none(), "{view}");
    assert_eq!(years(&sandbox, &patient), 10, "the clock did jump: {view}");
    sandbox.settle();
    // Ten years back: its two seconds are over nevertheless.
    let hanging = clock.submit(
        &sandbox,
        &[
            "litter", "--escape", "plain", "--count", "1", "--stay", "true",
        ],
    );
    until("it hangs", || sandbox.show(&hanging)["phase"] == "littered");
    clock.jumps(0);
    let view = sandbox.wait(&hanging);
    assert_eq!(view["error"]["code"], "timed_out", "{view}");
    assert_eq!(years(&sandbox, &hanging), -10, "the clock did jump: {view}");
    sandbox.settle();
    // An attempt that dies in the other time is tried again in it.
    for (then, now) in [(0, JUMP), (JUMP, 0)] {
        clock.jumps(then);
        let again = clock.submit(&sandbox, &["ask_in_turn", "--keys", "[\"a\"]"]);
        until("it asks", || sandbox.recorded(&again) == "input_required");
        clock.jumps(now);
        let found = sandbox.processes().into_iter();
        found
            .filter(|found| found.kind == bgjob_tests::processes::Kind::Worker)
            .for_each(|found| found.kill());
        until("the next attempt asks", || {
            let view = sandbox.show(&again);
            view["state"] == "input_required" && view["attempt"] == 2
        });
        assert_eq!(sandbox.run(["jobs", "answer", &again, "1"]).code, Some(0));
        let view = sandbox.wait(&again);
        assert_eq!(
            view["result"],
            json!({"answers": [1], "attempt": 2}),
            "{view}"
        );
        sandbox.settle();
    }
    let report: Value = sandbox.json(["doctor"]);
    assert_eq!(report["ok"], true, "{report}");
}
