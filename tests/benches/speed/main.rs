//! How fast the server and the engine are, each figure beside a baseline of the same run and its
//! budget: `cargo bench -p bgjob-tests --bench speed`, or with `-- paths`, `-- scale`, `-- large`,
//! `-- idle`, `-- soak 20000 plot.svg` for a part. See `book/src/internals/performance.md`.
//!
//! Data goes to `/dev/shm`, so that a disk that others use does not speak into it; `TMPDIR=/path`
//! measures that disk instead.

mod baseline;
mod client;
mod idle;
mod large;
mod paths;
mod plot;
mod proc;
mod scale;
mod seed;
mod soak;
mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use table::{Table, Times};

/// A directory of this run, removed at its end when nothing works on it any more.
fn scratch() -> tempfile::TempDir {
    let shm = PathBuf::from("/dev/shm");
    let root = std::env::var_os("TMPDIR").map_or_else(
        || {
            if shm.is_dir() {
                shm
            } else {
                std::env::temp_dir()
            }
        },
        PathBuf::from,
    );
    let dir = tempfile::Builder::new()
        .prefix("bgjob-speed-")
        .tempdir_in(&root)
        .expect("a temporary directory");
    println!("data in {}", root.display());
    dir
}

/// Waits until no process of the data directory below `dir` is left.
fn settle(dir: &Path) {
    bgjob_tests::until("every process of the data directory is gone", || {
        bgjob_tests::processes::of(&dir.join("data")).is_empty()
    });
}

/// The times of `n` runs of `one`.
fn times(n: usize, mut one: impl FnMut(usize) -> Duration) -> Times {
    let mut times = Times::default();
    for index in 0..n {
        times.push(one(index));
    }
    times
}

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let number = words.iter().find_map(|word| word.parse::<usize>().ok());
    let file = words.iter().find(|word| word.ends_with(".svg"));
    let parts: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| ["paths", "scale", "large", "idle", "soak"].contains(word))
        .collect();
    let wanted = |part: &str| parts.is_empty() && part != "soak" || parts.contains(&part);
    // Short sleeps between polls shall be short.
    let _ = rustix::thread::set_current_timer_slack(Some(
        std::num::NonZeroU64::new(1).expect("not zero"),
    ));
    let mut table = Table::default();
    if wanted("paths") {
        paths::run(&mut table, number.unwrap_or(200));
    }
    if wanted("idle") {
        idle::run(&mut table, number.unwrap_or(60));
    }
    if wanted("scale") {
        scale::run(&mut table, number.unwrap_or(100_000));
    }
    if wanted("large") {
        large::run(&mut table);
    }
    if wanted("soak") {
        soak::run(&mut table, number.unwrap_or(20_000), file.map(Path::new));
    }
    table.end();
}
