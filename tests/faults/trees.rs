//! Trees that do not want to go, with nobody there but their supervisor.

use std::time::{Duration, Instant};

use bgjob_tests::oracle::Oracle;
use bgjob_tests::until;
use serde_json::json;

use crate::{Scenario, sandbox, settle};

pub const ALL: &[Scenario] = &[(
    "a_wild_tree_is_gone_in_time_after_cancel_and_timeout_with_nobody_alive",
    a_wild_tree_is_gone_in_time_after_cancel_and_timeout_with_nobody_alive,
)];

/// The default grace, and what is promised beyond it.
const PROMISED: Duration = Duration::from_secs(10 + 5);

fn a_wild_tree_is_gone_in_time_after_cancel_and_timeout_with_nobody_alive() {
    for (tool, timeout, end) in [("wild", 2, "failed"), ("wild_for_ever", 0, "cancelled")] {
        let sandbox = sandbox();
        let oracle = Oracle::listen(&sandbox.path("gate"));
        let id = sandbox.submit(tool, &json!({"socket": oracle.path()}));
        oracle.wait_for(1);
        let began = Instant::now();
        if end == "cancelled" {
            assert_eq!(sandbox.run(["jobs", "cancel", &id]).code, Some(0));
        }
        // From here on nobody asks: a look at /proc, and at the ledger without a front-end.
        until("everything is gone", || sandbox.processes().is_empty());
        let took = began.elapsed();
        assert!(
            took < PROMISED + Duration::from_secs(timeout),
            "{tool}: {took:?}"
        );
        assert_eq!(sandbox.recorded(&id), end, "{tool}");
        settle(&sandbox, &[id], Some(&oracle));
    }
}
