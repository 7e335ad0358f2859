//! Links that somebody plants in the data directory, and swaps while it is read and cleaned up: none is
//! followed, and what they point to is neither shown nor changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bgjob_tests::Sandbox;
use serde_json::json;

use crate::sandbox;

const SECRET: &str = "precious-5Tq";

/// A folder outside that looks like a job's, and must stay as it is.
struct Precious {
    dir: PathBuf,
}

impl Precious {
    fn beside(sandbox: &Sandbox) -> Self {
        let dir = sandbox.path("precious");
        fs::create_dir(&dir).unwrap();
        for name in ["results.json", "stderr.log", "stdout.log", "file"] {
            fs::write(dir.join(name), format!("\"{SECRET}\"")).unwrap();
        }
        Precious { dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.join("file")
    }

    #[track_caller]
    fn is_untouched(&self) {
        for name in ["results.json", "stderr.log", "stdout.log", "file"] {
            let text = fs::read_to_string(self.dir.join(name)).unwrap_or_default();
            assert_eq!(text, format!("\"{SECRET}\""), "{name}");
        }
        assert_eq!(fs::read_dir(&self.dir).unwrap().count(), 4);
    }
}

fn ended(sandbox: &Sandbox) -> String {
    let id = sandbox.submit("add", &json!({"a": 1, "b": 2}));
    sandbox.wait(&id);
    sandbox.settle();
    id
}

/// Looks at a job in every way; none may show the secret.
#[track_caller]
fn looks(sandbox: &Sandbox, id: &str) {
    for look in [
        &["jobs", "result", id][..],
        &["jobs", "logs", id],
        &["jobs", "logs", id, "--stream", "stdout"],
        &["jobs", "show", id],
        &["jobs", "artifacts", id],
    ] {
        let shown = sandbox.run(look);
        let text = format!("{}{}", shown.stdout, shown.stderr);
        assert!(!text.contains(SECRET), "{look:?}: {shown:?}");
    }
}

fn prune(sandbox: &Sandbox) {
    let pruned = sandbox.run(["jobs", "prune", "--older-than", "0s"]);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
}

#[test]
fn a_job_s_folder_that_is_a_link_is_neither_read_nor_emptied() {
    let sandbox = sandbox();
    let precious = Precious::beside(&sandbox);
    let id = ended(&sandbox);
    let dir = sandbox.job_dir(&id);
    fs::remove_dir_all(&dir).unwrap();
    symlink(&precious.dir, &dir).unwrap();
    looks(&sandbox, &id);
    precious.is_untouched();
    prune(&sandbox);
    precious.is_untouched();
    // And one that belongs to no job: the collection of what is left over meets it.
    let stray = sandbox.data().join("jobs").join("add-00000000000000000000");
    symlink(&precious.dir, &stray).unwrap();
    prune(&sandbox);
    sandbox.run(["doctor"]);
    precious.is_untouched();
}

#[test]
fn hard_links_lose_their_name_and_nothing_else() {
    let sandbox = sandbox();
    let precious = Precious::beside(&sandbox);
    let id = ended(&sandbox);
    let dir = sandbox.job_dir(&id);
    for name in ["stderr.log", "results.json", "job.json", "progress.json"] {
        let _ = fs::remove_file(dir.join(name));
        fs::hard_link(precious.file(), dir.join(name)).unwrap();
    }
    prune(&sandbox);
    assert!(!dir.exists());
    precious.is_untouched();
}

#[test]
fn the_copy_of_a_state_field_replaces_a_link_and_never_writes_through_it() {
    let sandbox = sandbox();
    let precious = Precious::beside(&sandbox);
    sandbox.finish("note", &json!({"text": "first"}));
    let copy = sandbox.data().join("state/note.json");
    let plant: [fn(&Path, &Path) -> std::io::Result<()>; 2] =
        [|to, at| symlink(to, at), |to, at| fs::hard_link(to, at)];
    for (n, plant) in plant.into_iter().enumerate() {
        fs::remove_file(&copy).unwrap();
        plant(&precious.file(), &copy).unwrap();
        let text = format!("number {n}");
        sandbox.finish("note", &json!({"text": text}));
        let written = fs::read_to_string(&copy).unwrap();
        assert!(written.contains(&text), "{written}");
        assert!(!copy.is_symlink());
        let value = sandbox.json(["state", "show", "note"])["value"].clone();
        assert_eq!(value, json!({"text": text}));
        precious.is_untouched();
    }
    // A reset takes the name away.
    fs::remove_file(&copy).unwrap();
    symlink(precious.file(), &copy).unwrap();
    sandbox.run(["state", "reset", "note", "--yes"]);
    precious.is_untouched();
}

/// Swaps two things at one place as fast as it can until it is dropped.
struct Swapping<'a> {
    stop: &'a AtomicBool,
}

impl Drop for Swapping<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Exchanges a file or folder and a link to what is precious, over and over (renameat2(2)).
fn swap(stop: &AtomicBool, one: &Path, other: &Path) {
    let here = rustix::fs::CWD;
    while !stop.load(Ordering::Relaxed) {
        let flags = rustix::fs::RenameFlags::EXCHANGE;
        if rustix::fs::renameat_with(here, one, here, other, flags).is_err() {
            return;
        }
    }
}

#[test]
fn a_link_that_is_swapped_in_during_a_look_shows_nothing() {
    let sandbox = sandbox();
    let precious = Precious::beside(&sandbox);
    let id = ended(&sandbox);
    let dir = sandbox.job_dir(&id);
    let stop = AtomicBool::new(false);
    let links = ["results.json", "stderr.log"].map(|name| {
        let link = sandbox.path(&format!("link-{name}"));
        symlink(precious.file(), &link).unwrap();
        (dir.join(name), link)
    });
    std::thread::scope(|scope| {
        let _swapping = Swapping { stop: &stop };
        for (file, link) in &links {
            scope.spawn(|| swap(&stop, file, link));
        }
        for _ in 0..10 {
            looks(&sandbox, &id);
        }
    });
    precious.is_untouched();
}

#[test]
fn a_folder_that_is_swapped_for_a_link_during_a_prune_is_not_emptied_through_it() {
    for round in 0..5 {
        let sandbox = sandbox();
        let precious = Precious::beside(&sandbox);
        let ids: Vec<String> = (0..4).map(|_| ended(&sandbox)).collect();
        let stop = AtomicBool::new(false);
        let places = ids.iter().map(|id| {
            let artifacts = sandbox.job_dir(id).join("artifacts");
            let _ = fs::create_dir(&artifacts);
            fs::write(artifacts.join("file"), "a job's").unwrap();
            let link = sandbox.path(&format!("link-{id}"));
            symlink(&precious.dir, &link).unwrap();
            (artifacts, link)
        });
        let places: Vec<_> = places.collect();
        std::thread::scope(|scope| {
            let _swapping = Swapping { stop: &stop };
            for (folder, link) in &places {
                scope.spawn(|| swap(&stop, folder, link));
            }
            let pruned = sandbox.run(["jobs", "prune", "--older-than", "0s"]);
            assert!(pruned.code.is_some(), "round {round}: {pruned:?}");
        });
        precious.is_untouched();
    }
}
