//! Tests of the whole: the fixture server's processes, files and ledger, seen from outside.

mod advice;
mod artifacts;
mod asking;
mod audit;
mod broken_disks;
mod cancel;
mod chains;
mod checkpoints;
mod cli;
mod clients;
mod codes;
mod confined;
mod conformance;
mod contract;
mod doctor;
mod ends;
mod flags;
mod fold;
mod formats;
mod hooks;
mod hostile;
mod http;
mod http_life;
mod idempotency;
mod inheritance;
mod injections;
mod inline;
mod install;
mod interrupts;
mod json;
mod limits;
mod mcp_hostile;
mod mcp_large;
mod mcp_session;
mod mcp_stop;
mod mcp_wait;
mod memory;
mod model;
mod operators;
mod planted;
mod predecessor;
mod programs;
mod progress;
mod reference;
mod repeats;
mod resources;
mod resources_mcp;
mod resources_updates;
mod rmcp_client;
mod schema;
mod settings;
mod state;
mod survival;
mod system;
mod task_input;
mod tasks;
mod timing;
mod tracing;
mod trees;
mod user_timing;
mod users;
mod wall_clock;
mod warm;

use bgjob_tests::Sandbox;

/// A fresh data directory for the fixture server.
fn sandbox() -> Sandbox {
    Sandbox::new(env!("CARGO_BIN_EXE_fixture"))
}
