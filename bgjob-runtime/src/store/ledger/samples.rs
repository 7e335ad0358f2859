//! A job and a claim as the unit tests of this folder need them; each test says what is different in its own.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Claim, NewJob};
use crate::job::id::JobId;

static NO_READS: BTreeMap<String, Option<i64>> = BTreeMap::new();

/// The build that accepts and claims; `register_build` has to tell the ledger of it.
pub const BUILD: &str = "b";

/// A job that reads, writes and awaits nothing.
pub fn new_job(id: &JobId) -> NewJob<'_> {
    NewJob {
        id,
        owner: "local",
        schema_hash: "h",
        build: BUILD,
        boot: "boot",
        priority: 0,
        tool_limit: None,
        now_ms: 1,
        timeout_ms: None,
        input: Some(b"{}"),
        input_hash: "x",
        cwd: Path::new("/"),
        patch: None,
        reads: &NO_READS,
        after: &[],
        idempotency_key: None,
        retries: None,
        dedupe: None,
        retry_of: None,
        max_queued: 1000,
        hook: None,
    }
}

/// A claim at `now_ms`, under the nonce `n`.
pub fn claim_at(now_ms: i64) -> Claim<'static> {
    Claim {
        build: BUILD,
        nonce: "n",
        boot: "boot",
        now_ms,
    }
}
