//! Power cuts. The data directory is an ext4 of its own that is shut down without a word to its journal
//! (`FS_IOC_SHUTDOWN`): what was not synced is gone, in whatever order the kernel had it in mind. Then it is
//! mounted anew, and every promise must stand. Where this user may not mount, the scenarios say so and pass.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use bgjob_tests::orders::failpoints;
use bgjob_tests::{Sandbox, dataflow, until};
use serde_json::json;

use crate::{Scenario, settle};

pub const ALL: &[Scenario] = &[
    (
        "a_power_cut_at_any_edge_of_starting_a_job_breaks_no_promise",
        a_power_cut_at_any_edge_of_starting_a_job_breaks_no_promise,
    ),
    (
        "a_power_cut_at_any_edge_of_ending_a_job_breaks_no_promise",
        a_power_cut_at_any_edge_of_ending_a_job_breaks_no_promise,
    ),
    (
        "a_power_cut_at_any_moment_breaks_no_promise",
        a_power_cut_at_any_moment_breaks_no_promise,
    ),
];

/// `_IOR('X', 125, __u32)` of linux/fs.h, and its flag that flushes nothing.
const FS_IOC_SHUTDOWN: libc::Ioctl = 0x8004_587d_u32 as libc::Ioctl;
const NO_LOG_FLUSH: u32 = 2;
/// Nothing is written by the way: no flush before a rename, no order of data and names, no commit but for a sync.
const HARSH: &str = "loop,noatime,noauto_da_alloc,data=writeback,commit=300";

/// A disk under a sandbox's data directory.
struct Disk<'a> {
    sandbox: &'a Sandbox,
    image: PathBuf,
}

impl<'a> Disk<'a> {
    fn insert(sandbox: &'a Sandbox) -> Option<Self> {
        let disk = Disk {
            sandbox,
            image: sandbox.path("disk"),
        };
        let image = File::create(&disk.image).expect("an image");
        image.set_len(200 << 20).expect("a sparse file");
        fs::create_dir(sandbox.data()).expect("a mount point");
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F", "-m", "0"]).arg(&disk.image);
        if !done(&mut mkfs) || !disk.mount() {
            eprintln!("not tested: this user may not mount a file system of its own");
            return None;
        }
        let _ = fs::remove_dir(sandbox.data().join("lost+found"));
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(sandbox.data(), private).expect("it is ours");
        Some(disk)
    }

    fn mount(&self) -> bool {
        let mut mount = Command::new("mount");
        done(
            mount
                .args(["-o", HARSH])
                .arg(&self.image)
                .arg(self.sandbox.data()),
        )
    }

    /// The power goes: first the disk's, then everybody's.
    fn cut(&self) {
        let root = File::open(self.sandbox.data()).expect("the disk is there");
        // SAFETY: the flag is a valid `__u32`, and the descriptor is open.
        let cut = unsafe { libc::ioctl(root.as_raw_fd(), FS_IOC_SHUTDOWN, &NO_LOG_FLUSH) };
        assert_eq!(cut, 0, "{}", std::io::Error::last_os_error());
    }

    /// And comes back: nobody of before is alive.
    fn restart(&self) {
        until("everybody is gone", || {
            let left = self.sandbox.processes();
            left.iter().for_each(|found| found.kill());
            left.is_empty()
        });
        self.take_out();
        assert!(self.mount(), "the disk is mounted again");
        self.sandbox.withdraw_orders();
    }

    fn take_out(&self) {
        until("the disk is free", || {
            done(Command::new("umount").arg(self.sandbox.data()))
        });
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let left = self.sandbox.processes();
            left.iter().for_each(|found| found.kill());
            done(
                Command::new("umount")
                    .arg("--lazy")
                    .arg(self.sandbox.data()),
            );
        } else {
            self.take_out();
        }
    }
}

