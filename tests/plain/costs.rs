//! Tools that show what a job may cost: what it tells, and what it prints.

use std::io::Write;
use std::time::Instant;

use bgjob_runtime::{Job, background_tool};
use serde_json::{Value, json};

/// Writes to its standard error.
#[background_tool]
fn flood(
    /// How much, in KiB.
    kib: usize,
) -> Value {
    let line = [b'x'; 1023];
    let mut err = std::io::stderr().lock();
    for _ in 0..kib {
        let _ = err.write_all(&line).and_then(|()| err.write_all(b"\n"));
    }
    let _ = err.write_all(b"the last line\n");
    std::process::exit(3)
}

/// What a call of `job.progress` costs that drops what it is told, in ns, and one of `job.phase`, which
/// writes, in us: the best of several rounds.
#[background_tool]
fn cost_of_progress(job: &Job) -> Value {
    const CALLS: u32 = 100_000;
    const WRITES: u32 = 100;
    let (mut dropped, mut written) = (f64::MAX, f64::MAX);
    for round in 0..10 {
        let begun = Instant::now();
        for call in 0..CALLS {
            job.progress(call, u32::MAX, format_args!("call {call}"));
        }
        dropped = dropped.min(begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
        let begun = Instant::now();
        for write in 0..WRITES {
            job.phase(format_args!("{round} {write}"));
        }
        written = written.min(begun.elapsed().as_secs_f64() * 1e6 / f64::from(WRITES));
    }
    json!({"dropped_ns": dropped, "written_us": written})
}
