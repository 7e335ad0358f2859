//! `get_system_status`.

use crate::error::Result;
use crate::mcp::envelope::Reply;
use crate::mcp::jobs::{Answer, Jobs};

/// Limits, load and room.
pub async fn call(jobs: &Jobs) -> Result<Answer> {
    let system = jobs
        .blocking(|service, owner| service.system(owner))
        .await?;
    let mut reply = Reply::ok();
    reply.system = Some(system);
    Ok(reply.into())
}
