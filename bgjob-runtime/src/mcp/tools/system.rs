//! `get_system_status`.

use crate::error::Result;
use crate::mcp::caller::Caller;
use crate::mcp::envelope::Reply;
use crate::mcp::jobs::Answer;

/// Limits, load and room.
pub async fn call(jobs: &Caller) -> Result<Answer> {
    let system = jobs
        .blocking(|service, owner| service.system(owner))
        .await?;
    let mut reply = Reply::ok();
    reply.system = Some(system);
    Ok(reply.into())
}
