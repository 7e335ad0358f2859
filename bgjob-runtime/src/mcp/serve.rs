//! A server's life on standard input and output.

use std::io;
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
use crate::sys::host;

/// What a leaving server still does: answers under way, and processes being started. The jobs
/// themselves need no server.
pub(super) const FAREWELL: Duration = Duration::from_millis(120);

/// Threads that wait for the disk. They share one ledger, so that more would not do more; and tokio's usual
/// number, 512, lets a server under load grow by a thread's memory now and then for as long as it lasts.
pub(super) const THREADS: usize = 8;

/// How to serve.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Which tools follow jobs.
    pub job_tools: JobTools,
    /// What a client may send.
    pub limits: Limits,
    /// What to tell models about this server beside what is said about jobs.
    pub instructions: Option<String>,
}

/// Serves MCP on standard input and output until the client leaves or SIGTERM or SIGINT comes; then
/// returns within 200 ms, while the jobs go on. Call it from a thread without a tokio runtime.
///
/// From then on whatever anybody prints goes to standard error.
///
/// # Errors
/// When there is nothing to serve on, or two tools would have one name.
pub fn serve_stdio(service: Arc<JobService>, options: ServeOptions) -> io::Result<()> {
    host::share_allocator();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(THREADS)
        .enable_all()
        .build()?;
    let done = runtime.block_on(serve(service, options));
    // Whatever a thread still does is safe to kill; waiting for it would keep the client waiting.
    runtime.shutdown_background();
    done
}

async fn serve(service: Arc<JobService>, options: ServeOptions) -> io::Result<()> {
    let stop = Stop::new()?;
    let (input, output) = stdio()?;
    let transport = LineTransport::with_limits(input, output, options.limits);
    let ended = transport.ended();
    let jobs = Jobs::new(Arc::clone(&service), options.job_tools, ended.clone())
        .map_err(io::Error::other)?;
    let server = named(jobs.clone(), &service, options.instructions.as_deref());
    stop.during(session(server, transport), &ended).await;
    jobs.finish(FAREWELL).await;
    Ok(())
}

/// The server of `jobs` under the program's name.
pub(super) fn named(jobs: Jobs, service: &JobService, instructions: Option<&str>) -> Server {
    let (name, version) = service.server();
    let server = Server::new(jobs, name, version);
    match instructions {
        Some(text) => server.instructions(text),
        None => server,
    }
}

/// From the first line until the client leaves or `transport.ended()` fires.
async fn session<R>(server: Server, transport: LineTransport<R>)
where
    R: tokio::io::AsyncRead + Send + Unpin + 'static,
{
    let ended = transport.ended();
    match server.serve(transport).await {
        Ok(running) => {
            let token = running.cancellation_token();
            let mut waiting = std::pin::pin!(running.waiting());
            tokio::select! {
                _ = &mut waiting => return,
                () = ended.fired() => token.cancel(),
            }
            let _ = waiting.await;
        }
        Err(error) => tracing::info!(%error, "no session came about"),
    }
}

/// The signals that end a server.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Takes SIGTERM and SIGINT from here on.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Runs the session to its end, and not much beyond the moment when it should end.
    pub(super) async fn during(mut self, session: impl Future<Output = ()>, ended: &Ended) {
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
