//! How an attempt ended: the evidence, and the verdict drawn from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::job::state::JobState;

/// What is known of a worker's end. Nothing is guessed: an unknown end says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
    /// Nobody was there to see it.
    Unknown,
}

/// Why a worker was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Somebody asked for it.
    Cancel,
    /// The timeout was over.
    Timeout,
    /// The kernel killed it for want of memory.
    OutOfMemory,
}

/// What an attempt used, from wait4(2) and getrusage(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Processor time in user mode, in s.
    pub user_s: f64,
    /// Processor time in the kernel, in s.
    pub system_s: f64,
    /// The largest resident set of any one process, in KiB.
    pub max_rss_kib: u64,
}

/// The terminal state of a job and what goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `completed`, `failed` or `cancelled`.
    pub state: JobState,
    /// Why, unless completed.
    pub error: Option<Error>,
    /// How the worker ended.
    pub exit: Exit,
    /// Something worth knowing about a job that nevertheless completed.
    pub warning: Option<String>,
    /// Processes that the job left running and that were killed.
    pub leaked: u32,
    /// What it used, where known.
    pub usage: Option<Usage>,
    /// Size of the result file, in bytes.
    pub result_bytes: Option<u64>,
}

/// The name of a signal (signal(7)).
pub fn signal_name(signal: i32) -> &'static str {
    match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        _ => "see signal(7)",
    }
}
