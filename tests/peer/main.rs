//! What a user would write without bgjob: an rmcp server with its own `TaskManager`. The benchmarks
//! divide by it, in the same run. Its tasks are neither durable nor, but for `selfx`, isolated.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CreateTaskResult, GetTaskParams,
    GetTaskResult, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::task_manager::{TaskExit, TaskManager, TaskOptions};
use rmcp::{ErrorData, ServerHandler, ServiceExt};
use serde_json::json;

struct Peer {
    tasks: TaskManager,
    scratch: PathBuf,
}

fn failed(error: impl std::fmt::Display) -> TaskExit {
    TaskExit::Error(ErrorData::internal_error(error.to_string(), None))
}

/// Runs this binary once more and reads what it left: the trivial isolated job.
async fn self_exec(dir: PathBuf) -> Result<CallToolResult, TaskExit> {
    tokio::fs::create_dir(&dir).await.map_err(failed)?;
    tokio::process::Command::new("/proc/self/exe")
        .arg("--work")
        .arg(&dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await
        .map_err(failed)?;
    let text = tokio::fs::read_to_string(dir.join("results.json"))
        .await
        .map_err(failed)?;
    Ok(CallToolResult::structured(json!({"result": text})))
}

impl ServerHandler for Peer {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let options = TaskOptions::default();
        let task = match &*request.name {
            "echo" => {
                let echo = CallToolResult::structured(json!({"ok": true}));
                return Ok(CallToolResponse::Complete(echo));
            }
            "inproc" => self.tasks.spawn(options, |_| {
                Box::pin(async { Ok(CallToolResult::structured(json!({"ok": true}))) })
            }),
            _ => {
                let name = next_name();
                let dir = self.scratch.join(name);
                self.tasks.spawn(options, move |_| Box::pin(self_exec(dir)))
            }
        };
        Ok(CallToolResponse::Task(CreateTaskResult::new(task)))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(self.tasks.get_task(&request.task_id)?))
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_tasks()
                .build(),
        )
    }
}

fn next_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("job-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn work(dir: &str) -> std::io::Result<()> {
    let half = format!("{dir}/results.json.half");
    std::fs::write(&half, "{\"ok\":true}")?;
    std::fs::rename(&half, format!("{dir}/results.json"))
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let peer = Peer {
        tasks: TaskManager::new(),
        scratch: std::env::current_dir()?,
    };
    peer.serve(rmcp::transport::stdio())
        .await?
        .waiting()
        .await?;
    Ok(())
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if let (Some("--work"), Some(dir)) = (args.next().as_deref(), args.next()) {
        return match work(&dir) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    // As `#[tokio::main]` would.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime.map(|runtime| runtime.block_on(serve())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
