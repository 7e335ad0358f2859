//! A token that fires once: the client's end of the stream is gone, or the server is to stop.

use tokio::sync::watch;

/// Fires once and stays fired. Clones share it.
#[derive(Clone, Debug)]
pub struct Ended {
    fired: watch::Sender<bool>,
}

impl Default for Ended {
    fn default() -> Self {
        Ended {
            fired: watch::Sender::new(false),
        }
    }
}

impl Ended {
    /// A token that has not fired.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fires; again is harmless.
    pub fn fire(&self) {
        self.fired.send_replace(true);
    }

    /// Whether it has fired.
    pub fn is_fired(&self) -> bool {
        *self.fired.borrow()
    }

    /// Returns when it has fired, at once if it has already.
    pub async fn fired(&self) {
        // The sender lives in `self`, so the channel cannot close under the wait.
        let _ = self.fired.subscribe().wait_for(|fired| *fired).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_waiters_wake_and_late_ones_do_not_wait() {
        let token = Ended::new();
        assert!(!token.is_fired());
        let waiter = tokio::spawn({
            let token = token.clone();
            async move { token.fired().await }
        });
        token.fire();
        waiter.await.unwrap();
        token.fired().await;
        assert!(token.is_fired());
    }
}
