//! The workshop with background tools around its handler: the handler itself does not change.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bgjob_runtime::App;
use bgjob_runtime::mcp::{LineTransport, WithJobs, stdio};
use embed_in_rmcp::Workshop;
use rmcp::ServiceExt;

// A plain `main`: jobs run in processes of this program, and those must not become servers.
fn main() -> ExitCode {
    if let Some(code) = bgjob_runtime::enter() {
        return code;
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (input, output) = stdio()?;
    let transport = LineTransport::new(input, output);
    let jobs = App::new("workshop", env!("CARGO_PKG_VERSION")).jobs(transport.ended())?;
    let server = WithJobs::new(Workshop, jobs.clone())?;
    server.serve(transport).await?.waiting().await?;
    // Jobs go on by themselves; only their start may still be under way.
    jobs.finish(Duration::from_millis(100)).await;
    Ok(())
}
