//! The smallest server: two functions become background jobs with a command line.

use std::thread::sleep;
use std::time::Duration;

use bgjob_runtime::{Job, background_tool};
use schemars::JsonSchema;
use serde::Serialize;

/// What counting gave.
#[derive(Serialize, JsonSchema)]
struct Count {
    /// The last number.
    counted: u32,
    /// The sum of all numbers.
    sum: u64,
}

/// Count slowly to a number and add up on the way.
#[background_tool(timeout = "10m", state_patch = "count")]
fn count(
    job: &Job,
    /// The number to count to.
    #[arg(range = 1..=100_000, default = 20)]
    to: u32,
    /// Pause after each number, in ms.
    #[arg(range = 0..=60_000, default = 250)]
    pause_ms: u64,
) -> Result<Count, String> {
    let mut sum = 0;
    for number in 1..=to {
        if job.is_cancelled() {
            return Err(format!("cancelled at {number}"));
        }
        sum += u64::from(number);
        println!("{number}");
        job.progress(number, to, format_args!("{number} of {to}"));
        sleep(Duration::from_millis(pause_ms));
    }
    Ok(Count { counted: to, sum })
}

/// Greet somebody.
#[background_tool(timeout = "10s")]
async fn greet(
    /// Whom to greet.
    name: String,
) -> String {
    format!("Hello, {name}!")
}

bgjob_runtime::main!();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_an_ordinary_function() {
        let count = count(&Job::test(), 4, 0).unwrap();
        assert_eq!((count.counted, count.sum), (4, 10));
    }
}
