//! Memory that runs out under a job.

use std::fs;
use std::path::PathBuf;

use bgjob_tests::finish;
use serde_json::json;

use crate::sandbox;

/// A control group of 256 MiB; `None` where this user may not make one.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let name = format!("bgjob-test-{}", std::process::id());
        [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ]
        .iter()
        .find_map(|(root, limit)| {
            let group = PathBuf::from(root).join(&name);
            fs::create_dir(&group).ok()?;
            let group = Group(group);
            fs::write(group.0.join(limit), (256 << 20).to_string()).ok()?;
            // Without swap the limit is one.
            let _ = fs::write(group.0.join("memory.swap.max"), "0");
            Some(group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_job_that_the_kernel_kills_for_memory_says_so_and_its_supervisor_lives() {
    let Some(group) = Group::new() else {
        eprintln!("not tested: this user may not make control groups of memory");
        return;
    };
    let sandbox = sandbox();
    let submit = |tool: &str, mib: usize| {
        let program = sandbox.command::<&str>([]);
        let line = "echo $$ >\"$0/cgroup.procs\" || exit 77
                    exec \"$1\" --data-dir \"$2\" run \"$3\" --mib \"$4\" --detach";
        let ran = finish(
            std::process::Command::new("sh")
                .args(["-c", line])
                .arg(&group.0)
                .arg(program.get_program())
                .arg(sandbox.data())
                .args([tool, &mib.to_string()]),
        );
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.stdout.trim().to_owned()
    };
    let (large, small) = (submit("hog", 2000), submit("hog", 8));
    let view = sandbox.wait(&large);
    assert_eq!(
        (&view["error"]["code"], &view["exit"]),
        (&json!("out_of_memory"), &json!({"signal": 9})),
        "{view}"
    );
    assert_eq!(view["error"]["retryable"], true);
    // The supervisor saw it: it is not lost, and goes on with the next job.
    assert_eq!(sandbox.wait(&small)["state"], "completed");
    let killed = sandbox.finish("suicide", &json!({"signal": 9}));
    assert_eq!(
        killed["error"]["code"], "crashed",
        "a SIGKILL alone is no evidence: {killed}"
    );
    sandbox.settle();
}
