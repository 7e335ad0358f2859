//! The process's standard streams as the protocol's, out of everybody else's reach.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

use crate::sys::stdio::{Kind, kind, pump, reopen, take};

/// The client's requests.
pub type Input = Pin<Box<dyn AsyncRead + Send>>;
/// The server's answers.
pub type Output = Pin<Box<dyn AsyncWrite + Send>>;

/// Takes standard input and output for the protocol.
///
/// From here on descriptor 0 is `/dev/null` and descriptor 1 is standard error, so that a `println!`
/// anywhere lands in the log instead of in the protocol, and nothing can swallow a request. Call it
/// once, inside a tokio runtime with I/O enabled.
///
/// # Errors
/// When standard input or output is closed, or was taken before.
pub fn stdio() -> io::Result<(Input, Output)> {
    let (input, output) = take()?;
    Ok((reader(input)?, writer(output)?))
}

fn reader(input: OwnedFd) -> io::Result<Input> {
    match kind(&input)? {
        Kind::Pipe => Ok(Box::pin(pipe::Receiver::from_owned_fd(reopen(
            &input, false,
        )?)?)),
        Kind::Socket => socket(input).map(|socket| Box::pin(socket) as Input),
        // A file or a terminal cannot be polled: a thread feeds a pipe.
        Kind::Other => Ok(Box::pin(pipe::Receiver::from_owned_fd(pump(input)?)?)),
    }
}

fn writer(output: OwnedFd) -> io::Result<Output> {
    match kind(&output)? {
        Kind::Pipe => Ok(Box::pin(pipe::Sender::from_owned_fd(reopen(
            &output, true,
        )?)?)),
        Kind::Socket => socket(output).map(|socket| Box::pin(socket) as Output),
        Kind::Other => Ok(Box::pin(Direct(output.into()))),
    }
}

fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(fd);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// Writes to a file or terminal at once, which does not wait for a reader.
struct Direct(std::fs::File);

impl AsyncWrite for Direct {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::task::Poll::Ready(io::Write::write(&mut self.0, bytes))
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
