//! The tools of a service, whoever serves them: what there is to call, and calling it.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResponse, Tool};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value};
use tracing::Instrument;

use super::beside::Beside;
use super::caller::{Caller, OwnerOf, usual_owner};
use super::catalog::{Catalog, Kind};
use super::envelope::Reply;
use super::hints::Hints;
use super::names::{JobTools, Names};
use super::remedy::for_agents;
use super::resources::{self, Watchers};
use super::tasks;
use super::tools::{answer, cancel, list, logs, results, retry, state, status, submit, system};
use super::transport::Ended;
use super::wake::{Waiting, Wake};
use crate::error::{Error, Result};
use crate::job::id::JobId;
use crate::job::request::Owner;
use crate::service::JobService;

/// The background tools of a program and the tools that follow their jobs. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
    owner_of: OwnerOf,
    /// Whether the server answers for resources.
    resources: bool,
}

struct Inner {
    service: Arc<JobService>,
    catalog: Catalog,
    names: Names,
    hints: Hints,
    wake: OnceLock<Option<Wake>>,
    beside: Beside,
    watchers: Watchers,
    ended: Ended,
}

/// What a call came to.
#[derive(Debug)]
pub struct Answer {
    /// What the model is told.
    pub reply: Reply,
    /// Whether the call did not do what it is for.
    pub is_error: bool,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Answer {
            reply,
            is_error: false,
        }
    }
}

impl Jobs {
    /// The tools of `service`. `ended` fires when the client has left: waits then end at once.
    ///
    /// # Errors
    /// When two tools would have the same name: a programmer's error, in words for one.
    pub fn new(
        service: Arc<JobService>,
        job_tools: JobTools,
        ended: Ended,
    ) -> Result<Self, String> {
        let catalog = Catalog::new(service.registry(), job_tools)?;
        Ok(Jobs {
            inner: Arc::new(Inner {
                beside: Beside::new(Arc::clone(&service)),
                service,
                catalog,
                names: Names(job_tools),
                hints: Hints::default(),
                wake: OnceLock::new(),
                watchers: Watchers::default(),
                ended,
            }),
            owner_of: Arc::new(usual_owner),
            resources: false,
        })
    }

    /// Says whose request this is, for a server that knows its users. Jobs and state belong to their
    /// owner, and no other finds them. `None` refuses the request.
    ///
    /// Unless this is called, requests are the local user's; but such as came over HTTP are refused,
    /// since they may be anybody's.
    ///
    /// ```
    /// use bgjob_runtime::{Owner, mcp::Jobs};
    ///
    /// /// Put into the request's extensions by the layer that authenticates.
    /// #[derive(Clone)]
    /// struct Subject(String);
    ///
    /// fn for_each_user(jobs: Jobs) -> Jobs {
    ///     jobs.owned_by(|context| {
    ///         let parts = context.extensions.get::<http::request::Parts>()?;
    ///         let Subject(subject) = parts.extensions.get::<Subject>()?;
    ///         Owner::new(subject).ok()
    ///     })
    /// }
    /// ```
    #[must_use]
    pub fn owned_by(
        mut self,
        owner_of: impl Fn(&RequestContext<RoleServer>) -> Option<Owner> + Send + Sync + 'static,
    ) -> Self {
        self.owner_of = Arc::new(owner_of);
        self
    }

    /// Says that the server answers for the resources of jobs and state: replies then link to them, and
    /// [`Jobs::introduce`] declares them. [`Server`](crate::mcp::Server) and
    /// [`WithJobs`](crate::mcp::WithJobs) do; a server that merges routes answers with
    /// [`resource_methods!`](crate::resource_methods).
    #[must_use]
    pub fn with_resources(mut self) -> Self {
        self.resources = true;
        self
    }

