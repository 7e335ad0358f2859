//! Telling clients that a resource has changed: `subscriptions/listen` (2026-07-28), and
//! `resources/subscribe` in the sessions of older protocols.
//!
//! Changes are seen as waits see them: a job's directory is touched, or a second has passed. What is
//! compared then is small; nothing of a log or a result is read.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{ErrorCode, ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, RequestContext, SubscriptionSink};
use rmcp::{ErrorData, RoleServer};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::uri::{Address, Place, Refused};
use crate::error::{Code, Error, Result};
use crate::job::request::Owner;
use crate::job::view::JobView;
use crate::mcp::caller::{Caller, is_over_http};
use crate::mcp::jobs::Jobs;
use crate::mcp::tools::logs::which;
use crate::mcp::wake::Waiting;
use crate::service::JobService;

/// Resources that one user may watch at once.
const MOST: usize = 200;
/// How often a resource is looked at when no event came.
const FALLBACK: Duration = Duration::from_secs(1);
/// Changes that follow one another faster are told as one.
const PAUSE: Duration = Duration::from_millis(200);

/// Who watches what.
#[derive(Debug, Default)]
pub struct Watchers {
    users: Mutex<HashMap<Owner, usize>>,
    sessions: Mutex<HashMap<Session, AbortHandle>>,
}

/// A subscription of a session: which client, whose, to what.
type Session = (usize, Owner, String);

/// What of a resource shows a change.
#[derive(Debug, PartialEq)]
enum Mark {
    Job(Box<JobView>),
    Ended(bool),
    File(Option<(u64, i64, i64)>),
    Field(i64, i64, bool),
}

/// A resource under the URI that the client knows it by.
#[derive(Debug)]
struct Watched {
    uri: String,
    place: Place,
    /// As the client has heard of it; `None` before it has heard anything.
    told: Option<Mark>,
}

/// How a client is told.
enum Teller {
    Session(Peer<RoleServer>),
    Stream(SubscriptionSink),
}

impl Teller {
    /// Whether the client could be told.
    async fn tell(&self, uri: &str) -> bool {
        match self {
            Teller::Session(peer) => {
                let changed = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(changed).await.is_ok()
            }
            Teller::Stream(sink) => sink.notify_resource_updated(uri).await.is_ok(),
        }
    }

    fn is_gone(&self) -> bool {
        match self {
            Teller::Session(peer) => peer.is_transport_closed(),
            // Its request's end ends the watch.
            Teller::Stream(_) => false,
        }
    }
}

impl Jobs {
    /// What of a filter (`subscriptions/listen`, 2026-07-28) is about these resources.
    pub fn accepted_resources(&self, requested: &SubscriptionFilter) -> SubscriptionFilter {
        let uris = requested.resource_subscriptions.iter().flatten();
        let ours = uris.filter(|uri| Address::parse(uri).is_ok()).take(MOST);
        let ours: Vec<String> = ours.cloned().collect();
        let mut accepted = SubscriptionFilter::new();
        accepted.resource_subscriptions = Some(ours).filter(|ours| !ours.is_empty());
        accepted
    }

    /// Tells the client of `sink` of changes, until it or the server leaves. Each resource of the caller's
    /// is told of once at the beginning, so that no change falls between; of what is not, nothing is said.
    ///
    /// # Errors
    /// -32600 for a caller whom nobody knows, or who watches too much already.
    pub async fn tell_of_resources(
        &self,
        sink: SubscriptionSink,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.begin();
        let caller = self.caller(context)?;
        let uris = sink.accepted().resource_subscriptions.clone();
        let watched: Vec<Watched> = uris
            .into_iter()
            .flatten()
            .filter_map(Watched::new)
            .collect();
        let _room = self.room(caller.owner(), watched.len())?;
        let teller = Teller::Stream(sink);
        tokio::select! {
            () = caller.watch_and_tell(watched, &teller) => {}
            () = context.ct.cancelled() => return Ok(()),
        }
        tokio::select! {
            () = self.ended().fired() => {}
            () = context.ct.cancelled() => {}
        }
        Ok(())
    }

    /// `resources/subscribe`, in sessions that are no more than a stream of messages. Over HTTP a session's
    /// requests come one by one, and there is nothing to push into.
    ///
    /// # Errors
    /// Resource not found for what names nothing of the caller's; -32601 over HTTP; -32600 for a caller who
    /// watches too much already.
    pub async fn subscribe(
        &self,
        uri: String,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.begin();
        if is_over_http(context) {
            let message = "over HTTP, changes are told by subscriptions/listen (2026-07-28) alone";
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None));
        }
        let caller = self.caller(context)?;
        let address = Address::parse(&uri).map_err(|refused| self.no_resource(&uri, refused))?;
        let place = address.place.clone();
        let (mark, last) = caller
            .blocking(move |service, owner| mark(service, owner, &place))
            .await
            .map_err(|error| self.no_resource(&uri, Refused::from(error)))?;
        if last {
            return Ok(());
        }
        let key = (client_of(context), caller.owner().clone(), uri.clone());
        let mut sessions = lock(&self.watchers().sessions);
        if sessions.contains_key(&key) {
            return Ok(());
        }
        let room = self.room(caller.owner(), 1)?;
        let watched = vec![Watched {
            uri,
            place: address.place,
            told: Some(mark),
        }];
        let (teller, done) = (Teller::Session(context.peer.clone()), key.clone());
        let task = tokio::spawn(async move {
            let _room = room;
            caller.watch_and_tell(watched, &teller).await;
            lock(&caller.watchers().sessions).remove(&done);
        });
        sessions.insert(key, task.abort_handle());
        Ok(())
    }

    /// `resources/unsubscribe`; of what is not subscribed to, nothing.
    ///
    /// # Errors
    /// -32600 for a caller whom nobody knows.
    pub async fn unsubscribe(
        &self,
        uri: String,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let caller = self.caller(context)?;
        let key = (client_of(context), caller.owner().clone(), uri);
        if let Some(task) = lock(&self.watchers().sessions).remove(&key) {
            task.abort();
        }
        Ok(())
    }

    fn room(&self, owner: &Owner, wanted: usize) -> Result<Room, ErrorData> {
        let mut users = lock(&self.watchers().users);
        let count = users.entry(owner.clone()).or_insert(0);
        if *count + wanted > MOST {
            let message = format!("at most {MOST} resources can be watched at once");
            return Err(ErrorData::invalid_request(message, None));
        }
        *count += wanted;
        Ok(Room {
            jobs: self.clone(),
            owner: owner.clone(),
            taken: wanted,
        })
    }
}

