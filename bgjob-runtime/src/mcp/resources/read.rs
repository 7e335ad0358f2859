//! `resources/read`: each kind of resource.

use serde_json::{Map, Value, json};

use super::query::Query;
use super::reply::{JSON, Reply};
use super::source::{self, MOST_BYTES, Source};
use super::uri::{Address, Place};
use crate::error::{Code, Error, Result};
use crate::job::artifact::{ArtifactView, is_image};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::mcp::args::Stream;
use crate::mcp::caller::Caller;
use crate::mcp::clean;
use crate::mcp::tools::artifacts::{MOST, USUAL, whole_text};
use crate::mcp::tools::logs::{MOST_LINES, Part, which};
use crate::mcp::tools::{follow, results};
use crate::service::JobService;
use crate::store::files;

impl Caller {
    /// What is at an address.
    ///
    /// # Errors
    /// What the tool that shows the same would refuse with.
    pub(super) async fn read(&self, address: Address) -> Result<Reply> {
        let place = address.place.clone();
        if let Place::Job(id) = place {
            return self.job(address, id).await;
        }
        self.blocking(move |service, owner| match place {
            Place::Job(_) => unreachable!("answered above"),
            Place::Result(id) => {
                let file = results::open(&service.results_path(owner, &id)?, &id)?;
                let reply = source::json(&address, &Source::File(file), "the result")?;
                Ok(reply.lasting(true))
            }
            Place::Log(id, stream) => log(service, owner, &address, &id, stream),
            Place::Artifact(id, name) => {
                let (file, artifact) = service.open_artifact(owner, &id, &name)?;
                let reply = self::artifact(&address, file, &artifact)?;
                let ended = service.record(owner, &id)?.state.is_terminal();
                Ok(reply.lasting(ended))
            }
            Place::Field(field) => {
                let (_, json) = service.open_state(owner, &field)?;
                source::json(
                    &address,
                    &json.into(),
                    &format!("the state field `{field}`"),
                )
            }
        })
        .await
    }

    /// How a job stands, as `get_job_status` says it.
    async fn job(&self, address: Address, id: JobId) -> Result<Reply> {
        let view = self
            .blocking(move |service, owner| service.view(owner, &id))
            .await?;
        let value = follow(self, view).value();
        Ok(Reply::default().text(address.uri(), JSON, value.to_string()))
    }
}

fn log(
    service: &JobService,
    owner: &Owner,
    address: &Address,
    id: &JobId,
    stream: Stream,
) -> Result<Reply> {
    let query = &address.query;
    if query.tail.is_some() && query.offset.is_some() {
        let message = "the URI has both `tail` and `offset`";
        return Err(Error::new(Code::InvalidArgument, message));
    }
    // Before the log is: what a job writes last is not missed.
    let ended = service.record(owner, id)?.state.is_terminal();
    let lines = query.tail.map_or(MOST_LINES, |lines| {
        lines.clamp(1, MOST_LINES as u64) as usize
    });
    let path = service.log_path(owner, id, which(stream))?;
    let part = Part::of(&path, query.offset, lines)
        .map_err(|error| Error::storage(format_args!("read the log of {id}"), error))?;
    let view = part.into_view(stream);
    let more = view.next_offset < view.bytes;
    if view.offset == 0 && !more && ended {
        return Ok(Reply::default()
            .text(address.uri(), "text/plain", view.text)
            .lasting(true));
    }
    let at = |offset| {
        address.with(&Query {
            offset: Some(offset),
            ..Query::default()
        })
    };
    let next = (more || !ended).then(|| at(view.next_offset));
    let facts =
        json!({"offset": view.offset, "next_offset": view.next_offset, "bytes": view.bytes});
    Ok(Reply::default()
        .text(at(view.offset), "text/plain", view.text)
        .guide(address.place.uri(), object(facts), next))
}

fn artifact(address: &Address, file: std::fs::File, artifact: &ArtifactView) -> Result<Reply> {
    let (query, kind, total) = (&address.query, &*artifact.mime_type, artifact.bytes);
    let failed = |error| Error::storage("read the artifact", error);
    if query.bytes.is_none() && !is_image(kind) {
        let usual = if total <= MOST { MOST } else { USUAL };
        let most = query.max_bytes.unwrap_or(usual).clamp(1, MOST);
        let begin = query.offset.unwrap_or(0).min(total);
        let raw = files::read_at(&file, begin, most.min(total - begin)).map_err(failed)?;
        let at_end = begin + raw.len() as u64 >= total;
        if let Some(text) = whole_text(&raw, at_end) {
            return Ok(text_of(address, artifact, begin, text));
        }
    }
    if query.offset.is_some() || query.max_bytes.is_some() {
        let message = format!("{kind} does not come in parts of text");
        let error = Error::new(Code::InvalidArgument, message);
        return Err(error.remedy("Give the URI `bytes=0-`, or no parameter for the whole."));
    }
    let source = Source::File(file);
    match query.bytes {
        Some(span) => source::bytes(address, &source, span, kind),
        None if total > MOST_BYTES => Ok(source::too_large(address, total)),
        None => source::bytes(address, &source, source::WHOLE, kind),
    }
}

fn text_of(address: &Address, artifact: &ArtifactView, begin: u64, text: &str) -> Reply {
    let (total, count) = (artifact.bytes, text.len() as u64);
    let end = begin + count;
    let shown = clean::text(text, usize::MAX);
    if begin == 0 && end == total {
        return Reply::default().text(address.uri(), &artifact.mime_type, shown);
    }
    let at = |offset, max_bytes| {
        address.with(&Query {
            offset: Some(offset),
            max_bytes,
            ..Query::default()
        })
    };
    let next = (end < total).then(|| at(end, address.query.max_bytes));
    let facts = json!({"offset": begin, "next_offset": end, "bytes": total});
    Reply::default()
        .text(at(begin, Some(count)), &artifact.mime_type, shown)
        .guide(address.place.uri(), object(facts), next)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
