//! Sends whole lines, in order, however the sender's future ends.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Unsent bytes above which no further request is read.
const HIGH_WATER: usize = 8 * 1024 * 1024;

/// The sending end: a queue of lines, emptied by a task of its own.
#[derive(Clone, Debug)]
pub struct Outbox {
    lines: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    /// Changes when lines were sent, and closes when the output is broken.
    sent: watch::Receiver<()>,
}

impl Outbox {
    /// An outbox that writes to `output`, and the task that does so until the last clone is dropped.
    pub fn new(output: impl AsyncWrite + Send + Unpin + 'static) -> (Self, JoinHandle<()>) {
        let (lines, queue) = mpsc::unbounded_channel();
        let (notify, sent) = watch::channel(());
        let waiting = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(write_all(output, queue, Arc::clone(&waiting), notify));
        (
            Outbox {
                lines,
                waiting,
                sent,
            },
            task,
        )
    }

    /// Queues one line; its end is added here.
    ///
    /// # Errors
    /// When nobody reads the output any more.
    pub fn send(&self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        self.lines
            .send(line)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Returns once little enough is queued; at once when the output is broken.
    pub async fn relaxed(&mut self) {
        while self.waiting.load(Ordering::Relaxed) > HIGH_WATER {
            if self.sent.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns when the output is broken.
    pub async fn broken(&mut self) {
        while self.sent.changed().await.is_ok() {}
    }
}

async fn write_all(
    mut output: impl AsyncWrite + Unpin,
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
    notify: watch::Sender<()>,
) {
    while let Some(line) = queue.recv().await {
        let written = output.write_all(&line).await;
        waiting.fetch_sub(line.len(), Ordering::Relaxed);
        let _ = notify.send(());
        if written.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn lines_arrive_whole_and_in_order() {
        let (near, mut far) = tokio::io::duplex(16);
        let (outbox, task) = Outbox::new(near);
        for n in 0..100 {
            outbox.send(format!("line {n}").into_bytes()).unwrap();
        }
        drop(outbox);
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        task.await.unwrap();
        let wanted: String = (0..100).map(|n| format!("line {n}\n")).collect();
        assert_eq!(text, wanted);
    }

    #[tokio::test]
    async fn a_reader_who_does_not_read_stops_the_reading() {
        let (near, mut far) = tokio::io::duplex(16);
        let (mut outbox, _task) = Outbox::new(near);
        outbox.send(vec![b'x'; HIGH_WATER + 1]).unwrap();
        assert!(
            tokio::time::timeout(std::time::Duration::from_millis(20), outbox.relaxed())
                .await
                .is_err()
        );
        let reader = tokio::spawn(async move {
            let mut all = vec![0; HIGH_WATER + 2];
            far.read_exact(&mut all).await.unwrap();
        });
        outbox.relaxed().await;
        reader.await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_who_left_is_noticed() {
        let (near, far) = tokio::io::duplex(16);
        let (mut outbox, _task) = Outbox::new(near);
        drop(far);
        outbox.send(b"x".to_vec()).unwrap();
        outbox.broken().await;
        assert!(outbox.send(b"x".to_vec()).is_err());
    }
}