fn done(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What can be told of jobs that have ended: a commit can be read once it is on the disk.
fn ended(sandbox: &Sandbox) -> BTreeMap<String, String> {
    let sql =
        "SELECT id, state || coalesce(patch_version, '-') || coalesce(result_bytes, '-') FROM job
               WHERE ended_at IS NOT NULL";
    let ledger = sandbox.ledger();
    let mut statement = ledger.prepare(sql).expect("the query is right");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows = rows.expect("the ledger reads");
    rows.map(|row| row.expect("a row")).collect()
}

/// After the cut: who was told of a job finds it, an end that was seen stands, and the rest ends too.
fn promises_stand(sandbox: &Sandbox, what: &str, told: &[String], seen: &BTreeMap<String, String>) {
    let ran = sandbox.run(["doctor"]);
    assert_eq!(ran.code, Some(0), "{what}: {ran:?}");
    for id in told {
        let view = sandbox.wait(id);
        assert!(view["state"].is_string(), "{what}: {view}");
        let shown = sandbox.run(["jobs", "show", id]).stdout;
        assert!(shown.contains("\narguments\n"), "{what}: {shown}");
    }
    let now = ended(sandbox);
    for (id, end) in seen {
        assert_eq!(now.get(id), Some(end), "{what}: {id}");
    }
    settle(sandbox, told, None);
    let broken = dataflow::problems(sandbox);
    assert!(broken.is_empty(), "{what}: {broken:?}");
}

/// The id that a submitter told before it died.
fn told_by(submitter: Child) -> Option<String> {
    let output = submitter.wait_with_output().expect("it has ended");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.strip_suffix('\n').map(str::to_owned)
}

fn cut_at(point: &str) -> bool {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_fixture"));
    let Some(disk) = Disk::insert(&sandbox) else {
        return false;
    };
    assert_eq!(sandbox.run(["config", "show"]).code, Some(0));
    // Large enough for its row to let it go.
    let first = sandbox.finish("note", &json!({"text": "kept".repeat(10_000)}));
    sandbox.order(&format!("{point}=stop"));
    let mut submitter = sandbox
        .command(["run", "part", "--with", "true", "--detach"])
        .env("BGJOB_FAILPOINTS", format!("{point}=stop"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a submitter starts");
    until(
        &format!("somebody stands at {point}, or all is done"),
        || {
            let gone = submitter.try_wait().expect("it is ours").is_some();
            let live = "SELECT count(*) FROM job WHERE ended_at IS NULL";
            let live = sandbox
                .ledger()
                .query_row(live, [], |row| row.get::<_, i64>(0));
            sandbox.hit(point).is_some() || gone && live.expect("the ledger reads") == 0
        },
    );
    let seen = ended(&sandbox);
    disk.cut();
    let _ = submitter.kill();
    disk.restart();
    let id = first["job_id"].as_str().unwrap_or_default().to_owned();
    let told: Vec<String> = told_by(submitter).into_iter().chain([id.clone()]).collect();
    promises_stand(&sandbox, point, &told, &seen);
    let again = sandbox.run(["jobs", "retry", &id, "--detach"]);
    assert_eq!(again.code, Some(0), "{point}: {again:?}");
    for id in [id.as_str(), again.stdout.trim()] {
        assert_eq!(sandbox.wait(id)["result"], first["result"], "{point}: {id}");
    }
    sandbox.settle();
    true
}

fn cut_at_all(kinds: &[&str]) {
    let points = failpoints();
    let mut chosen = points
        .iter()
        .filter(|point| kinds.iter().any(|kind| point.starts_with(kind)))
        .peekable();
    assert!(chosen.peek().is_some(), "the engine has {kinds:?}");
    // The first says whether any can be.
    let _ = chosen.all(|point| cut_at(point));
}

fn a_power_cut_at_any_edge_of_starting_a_job_breaks_no_promise() {
    cut_at_all(&["accept.", "launch.", "claim.", "run."]);
}

fn a_power_cut_at_any_edge_of_ending_a_job_breaks_no_promise() {
    cut_at_all(&["work.", "commit.", "baton."]);
}

fn a_power_cut_at_any_moment_breaks_no_promise() {
    for acks in [1, 3, 6, 10, 15, 21] {
        let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_fixture"));
        let Some(disk) = Disk::insert(&sandbox) else {
            return;
        };
        assert_eq!(sandbox.run(["config", "show"]).code, Some(0));
        let (tell, told) = mpsc::channel();
        let (ids, seen) = std::thread::scope(|scope| {
            for number in 0..4 {
                let (tell, sandbox) = (tell.clone(), &sandbox);
                scope.spawn(move || submit_until_it_fails(sandbox, number, &tell));
            }
            drop(tell);
            let ids: Vec<String> = told.iter().take(acks).collect();
            let seen = ended(&sandbox);
            disk.cut();
            // What is told from here on nobody would hear: the power is gone.
            told.iter().for_each(drop);
            (ids, seen)
        });
        disk.restart();
        promises_stand(&sandbox, &format!("after {acks}"), &ids, &seen);
    }
}

fn submit_until_it_fails(sandbox: &Sandbox, number: u32, tell: &mpsc::Sender<String>) {
    for turn in 0.. {
        let text = format!("{number}.{turn}");
        let tool = ["note", "append"][turn % 2];
        let ran = sandbox.run(["run", tool, "--text", &text, "--detach"]);
        // A line that was cut off is no promise.
        if let Some(id) = ran.stdout.strip_suffix('\n') {
            let _ = tell.send(id.to_owned());
        }
        if ran.code != Some(0) {
            return;
        }
    }
}
