//! A server's life on standard input and output.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use super::jobs::Jobs;
use super::names::JobTools;
use super::server::Server;
use super::stdio::stdio;
use super::transport::{Ended, Limits, LineTransport};
use crate::service::JobService;

/// What a leaving server still does: answers under way, and processes being started. The jobs
/// themselves need no server.
const FAREWELL: Duration = Duration::from_millis(120);

/// How to serve.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServeOptions {
    /// Which tools follow jobs.
    pub job_tools: JobTools,
    /// What a client may send.
    pub limits: Limits,
}

/// Serves MCP on standard input and output until the client leaves or SIGTERM or SIGINT comes; then
/// returns within 200 ms, while the jobs go on. Call it from a thread without a tokio runtime.
///
/// Complaints go to standard error; so does whatever anybody prints.
pub fn serve_stdio(service: JobService, options: ServeOptions) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start: {error}")),
    };
    let done = runtime.block_on(serve(service, options));
    // Whatever a thread still does is safe to kill; waiting for it would keep the client waiting.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

fn complain(why: &str) -> ExitCode {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::FAILURE
}

async fn serve(service: JobService, options: ServeOptions) -> Result<(), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("cannot listen to signals: {error}"));
    let stop = Stop {
        terminate: listen(SignalKind::terminate())?,
        interrupt: listen(SignalKind::interrupt())?,
    };
    let (input, output) =
        stdio().map_err(|error| format!("cannot serve on standard input and output: {error}"))?;
    let transport = LineTransport::with_limits(input, output, options.limits);
    let ended = transport.ended();
    let (name, version) = service.server();
    let (name, version) = (name.to_owned(), version.to_owned());
    let jobs = Jobs::new(Arc::new(service), options.job_tools, ended.clone())?;
    let session = session(Server::new(jobs.clone(), name, version), transport);
    stop.during(session, &ended).await;
    jobs.finish(FAREWELL).await;
    Ok(())
}

/// From the first line to the last.
async fn session<R>(server: Server, transport: LineTransport<R>)
where
    R: tokio::io::AsyncRead + Send + Unpin + 'static,
{
    match server.serve(transport).await {
        Ok(running) => {
            let _ = running.waiting().await;
        }
        Err(error) => tracing::info!(%error, "no session came about"),
    }
}

struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Runs the session to its end, and not much beyond the moment when it should end.
    async fn during(mut self, session: impl Future<Output = ()>, ended: &Ended) {
        let mut session = std::pin::pin!(session);
        tokio::select! {
            () = &mut session => return,
            () = ended.fired() => {}
            _ = self.terminate.recv() => ended.fire(),
            _ = self.interrupt.recv() => ended.fire(),
        }
        // The protocol library would wait for 5 s.
        let _ = timeout(FAREWELL, session).await;
    }
}
