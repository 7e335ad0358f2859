//! Anaerobic digester design as a server of background jobs.

mod demo;

use std::process::ExitCode;

use bgjob_runtime::App;

/// What a client's model should know beside the tools themselves.
const INSTRUCTIONS: &str = "Design an anaerobic digester: set_basis, validate, heuristic_sizing, simulate, report, in this \
order. The whole chain can be submitted at once: each step waits for the state fields that it reads. Units are part of the \
names. Read the findings of validate and the flags of simulate before trusting a design.";

fn main() -> ExitCode {
    App::new("digester", env!("CARGO_PKG_VERSION"))
        .instructions(INSTRUCTIONS)
        .command(demo::command(), demo::run)
        .run()
}
