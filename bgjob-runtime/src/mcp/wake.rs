//! Wakes whoever waits for a change of a job: one inotify instance for all waits of a server.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::job_dir::JobDir;
use crate::store::progress_file::NAME;
use crate::sys::watch::{AsyncWatch, Woken};

/// The jobs that somebody waits for.
#[derive(Clone, Debug)]
pub struct Wake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    watch: AsyncWatch,
    /// By watch descriptor; one directory has one, however many wait for it.
    waiting: Mutex<HashMap<i32, Vec<Waiter>>>,
}

/// Somebody who waits for a directory, one of several perhaps.
#[derive(Debug)]
struct Waiter {
    news: Arc<News>,
    /// Its place among those that were asked for.
    index: usize,
    /// Whether it is a job's, where most of what is renamed into it is followed by a touch.
    of_job: bool,
}

/// What has changed since somebody looked.
#[derive(Debug, Default)]
struct News {
    notify: Notify,
    changed: Mutex<BTreeSet<usize>>,
}

/// A wait for changes of some jobs; ends when dropped.
#[derive(Debug)]
pub struct Waiting {
    wake: Wake,
    news: Arc<News>,
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
                    let waiters = waiting.get(&event.watch).into_iter().flatten();
                    waiters.for_each(|waiter| waiter.tell(&event));
                }
            }
        });
        Ok(Wake { inner })
    }

    /// Starts to watch the directories of some jobs, and another one behind them; `None` when one cannot
    /// be watched. Read the jobs after this, so that no change falls between.
    pub fn watch(&self, jobs: &[JobDir], other: Option<&Path>) -> Option<Waiting> {
        let mut waiting = Waiting {
            wake: self.clone(),
            news: Arc::default(),
            watches: Vec::new(),
        };
        let dirs = jobs.iter().map(JobDir::path).chain(other);
        for (index, dir) in dirs.enumerate() {
            let mut all = self.inner.lock();
            let watch = self.inner.watch.set().add(dir).ok()?;
            all.entry(watch).or_default().push(Waiter {
                news: Arc::clone(&waiting.news),
                index,
                of_job: index < jobs.len(),
            });
            waiting.watches.push(watch);
        }
        Some(waiting)
    }
}

impl Waiter {
    fn tell(&self, event: &Woken) {
        let file = event.file.as_deref().filter(|_| self.of_job);
        if file.is_some_and(|name| name != NAME) {
            return;
        }
        self.news.lock().insert(self.index);
        self.news.notify.notify_one();
    }
}

impl News {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Vec<Waiter>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Returns after the next change, at once if one came since the last call: the places of what has
    /// changed among the directories that are watched.
    pub async fn changed(&self) -> BTreeSet<usize> {
        self.news.notify.notified().await;
        std::mem::take(&mut *self.news.lock())
    }

    /// The same where there is a watch; without one, never: whoever waits looks again by the clock.
    pub async fn changed_if(watch: Option<&Self>) -> BTreeSet<usize> {
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
                others.retain(|other| !Arc::ptr_eq(&other.news, &self.news));
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

    fn job(dir: &tempfile::TempDir) -> JobDir {
        JobDir::new(dir.path().to_path_buf())
    }

    #[tokio::test]
    async fn a_change_wakes_all_who_wait_for_it_and_nobody_else() {
        let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let wake = Wake::new().unwrap();
        let both = wake.watch(&[job(&other), job(&mine)], None).unwrap();
        let again = wake.watch(&[job(&mine)], None).unwrap();
        let elsewhere = wake.watch(&[job(&other)], None).unwrap();
        let start = Instant::now();
        touch(mine.path());
        assert_eq!(both.changed().await, BTreeSet::from([1]));
        assert_eq!(again.changed().await, BTreeSet::from([0]));
        assert!(start.elapsed() < Duration::from_secs(1));
        let none = tokio::time::timeout(Duration::from_millis(20), elsewhere.changed()).await;
        assert!(none.is_err());
    }

    #[tokio::test]
    async fn a_change_before_the_wait_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let wake = Wake::new().unwrap();
        let waiting = wake.watch(&[job(&dir)], None).unwrap();
        let witness = wake.watch(&[job(&dir)], None).unwrap();
        touch(dir.path());
        witness.changed().await;
        // It has come, and nobody waited for it here.
        waiting.changed().await;
    }

    #[tokio::test]
    async fn of_what_is_renamed_into_a_job_only_what_no_touch_follows_wakes() {
        let (dir, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let wake = Wake::new().unwrap();
        let waiting = wake.watch(&[job(&dir)], Some(folder.path())).unwrap();
        let rename = |dir: &Path, name: &str| {
            std::fs::write(dir.join("new"), "{}").unwrap();
            std::fs::rename(dir.join("new"), dir.join(name)).unwrap();
        };
        rename(dir.path(), "job.json");
        let none = tokio::time::timeout(Duration::from_millis(20), waiting.changed()).await;
        assert!(none.is_err());
        rename(dir.path(), "progress.json");
        assert_eq!(waiting.changed().await, BTreeSet::from([0]));
        // A field may have any name.
        rename(folder.path(), "job.json");
        assert_eq!(waiting.changed().await, BTreeSet::from([1]));
    }

    #[tokio::test]
    async fn nothing_is_watched_when_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let wake = Wake::new().unwrap();
        let (one, two) = (
            wake.watch(&[job(&dir)], None).unwrap(),
            wake.watch(&[job(&dir)], None).unwrap(),
        );
        drop(one);
        touch(dir.path());
        two.changed().await;
        drop(two);
        assert!(wake.inner.lock().is_empty());
        let nowhere = JobDir::new("/nonexistent".into());
        assert!(wake.watch(&[nowhere], None).is_none());
    }
}
