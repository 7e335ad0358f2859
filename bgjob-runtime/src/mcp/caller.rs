//! On whose behalf a request is answered. Jobs and state are reached through a [`Caller`] alone, so
//! that nothing can be looked at without saying for whom.

use std::ops::Deref;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::service::RequestContext;
use tokio::task::spawn_blocking;

use super::jobs::Jobs;
use crate::job::request::Owner;
use crate::service::JobService;

/// Says whose request this is; `None` where nobody knows.
pub type OwnerOf = Arc<dyn Fn(&RequestContext<RoleServer>) -> Option<Owner> + Send + Sync>;

/// The local user, but never for what came over HTTP: that may be anybody's.
pub fn usual_owner(context: &RequestContext<RoleServer>) -> Option<Owner> {
    (!is_over_http(context)).then(Owner::local)
}

/// Whether the request came over HTTP.
pub fn is_over_http(context: &RequestContext<RoleServer>) -> bool {
    context.extensions.get::<http::request::Parts>().is_some()
}

/// The tools of a service for one owner.
#[derive(Clone)]
pub struct Caller {
    jobs: Jobs,
    owner: Owner,
}

impl Deref for Caller {
    type Target = Jobs;
    fn deref(&self) -> &Jobs {
        &self.jobs
    }
}

impl Caller {
    /// `jobs` for `owner`.
    pub fn new(jobs: Jobs, owner: Owner) -> Self {
        Caller { jobs, owner }
    }

    /// Whose jobs and state these are.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Does something that may wait for the disk, off the event loop.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&JobService, &Owner) -> T + Send + 'static,
    ) -> T {
        let (service, owner) = (Arc::clone(self.service()), self.owner.clone());
        let span = tracing::Span::current();
        match spawn_blocking(move || span.in_scope(|| work(&service, &owner))).await {
            Ok(done) => done,
            Err(error) => resume_unwind(error.into_panic()),
        }
    }

    /// The wait to advise, in s.
    pub fn wait_s(&self) -> f64 {
        self.hints().wait_s(&self.owner)
    }

    /// The wait to advise for a job that is expected to end in `eta_s`, in s.
    pub fn wait_for(&self, eta_s: Option<u64>) -> f64 {
        self.hints().wait_for(&self.owner, eta_s)
    }

    /// How long a call may be held back that asks for `wait`.
    pub fn cut(&self, wait: Duration) -> Duration {
        self.hints().cut(&self.owner, wait)
    }

    /// Takes note that the caller's client gave up a wait after this long.
    pub fn gave_up_after(&self, waited: Duration) {
        self.hints().cancelled_after(&self.owner, waited);
    }
}
