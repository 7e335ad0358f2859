//! Newline-delimited JSON-RPC that answers every request whose id can be read, exactly once.
//!
//! The protocol library's own transport drops in silence what it cannot parse, lets a request that
//! reuses an id in flight go unanswered, and ends the server when a notification comes before the
//! handshake. This one answers or drops such lines itself, so a handler behind it sees only
//! well-formed messages in a sensible order. Use it with any `rmcp::ServerHandler`:
//!
//! ```no_run
//! # async fn serve(handler: impl rmcp::ServerHandler) -> Result<(), Box<dyn std::error::Error>> {
//! use rmcp::ServiceExt;
//! let (input, output) = bgjob_runtime::mcp::stdio()?;
//! let transport = bgjob_runtime::mcp::LineTransport::new(input, output);
//! let ended = transport.ended(); // fires when the client has left
//! handler.serve(transport).await?.waiting().await?;
//! # Ok(()) }
//! ```

mod ended;
mod flight;
mod glance;
mod lines;
mod sort;
mod writer;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::RoleServer;
use rmcp::model::ClientJsonRpcMessage;
use rmcp::service::TxJsonRpcMessage;
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

pub use ended::Ended;
use flight::Flight;
#[cfg(feature = "http")]
pub(super) use glance::Glance;
use lines::{Line, Lines};
use sort::Sorted;
use writer::Outbox;

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line, in bytes. Default 16 MiB.
    pub line: usize,
    /// Most values and members in one message. Default 300,000: a bound on the memory that a
    /// message of many tiny values takes, which is far more than its length.
    pub values: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line: 16 * 1024 * 1024,
            values: 300_000,
        }
    }
}

/// JSON-RPC messages over a pair of byte streams, one per line.
#[derive(Debug)]
pub struct LineTransport<R> {
    lines: Lines<R>,
    limits: Limits,
    outbox: Option<Outbox>,
    writer: Option<JoinHandle<()>>,
    flight: Arc<Mutex<Flight>>,
    answers: VecDeque<String>,
    ended: Ended,
}

impl<R: AsyncRead + Send + Unpin> LineTransport<R> {
    /// A transport with the default limits. Call it inside a tokio runtime.
    pub fn new(input: R, output: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::with_limits(input, output, Limits::default())
    }

    /// A transport with limits of your own.
    pub fn with_limits(
        input: R,
        output: impl AsyncWrite + Send + Unpin + 'static,
        limits: Limits,
    ) -> Self {
        let (outbox, writer) = Outbox::new(output);
        LineTransport {
            lines: Lines::new(input, limits.line),
            limits,
            outbox: Some(outbox),
            writer: Some(writer),
            flight: Arc::default(),
            answers: VecDeque::new(),
            ended: Ended::new(),
        }
    }

    /// The token that fires when the input ends or nobody reads the output any more.
    pub fn ended(&self) -> Ended {
        self.ended.clone()
    }

    /// The next message for the handler; `None` when the client has left.
    async fn next(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let outbox = self.outbox.as_mut()?;
            while let Some(answer) = self.answers.pop_front() {
                outbox.send(answer.into_bytes()).ok()?;
            }
            outbox.relaxed().await;
            let mut output = outbox.clone();
            let line = tokio::select! {
                line = self.lines.next() => line.ok()??,
                () = output.broken() => return None,
            };
            let sorted = match line {
                Line::Whole(line) => sort::sort(&line, self.limits.values),
                Line::TooLong(glance) => sort::too_long(&glance, self.limits.line),
            };
            let sorted = match sorted {
                Sorted::Message(message) => lock(&self.flight).admit(message),
                other => other,
            };
            match sorted {
                Sorted::Message(message) => return Some(*message),
                Sorted::Answer(answers) => self.answers.extend(answers),
                Sorted::Nothing => {}
            }
        }
    }
}

impl<R: AsyncRead + Send + Unpin> Transport<RoleServer> for LineTransport<R> {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        lock(&self.flight).answered(&message);
        let sent = match (&self.outbox, serde_json::to_vec(&message)) {
            (Some(outbox), Ok(line)) => outbox.send(line),
            (None, _) => Err(io::ErrorKind::NotConnected.into()),
            (_, Err(unwritable)) => Err(unwritable.into()),
        };
        std::future::ready(sent)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.next().await;
        if message.is_none() {
            self.ended.fire();
        }
        message
    }

    /// Sends what is queued, then closes the output.
    async fn close(&mut self) -> io::Result<()> {
        self.ended.fire();
        self.outbox = None;
        match self.writer.take() {
            Some(writer) => writer.await.map_err(io::Error::other),
            None => Ok(()),
        }
    }
}

fn lock(flight: &Mutex<Flight>) -> std::sync::MutexGuard<'_, Flight> {
    flight.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
