//! What telling progress costs a job: `TMPDIR=/dev/shm cargo bench -p bgjob-tests --bench progress`.
//!
//! The budgets are for a file system in memory. A disk adds what it takes to create and rename a file:
//! mostly some 10 us, up to 200 us on a busy one, ten times a second at most.

use bgjob_tests::Sandbox;
use serde_json::json;

fn main() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_fixture"));
    let done = sandbox.finish("cost_of_progress", &json!({}));
    let cost = |name: &str| done["result"][name].as_f64().unwrap_or(f64::NAN);
    println!(
        "job.progress that drops: {:8.1} ns (budget 100)",
        cost("dropped_ns")
    );
    println!(
        "job.phase that writes:   {:8.1} us (budget 50)",
        cost("written_us")
    );
}