    /// Everything about jobs and state goes through what this returns.
    ///
    /// # Errors
    /// -32600 when nobody knows whose request this is.
    pub(super) fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        match (self.owner_of)(context) {
            Some(owner) => Ok(Caller::new(self.clone(), owner)),
            None => Err(ErrorData::invalid_request(
                "this server does not know whose jobs to look at: the request has no known user",
                None,
            )),
        }
    }

    /// Every tool, as `tools/list` gives it: the program's own, then those that follow jobs.
    pub fn tools(&self) -> &[Tool] {
        self.inner.catalog.tools()
    }

    /// The tool of that name.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.inner.catalog.tool(name)
    }

    /// The names of the tools, as they are listed.
    pub(super) fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.inner.catalog.names()
    }

    /// Whether there is a tool of that name. Unlike [`Jobs::tool`] it makes no schema.
    pub fn has(&self, name: &str) -> bool {
        self.inner.catalog.has(name)
    }

    /// Does what a server does at its first request, beside the answer: collects jobs that ended
    /// unseen, starts queued ones, prunes. Calling a tool does so too.
    pub fn begin(&self) {
        self.inner.beside.begin();
    }

    /// Waits for processes that are being started, at most for `limit`.
    pub async fn finish(&self, limit: Duration) {
        self.inner.beside.finish(limit).await;
    }

    /// Calls a tool. A tool that starts a job answers with a task where the client has tasks
    /// (SEP-2663), else with a handle.
    ///
    /// # Errors
    /// A JSON-RPC error when there is no tool of that name. Everything else, refusals included, is
    /// a tool result, so that the model sees it.
    pub async fn call(
        &self,
        params: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let span = tracing::info_span!("call", tool = %super::clean::line(&params.name, 64));
        self.called(params, context).instrument(span).await
    }

    async fn called(
        &self,
        params: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.begin();
        let Some((kind, signature)) = self.inner.catalog.find(&params.name) else {
            let near = crate::error::nearest(&params.name, self.tool_names());
            let near = near
                .map(|name| format!("; did you mean `{name}`?"))
                .unwrap_or_default();
            let shown = super::clean::line(&params.name, 64);
            return Err(ErrorData::invalid_params(
                format!("there is no tool `{shown}`{near}"),
                None,
            ));
        };
        if let Kind::Start(tool) = kind {
            tasks::admit(tool, context)?;
        }
        let caller = self.caller(context)?;
        let given = params.arguments.unwrap_or_default();
        let checked = match signature {
            Some(signature) => signature.check(&params.name, given),
            None => Ok(given),
        };
        let answer = match (checked, kind) {
            (Ok(input), Kind::Start(tool)) if tasks::negotiated(context) => {
                match tasks::start(&caller, tool, input, context).await {
                    Ok(task) => return Ok(CallToolResponse::Task(task)),
                    Err(error) => Err(error),
                }
            }
            (Ok(arguments), kind) => caller.dispatch(kind, arguments, context).await,
            (Err(error), _) => Err(error),
        };
        let answer = answer.unwrap_or_else(|error| self.refusal(error));
        let mut reply = answer.reply;
        if !(self.resources && resources::can_be_linked(context)) {
            reply.without_links();
        }
        Ok(reply.into_result(answer.is_error).into())
    }

    /// A refusal with a remedy that works over MCP.
    pub(super) fn refusal(&self, error: Error) -> Answer {
        Answer {
            reply: Reply::rejected(for_agents(error, self.names(), None)),
            is_error: true,
        }
    }

    /// What runs beside the answers.
    pub(super) fn beside(&self) -> &Beside {
        &self.inner.beside
    }

    pub(super) fn names(&self) -> Names {
        self.inner.names
    }

    pub(super) fn hints(&self) -> &Hints {
        &self.inner.hints
    }

    pub(super) fn ended(&self) -> &Ended {
        &self.inner.ended
    }

    pub(super) fn watchers(&self) -> &Watchers {
        &self.inner.watchers
    }

    pub(super) fn has_resources(&self) -> bool {
        self.resources
    }

    pub(super) fn service(&self) -> &Arc<JobService> {
        &self.inner.service
    }

    /// Watches some jobs; `None` where inotify is not to be had.
    pub(super) fn watch(&self, ids: &[JobId]) -> Option<Waiting> {
        self.watch_with(ids, None)
    }

    /// Watches some jobs, and the state of `owner`.
    pub(super) fn watch_with(&self, ids: &[JobId], owner: Option<&Owner>) -> Option<Waiting> {
        let wake = self.inner.wake.get_or_init(|| Wake::new().ok()).as_ref()?;
        let data = self.service().data();
        let state = owner.map(|owner| data.state_file(owner, "any"));
        let state = state.as_deref().and_then(Path::parent);
        let dirs: Vec<_> = ids.iter().map(|id| data.job(id)).collect();
        wake.watch(&dirs, state)
    }
}

impl Caller {
    async fn dispatch(
        &self,
        kind: Kind,
        arguments: Map<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answer> {
        match kind {
            Kind::Start(tool) => submit::call(self, tool, arguments, context).await,
            Kind::Status(tool) => status::call(self, tool, read(arguments)?, context).await,
            Kind::Results(tool) => results::call(self, tool, read(arguments)?).await,
            Kind::List => list::call(self, read(arguments)?).await,
            Kind::Answer => answer::call(self, read(arguments)?).await,
            Kind::Cancel => cancel::call(self, read(arguments)?).await,
            Kind::Logs => logs::call(self, read(arguments)?).await,
            Kind::Retry => retry::call(self, read(arguments)?).await,
            Kind::GetState => state::get(self, read(arguments)?).await,
            Kind::ResetState => state::reset(self, read(arguments)?).await,
            Kind::System => system::call(self).await,
        }
    }
}

/// The checked arguments as a struct.
fn read<T: serde::de::DeserializeOwned>(arguments: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Error::new(crate::error::Code::InvalidArgument, error.to_string()))
}
