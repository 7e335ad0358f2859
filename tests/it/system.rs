//! How the whole is doing: the tool and the command.

use bgjob_tests::mcp::Server;
use bgjob_tests::oracle::Oracle;
use serde_json::json;

use crate::sandbox;

#[test]
fn the_system_status_tells_limits_and_load() {
    let sandbox = sandbox();
    sandbox.set("max_jobs", "3");
    let mut server = Server::start(&sandbox);
    let status = server.call("get_system_status", json!({}));
    assert_eq!(
        (&status["system"]["max_jobs"], &status["system"]["running"]),
        (&json!(3), &json!(0))
    );
    assert!(status["system"].get("oldest").is_none(), "{status:?}");
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let started = server.call("gate", json!({"socket": oracle.path()}));
    oracle.wait_for(1);
    let told = server.call("get_system_status", json!({}))["system"].clone();
    assert_eq!(
        (&told["running"], &told["oldest"]["job_id"]),
        (&json!(1), &json!(started.id()))
    );
    for fact in ["survival", "engine", "retention"] {
        assert!(told[fact].is_string(), "{fact}: {told}");
    }
    let mut shown = sandbox.json(["status"])["system"].clone();
    for changing in ["memory_available_mib", "disk_available_mib"] {
        assert!(shown[changing].as_u64() > Some(0), "{shown}");
        shown[changing] = told[changing].clone();
    }
    shown["oldest"]["age_s"] = told["oldest"]["age_s"].clone();
    assert_eq!(shown, told, "the command and the tool say the same");
    let table = sandbox.run(["status"]).stdout;
    assert!(
        table.contains("1 of 3") && table.contains(&started.id()),
        "{table}"
    );
    oracle.open();
    assert_eq!(server.finish(started)["state"], "completed");
}
