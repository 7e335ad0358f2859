//! Accepting connections, and ending.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::gate::{Gate, PATH, owned};
use super::options::HttpOptions;
use crate::error::{Code, Error, Result};
use crate::mcp::jobs::Jobs;
use crate::mcp::serve::{FAREWELL, ServeOptions, Stop, THREADS, named};
use crate::mcp::transport::Ended;
use crate::service::JobService;
use crate::sys::host;

/// Connections at once; further ones wait to be accepted.
const CONNECTIONS: usize = 512;
/// How long a request's head may take, and a connection may idle.
const HEAD: Duration = Duration::from_secs(30);
const MOST_HEADERS: usize = 64;
const HEAD_BYTES: usize = 64 << 10;
/// Before accepting is tried again when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that has begun to listen.
#[derive(Debug)]
pub struct Opened {
    /// Where MCP is.
    pub url: String,
    /// The token that was made for this run, if nobody is known otherwise.
    pub token: Option<String>,
    /// Whether other machines can reach it.
    pub public: bool,
}

/// Serves MCP on HTTP at `address` (`127.0.0.1:8000`, `[::1]:0` or a port of 127.0.0.1) until SIGTERM or
/// SIGINT comes; then answers whoever waits and returns within 500 ms, while the jobs go on. `opened`
/// hears of the beginning. Call it from a thread without a tokio runtime.
///
/// # Errors
/// `invalid_argument` when it cannot listen there, or may not: other machines' requests need users.
pub fn serve_http(
    service: Arc<JobService>,
    options: ServeOptions,
    http: &HttpOptions,
    address: &str,
    opened: impl FnOnce(&Opened),
) -> Result<()> {
    let mut tokens = http.known_tokens()?;
    let anybody = tokens.is_empty() && http.authenticate.is_none();
    let listener = listen(address, anybody)?;
    let local = listener
        .local_addr()
        .map_err(|error| cannot(address, &error))?;
    let told = Opened {
        url: format!("http://{local}{PATH}"),
        token: anybody.then(|| tokens.generate()),
        public: !local.ip().to_canonical().is_loopback(),
    };
    let ended = Ended::new();
    let limits = options.limits;
    let jobs = Jobs::new(Arc::clone(&service), options.job_tools, ended.clone())
        .map_err(|problem| Error::new(Code::InvalidArgument, problem))?;
    let jobs = owned(jobs);
    let server = named(jobs.clone(), &service, options.instructions.as_deref());
    let gate = Gate::new(http, tokens, limits, server, service)?;
    host::share_allocator();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|error| Error::storage("serve", error))?;
    let served = runtime.block_on(async {
        let stop = Stop::new()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        opened(&told);
        stop.during(accept(listener, Arc::new(gate), ended.clone()), &ended)
            .await;
        jobs.finish(FAREWELL).await;
        Ok::<_, io::Error>(())
    });
    // Whatever a thread still does is safe to kill.
    runtime.shutdown_background();
    served.map_err(|error| Error::storage("serve", error))
}

fn listen(address: &str, anybody: bool) -> Result<TcpListener> {
    let invalid = |message: String| Error::new(Code::InvalidArgument, message).at("--http");
    let wanted = match address.parse::<u16>() {
        Ok(port) => format!("127.0.0.1:{port}"),
        Err(_) => address.to_owned(),
    };
    let addresses: Vec<SocketAddr> = wanted
        .to_socket_addrs()
        .map_err(|_| {
            invalid(format!("`{address}` is no address to listen on")).remedy(
                "Give an address and a port, as in 127.0.0.1:8000; port 0 takes any free one.",
            )
        })?
        .collect();
    let public = addresses
        .iter()
        .any(|address| !address.ip().to_canonical().is_loopback());
    if public && anybody {
        return Err(invalid(format!(
            "other machines can reach {address}, and no user has a token"
        ))
        .remedy(
            "Name a file of `subject = token` lines with --token-file, or listen on 127.0.0.1.",
        ));
    }
    let listener = TcpListener::bind(&addresses[..]).map_err(|error| cannot(address, &error))?;
    listener
        .set_nonblocking(true)
        .map_err(|error| cannot(address, &error))?;
    Ok(listener)
}

fn cannot(address: &str, why: &io::Error) -> Error {
    let error = Error::new(
        Code::InvalidArgument,
        format!("cannot listen on {address}: {why}"),
    );
    match why.kind() {
        io::ErrorKind::AddrInUse => error.remedy(
            "Another program listens there: end it, or take another port; 0 takes any free one.",
        ),
        io::ErrorKind::PermissionDenied => error.remedy("Take a port above 1023."),
        _ => error.remedy("Give an address of this machine, as in 127.0.0.1:8000."),
    }
}

/// Until `ended` fires; then until all have their answers.
async fn accept(listener: tokio::net::TcpListener, gate: Arc<Gate>, ended: Ended) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = ended.fired() => break,
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let (gate, ended) = (Arc::clone(&gate), ended.clone());
                    connections.spawn(async move {
                        let _place = place;
                        connection(stream, gate, ended).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: tokio::net::TcpStream, gate: Arc<Gate>, ended: Ended) {
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let gate = Arc::clone(&gate);
        async move { Ok::<_, std::convert::Infallible>(gate.answer(request, local).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = ended.fired() => {
            connection.as_mut().graceful_shutdown();
            match timeout(FAREWELL, connection).await {
                Ok(done) => done,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection broke");
    }
}
