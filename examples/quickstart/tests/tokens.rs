//! What following a job costs a model.

use bgjob_tests::Sandbox;
use bgjob_tests::mcp::Server;
use serde_json::json;

#[test]
fn a_start_two_polls_and_the_end_cost_less_than_250_tokens() {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_quickstart"));
    let mut server = Server::start(&sandbox);
    let started = server.call("count", json!({"to": 12, "pause_ms": 100}));
    let mut bytes = started.bytes;
    for _ in 0..2 {
        let look = server.call(
            "get_job_status",
            json!({"job_id": started.id(), "wait_s": 0.3}),
        );
        assert_eq!(look["state"], "running", "{look:?}");
        bytes += look.bytes;
    }
    let done = server.follow(&started);
    assert_eq!(done["result"], json!({"counted": 12, "sum": 78}));
    bytes += done.bytes;
    // About four bytes make a token.
    assert!(bytes / 4 < 250, "{} tokens", bytes / 4);
}
