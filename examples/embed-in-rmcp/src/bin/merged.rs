//! The workshop with background tools among its routes: for a handler that keeps its router.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bgjob_runtime::App;
use bgjob_runtime::mcp::{Ended, Jobs, LineTransport, stdio};
use embed_in_rmcp::describe;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::model::ServerConfig;
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};

#[derive(Clone)]
struct Merged {
    router: ToolRouter<Self>,
    jobs: Jobs,
}

#[tool_router]
impl Merged {
    /// Lists the machines.
    #[tool]
    fn machines(&self) -> String {
        "mill, lathe, laser".to_owned()
    }
}

impl Merged {
    fn new(ended: Ended) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let jobs = App::new("workshop", env!("CARGO_PKG_VERSION"))
            .jobs(ended)?
            .with_resources();
        let mut router = Self::tool_router();
        jobs.merge_into(&mut router)?;
        Ok(Merged { router, jobs })
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Merged {
    fn get_info(&self) -> ServerConfig {
        let mut info = describe();
        self.jobs.introduce(&mut info);
        info
    }

    bgjob_runtime::task_methods!(jobs);
    bgjob_runtime::resource_methods!(jobs);
}

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
    let server = Merged::new(transport.ended())?;
    let jobs = server.jobs.clone();
    server.serve(transport).await?.waiting().await?;
    jobs.finish(Duration::from_millis(100)).await;
    Ok(())
}
