//! Wakes whoever waits for a change of a job: one inotify instance for all waits of a server.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::sys::watch::AsyncWatch;

/// The jobs that somebody waits for.
#[derive(Clone, Debug)]
pub struct Wake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    watch: AsyncWatch,
    /// By watch descriptor; one directory has one, however many wait for it.
    waiting: Mutex<HashMap<i32, Vec<Arc<Notify>>>>,
}

/// A wait for changes of some jobs; ends when dropped.
#[derive(Debug)]
pub struct Waiting {
    wake: Wake,
    notify: Arc<Notify>,
    watches: Vec<i32>,
}

impl Wake {
    /// Nobody waits yet. Call it inside a tokio runtime with I/O enabled.
    ///
    /// # Errors
    /// When the user has no inotify instance left.
    pub fn new() -> std::io::Result<Self> {
        let inner = Arc::new(Inner {
            watch: AsyncWatch::new()?,
            waiting: Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                let Ok(woken) = inner.watch.woken().await else {
                    return;
                };
                let waiting = inner.lock();
                for event in woken {
                    waiting
                        .get(&event.watch)
                        .into_iter()
                        .flatten()
                        .for_each(|n| n.notify_one());
                }
            }
        });
        Ok(Wake { inner })
    }

    /// Starts to watch the directories of some jobs; `None` when one cannot be watched. Read the
    /// jobs after this, so that no change falls between.
    pub fn watch<'a>(&self, dirs: impl IntoIterator<Item = &'a Path>) -> Option<Waiting> {
        let mut waiting = Waiting {
            wake: self.clone(),
            notify: Arc::default(),
            watches: Vec::new(),
        };
        for dir in dirs {
            let mut all = self.inner.lock();
            let watch = self.inner.watch.set().add(dir).ok()?;
            all.entry(watch)
                .or_default()
                .push(Arc::clone(&waiting.notify));
            waiting.watches.push(watch);
        }
        Some(waiting)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Vec<Arc<Notify>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Returns after the next change, at once if one came since the last call.
    pub async fn changed(&self) {
        self.notify.notified().await;
    }

    /// The same where there is a watch; without one, never: whoever waits looks again by the clock.
    pub async fn changed_if(watch: Option<&Self>) {
        match watch {
            Some(watch) => watch.changed().await,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut all = self.wake.inner.lock();
        for watch in &self.watches {
            if let Some(others) = all.get_mut(watch) {
                others.retain(|other| !Arc::ptr_eq(other, &self.notify));
                if others.is_empty() {
                    all.remove(watch);
                    self.wake.inner.watch.set().remove(*watch);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::watch::touch;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn a_change_wakes_all_who_wait_for_it_and_nobody_else() {
        let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let wake = Wake::new().unwrap();
        let both = wake.watch([mine.path(), other.path()]).unwrap();
        let again = wake.watch([mine.path()]).unwrap();
        let elsewhere = wake.watch([other.path()]).unwrap();
        let start = Instant::now();
        touch(mine.path());
        both.changed().await;
        again.changed().await;
        assert!(start.elapsed() < Duration::from_secs(1));
        let none = tokio::time::timeout(Duration::from_millis(20), elsewhere.changed()).await;
        assert!(none.is_err());
    }

    #[tokio::test]
    async fn a_change_before_the_wait_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let wake = Wake::new().unwrap();
        let waiting = wake.watch([dir.path()]).unwrap();
        let witness = wake.watch([dir.path()]).unwrap();
        touch(dir.path());
        witness.changed().await;
        // It has come, and nobody waited for it here.
        waiting.changed().await;
    }

    #[tokio::test]
    async fn nothing_is_watched_when_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let wake = Wake::new().unwrap();
        let (one, two) = (
            wake.watch([dir.path()]).unwrap(),
            wake.watch([dir.path()]).unwrap(),
        );
        drop(one);
        touch(dir.path());
        two.changed().await;
        drop(two);
        assert!(wake.inner.lock().is_empty());
        assert!(wake.watch([Path::new("/nonexistent")]).is_none());
    }
}
