//! What a server does beside its answers, never before them: starting jobs, looking after lost ones,
//! pruning. All of it is safe to kill and to repeat.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use crate::error::Result;
use crate::service::JobService;

/// Jobs whose supervisor died are looked for at most this often, and only while somebody asks.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// A server that runs for days prunes this often.
const PRUNE: Duration = Duration::from_secs(3600);
/// Turns of the event loop until a reply that was just made has left. Starting a process takes a
/// core for a millisecond; the reply must not compete with it.
const TURNS: usize = 12;

/// The least time between two looks for something to start. In a burst of calls one look does for all that were
/// accepted meanwhile; a look after each would hold the ledger, and a core, just when the next call comes.
const BETWEEN_LAUNCHES: Duration = Duration::from_millis(2);

/// The server's errands.
#[derive(Clone)]
pub struct Beside {
    inner: Arc<Inner>,
}

struct Inner {
    service: Arc<JobService>,
    begun: AtomicBool,
    launch: Notify,
    look: Notify,
    /// Launches asked for and not done.
    pending: AtomicU32,
    idle: Notify,
}

impl Beside {
    /// Nothing to do yet.
    pub fn new(service: Arc<JobService>) -> Self {
        Beside {
            inner: Arc::new(Inner {
                service,
                begun: AtomicBool::new(false),
                launch: Notify::new(),
                look: Notify::new(),
                pending: AtomicU32::new(0),
                idle: Notify::new(),
            }),
        }
    }

    /// At the first request: collects what ended while no server was there, starts what is queued,
    /// prunes. A server that is started and asked nothing does nothing.
    pub fn begin(&self) {
        if self.inner.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let launcher = Arc::clone(&self.inner);
        tokio::spawn(async move {
            loop {
                launcher.launch.notified().await;
                turns().await;
                let asked = launcher.pending.load(Ordering::Acquire);
                launcher.run("start queued jobs", JobService::launch).await;
                launcher.pending.fetch_sub(asked, Ordering::AcqRel);
                launcher.idle.notify_waiters();
                if launcher.pending.load(Ordering::Acquire) > 0 {
                    launcher.launch.notify_one();
                }
                sleep(BETWEEN_LAUNCHES).await;
            }
        });
        let keeper = Arc::clone(&self.inner);
        tokio::spawn(async move {
            turns().await;
            let mut pruned = None::<Instant>;
            loop {
                keeper.run("look after jobs", JobService::reconcile).await;
                if pruned.is_none_or(|at| at.elapsed() >= PRUNE) {
                    keeper
                        .run("prune", |service| service.prune(None, false).map(drop))
                        .await;
                    pruned = Some(Instant::now());
                }
                sleep(LOOK_AFTER).await;
                let _ = timeout(PRUNE, keeper.look.notified()).await;
            }
        });
    }

    /// Starts a supervisor soon after the reply being made.
    pub fn launch(&self) {
        self.begin();
        self.inner.pending.fetch_add(1, Ordering::AcqRel);
        self.inner.launch.notify_one();
    }

    /// Somebody looks at a job that runs: see soon whether its supervisor lives.
    pub fn look_after(&self) {
        self.begin();
        self.inner.look.notify_one();
    }

    /// Returns when every launch asked for is done, or after `limit`; the next server starts what
    /// stays queued.
    pub async fn finish(&self, limit: Duration) {
        let done = async {
            loop {
                let idle = self.inner.idle.notified();
                if self.inner.pending.load(Ordering::Acquire) == 0 {
                    return;
                }
                idle.await;
            }
        };
        if timeout(limit, done).await.is_err() {
            tracing::info!("left queued jobs to the next server");
        }
    }
}

impl Inner {
    async fn run(
        &self,
        what: &str,
        errand: impl FnOnce(&JobService) -> Result<()> + Send + 'static,
    ) {
        let service = Arc::clone(&self.service);
        match spawn_blocking(move || errand(&service)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "could not {what}"),
            Err(panic) => tracing::error!(%panic, "could not {what}"),
        }
    }
}

async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}
