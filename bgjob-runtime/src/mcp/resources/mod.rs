//! Jobs and state as resources: results, logs, artifacts and fields under `bgjob://` URIs, listed,
//! read in parts, and watched.
//!
//! `uri` and `query` say what a URI names; `list` what there is; `read` what is in it, by `source` for what may be
//! large and `reply` for the answer; `updates` tells of changes. Everything is looked up through a
//! [`Caller`](super::caller::Caller), so a foreign job's resources are none.

mod list;
mod query;
mod read;
mod reply;
mod source;
mod updates;
mod uri;

use rmcp::model::{
    ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResult, Resource, ServerCapabilities,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use super::caller::is_over_http;
use super::jobs::Jobs;
use crate::error::{Code, Error};
use crate::job::artifact::ArtifactView;
use crate::job::id::JobId;
pub(super) use updates::Watchers;
use uri::{Address, LONGEST, Place, Refused, SCHEME};

/// Adds that a server has resources, and tells of their changes.
pub(super) fn advertise(capabilities: &mut ServerCapabilities) {
    let resources = capabilities.resources.get_or_insert_with(Default::default);
    resources.subscribe = Some(true);
}

/// What is true for one session: over HTTP its requests come one by one, and nothing can be pushed.
pub(super) fn as_of(capabilities: &mut ServerCapabilities, context: &RequestContext<RoleServer>) {
    if let Some(resources) = &mut capabilities.resources
        && is_over_http(context)
    {
        resources.subscribe = None;
    }
}

/// The URI of a job's result.
pub(super) fn result_uri(id: &JobId) -> String {
    Place::Result(id.clone()).uri()
}

/// The URI of a state field.
pub(super) fn field_uri(field: &str) -> String {
    Place::Field(field.to_owned()).uri()
}

/// Whether a client knows links in replies; older ones refuse a reply that holds one.
pub(super) fn can_be_linked(context: &RequestContext<RoleServer>) -> bool {
    speaks(context, &ProtocolVersion::V_2025_06_18)
}

fn speaks(context: &RequestContext<RoleServer>, version: &ProtocolVersion) -> bool {
    let spoken = context.protocol_version();
    spoken.is_some_and(|spoken| spoken.as_str() >= version.as_str())
}

/// A link to a job's result.
pub(super) fn link_to_result(id: &JobId, bytes: Option<u64>) -> Resource {
    list::result(id, bytes)
}

/// A link to a file that a job made.
pub(super) fn link_to_artifact(id: &JobId, file: &ArtifactView) -> Resource {
    list::artifact(id, &file.name, &file.mime_type, file.bytes)
}

impl Jobs {
    /// Whether a URI is one of these resources', so that [`Jobs::read_resource`] answers for it.
    pub fn is_resource(&self, uri: &str) -> bool {
        uri.starts_with(SCHEME)
    }

    /// Whether a cursor of `resources/list` is one that [`Jobs::list_resources`] gave.
    pub fn is_resource_cursor(&self, cursor: &str) -> bool {
        list::is_cursor(cursor)
    }

    /// `resources/list`: the state fields of the caller that have a value, then what there is of each
    /// job, newest first, 25 jobs a page.
    ///
    /// # Errors
    /// -32602 for a cursor that is none, or whose job was deleted.
    pub async fn list_resources(
        &self,
        params: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.begin();
        let no_cursor =
            || ErrorData::invalid_params("the cursor is none, or its job was deleted", None);
        let cursor = params.and_then(|params| params.cursor);
        let after = match cursor {
            Some(cursor) => Some(list::job_of(&cursor).ok_or_else(no_cursor)?),
            None => None,
        };
        let page = self
            .caller(context)?
            .blocking(move |service, owner| list::page(service, owner, after))
            .await;
        let (resources, next) = page.map_err(|error| match error.code {
            Code::JobNotFound => no_cursor(),
            _ => self.failure(None, error),
        })?;
        let mut result = ListResourcesResult::with_all_items(resources);
        result.next_cursor = next;
        Ok(result)
    }

    /// The page of a server's own resources, with these after its last.
    ///
    /// # Errors
    /// As for [`Jobs::list_resources`].
    pub async fn resources_after(
        &self,
        mut own: ListResourcesResult,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        if own.next_cursor.is_none() {
            let ours = self.list_resources(None, context).await?;
            own.resources.extend(ours.resources);
            own.next_cursor = ours.next_cursor;
            own.ttl_ms = ours.ttl_ms;
            own.cache_scope = ours.cache_scope;
        }
        Ok(own)
    }

    /// `resources/templates/list`: every kind of URI, with its parameters (RFC 6570).
    pub fn list_resource_templates(&self) -> ListResourceTemplatesResult {
        list::templates()
    }

    /// The page of a server's own templates, with these after its last.
    pub fn templates_after(
        &self,
        mut own: ListResourceTemplatesResult,
    ) -> ListResourceTemplatesResult {
        if own.next_cursor.is_none() {
            own.resource_templates
                .extend(list::templates().resource_templates);
        }
        own
    }

    /// `resources/read`: the whole where it is small; else a part, what it is a part of, and the URI of
    /// the next.
    ///
    /// # Errors
    /// Resource not found (-32002; -32602 from 2026-07-28 on, SEP-2164) for whatever names nothing of
    /// the caller's; -32602 for a wrong parameter.
    pub async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<ReadResourceResult, ErrorData> {
        self.begin();
        let uri = params.uri;
        let caller = self.caller(context)?;
        let read = match Address::parse(&uri) {
            Ok(address) => caller.read(address).await.map_err(Refused::from),
            Err(refused) => Err(refused),
        };
        let caches = speaks(context, &ProtocolVersion::V_2026_07_28);
        read.map(|reply| reply.into_result(caches))
            .map_err(|refused| self.no_resource(&uri, refused))
    }

    fn no_resource(&self, uri: &str, refused: Refused) -> ErrorData {
        match refused {
            Refused::Because(error) => self.failure(Some(uri), *error),
            // Nobody needs a megabyte of it back.
            Refused::Nothing if uri.len() > LONGEST => {
                ErrorData::resource_not_found("no such resource", None)
            }
            Refused::Nothing => {
                ErrorData::resource_not_found("no such resource", Some(json!({"uri": uri})))
            }
        }
    }

    fn failure(&self, uri: Option<&str>, error: Error) -> ErrorData {
        let code = error.code;
        // Made harmless and given a remedy, as in the reply of a tool.
        let told = self.refusal(error).reply.job.error;
        let message = told
            .as_ref()
            .map_or_else(String::new, |told| told.message.clone());
        let mut data = json!(told);
        if let (Some(uri), Value::Object(data)) = (uri, &mut data) {
            data.shift_insert(0, "uri".into(), uri.into());
        }
        match code {
            Code::StorageError => ErrorData::internal_error(message, Some(data)),
            Code::UnknownArgument | Code::InvalidArgument | Code::TooLarge => {
                ErrorData::invalid_params(message, Some(data))
            }
            _ => ErrorData::resource_not_found(message, Some(data)),
        }
    }
}