/// Which client of possibly several; the protocol library has no other name for one.
fn client_of(context: &RequestContext<RoleServer>) -> usize {
    let info = context.peer.peer_info();
    info.map_or(0, |info| std::sync::Arc::as_ptr(&info) as usize)
}

/// Room for some watched resources, given back when dropped.
struct Room {
    jobs: Jobs,
    owner: Owner,
    taken: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut users = lock(&self.jobs.watchers().users);
        if let Some(count) = users.get_mut(&self.owner) {
            *count -= self.taken;
            if *count == 0 {
                users.remove(&self.owner);
            }
        }
    }
}

impl Watched {
    fn new(uri: String) -> Option<Self> {
        let place = Address::parse(&uri).ok()?.place;
        Some(Watched {
            uri,
            place,
            told: None,
        })
    }
}

impl Caller {
    /// Until nothing can change any more, nobody listens, or the server ends.
    async fn watch_and_tell(&self, all: Vec<Watched>, teller: &Teller) {
        // What is not the caller's is left alone from here on, before anything else is done with it.
        let (mut all, mut changed) = self.look(all).await;
        let ids: Vec<_> = all
            .iter()
            .filter_map(|one| one.place.job().cloned())
            .collect();
        let fields = all.iter().any(|one| one.place.job().is_none());
        let watch = self.watch_with(&ids, fields.then_some(self.owner()));
        loop {
            for uri in changed {
                if !teller.tell(&uri).await {
                    return;
                }
            }
            if all.is_empty() || teller.is_gone() {
                return;
            }
            sleep(PAUSE).await;
            tokio::select! {
                _ = Waiting::changed_if(watch.as_ref()) => {}
                () = sleep(FALLBACK) => self.beside().look_after(),
                () = self.ended().fired() => return,
            }
            (all, changed) = self.look(all).await;
        }
    }

    /// What may change further, and the URIs of what has changed since it was told of.
    async fn look(&self, all: Vec<Watched>) -> (Vec<Watched>, Vec<String>) {
        self.blocking(move |service, owner| {
            let (mut kept, mut changed) = (Vec::new(), Vec::new());
            for mut one in all {
                match mark(service, owner, &one.place) {
                    Ok((mark, last)) => {
                        if one.told.as_ref() != Some(&mark) {
                            changed.push(one.uri.clone());
                            one.told = Some(mark);
                        }
                        if !last {
                            kept.push(one);
                        }
                    }
                    // A disk that hesitates must not end a watch.
                    Err(error) if error.code == Code::StorageError => kept.push(one),
                    // Deleted, or never there.
                    Err(_) => {}
                }
            }
            (kept, changed)
        })
        .await
    }
}

/// What shows a change of the resource, and whether there can be none any more.
fn mark(service: &JobService, owner: &Owner, place: &Place) -> Result<(Mark, bool)> {
    if let Place::Field(field) = place {
        let field = service.state_field(owner, field)?;
        let mark = Mark::Field(field.version, field.generation, field.present);
        return Ok((mark, false));
    }
    let Some(id) = place.job() else {
        return Err(Error::storage("watch a resource", "it belongs to no job"));
    };
    // Before its files are: what a job writes last is not missed.
    let ended = service.record(owner, id)?.state.is_terminal();
    let file = |file: std::io::Result<fs::Metadata>| match file {
        Ok(meta) => Ok(Mark::File(Some((
            meta.len(),
            meta.mtime(),
            meta.mtime_nsec(),
        )))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Mark::File(None)),
        Err(error) => Err(Error::storage("watch a resource", error)),
    };
    let mark = match place {
        Place::Job(_) | Place::Field(_) => Mark::Job(Box::new(still(service.view(owner, id)?))),
        Place::Result(_) => Mark::Ended(ended),
        Place::Log(_, stream) => file(fs::symlink_metadata(service.log_path(
            owner,
            id,
            which(*stream),
        )?))?,
        Place::Artifact(_, name) => match service.open_artifact(owner, id, name) {
            Ok((opened, _)) => file(opened.metadata())?,
            Err(error) if error.code == Code::ArtifactNotFound => Mark::File(None),
            Err(error) => return Err(error),
        },
    };
    Ok((mark, ended))
}

/// A view without what changes by the passing of time alone.
fn still(view: JobView) -> JobView {
    JobView {
        elapsed_s: None,
        eta_s: None,
        no_progress_s: None,
        silent_s: None,
        waiting_because: None,
        ..view
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
