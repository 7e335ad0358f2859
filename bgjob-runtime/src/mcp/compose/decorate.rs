//! A server's handler with background tools around it.
//!
//! Every method of the trait has a default, so one that is not passed on would silently answer in the
//! inner handler's place. `tests/delegation` reads the trait in the locked protocol library and fails
//! on a method that is missing here.

#![expect(
    deprecated,
    reason = "the inner server may serve clients that use what is deprecated"
)]

use std::borrow::Cow;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
    CompleteRequestParams, CompleteResult, CustomNotification, CustomRequest, CustomResult,
    DiscoverResult, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams,
    GetSkillResult, GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion,
    ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ReadResourceRequestParams,
    ReadResourceResponse, ServerCapabilities, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::{both, collision, introduce, names, refuse_collisions};
use crate::mcp::jobs::Jobs;
use crate::mcp::resources;
use crate::mcp::server::answer_panics;

type Request = RequestContext<RoleServer>;
type Notification = NotificationContext<RoleServer>;

/// A server `S` that has background tools beside its own. Whatever `S` answers, it still answers; the
/// background tools and their tasks (SEP-2663) are added.
///
/// ```no_run
/// use bgjob_runtime::mcp::{LineTransport, WithJobs, stdio};
/// use rmcp::{ServerHandler, ServiceExt};
///
/// async fn serve(
///     mine: impl ServerHandler,
///     app: bgjob_runtime::App,
/// ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     let (input, output) = stdio()?;
///     let transport = LineTransport::new(input, output);
///     let jobs = app.jobs(transport.ended())?;
///     let server = WithJobs::new(mine, jobs)?;
///     server.serve(transport).await?.waiting().await?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct WithJobs<S> {
    inner: S,
    jobs: Jobs,
}

impl<S: ServerHandler> WithJobs<S> {
    /// Adds `jobs` to `inner`.
    ///
    /// # Errors
    /// When `inner` has a tool of one of their names, as far as its `get_tool` tells; where that is
    /// not implemented, `tools/list` fails instead.
    pub fn new(inner: S, jobs: Jobs) -> Result<Self, String> {
        for name in jobs.tool_names() {
            if inner.get_tool(name).is_some() {
                return Err(collision(name));
            }
        }
        Ok(WithJobs {
            inner,
            jobs: jobs.with_resources(),
        })
    }

    /// Adds what `inner` does not say of itself.
    fn introduce(&self, capabilities: &mut ServerCapabilities, instructions: &mut Option<String>) {
        introduce(capabilities, instructions);
        resources::advertise(capabilities);
    }

    /// Adds what `inner` does not say of itself in answer to this request.
    fn introduce_to(
        &self,
        context: &Request,
        capabilities: &mut ServerCapabilities,
        instructions: &mut Option<String>,
    ) {
        let own = capabilities.resources.clone().unwrap_or_default();
        self.introduce(capabilities, instructions);
        if own.subscribe != Some(true) {
            resources::as_of(capabilities, context);
        }
    }

    /// Whether a task is for the inner server: one that has tasks, and this is no job of ours.
    async fn is_inner_task(&self, id: &str, context: &Request) -> bool {
        self.inner.get_info().capabilities.supports_tasks()
            && !self.jobs.owns_task(id, context).await
    }
}

/// The page, or an empty one of a server that has nothing of the kind.
fn or_none<T: Default>(page: Result<T, ErrorData>) -> Result<T, ErrorData> {
    match page {
        Err(error) if error.code == ErrorCode::METHOD_NOT_FOUND => Ok(T::default()),
        page => page,
    }
}

impl<S: ServerHandler> ServerHandler for WithJobs<S> {
    fn get_info(&self) -> ServerConfig {
        let mut info = self.inner.get_info();
        self.introduce(&mut info.capabilities, &mut info.instructions);
        info
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: Request,
    ) -> Result<InitializeResult, ErrorData> {
        self.jobs.begin();
        let mut result = self.inner.initialize(request, context.clone()).await?;
        let (capabilities, instructions) = (&mut result.capabilities, &mut result.instructions);
        self.introduce_to(&context, capabilities, instructions);
        Ok(result)
    }

    fn negotiate_initialize(
        &self,
        request: &InitializeRequestParams,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.inner.negotiate_initialize(request)?;
        self.introduce(&mut result.capabilities, &mut result.instructions);
        Ok(result)
    }

    async fn discover(&self, context: Request) -> Result<DiscoverResult, ErrorData> {
        self.jobs.begin();
        let mut result = self.inner.discover(context).await?;
        self.introduce(&mut result.capabilities, &mut result.instructions);
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: Request,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.jobs.has(&request.name) {
            answer_panics(self.jobs.call(request, &context)).await
        } else {
            self.inner.call_tool(request, context).await
        }
    }

    /// The inner server's tools, then the background ones: on the last page.
    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Request,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut page: ListToolsResult = or_none(self.inner.list_tools(request, context).await)?;
        refuse_collisions(&self.jobs, names(&page.tools))
            .map_err(|problem| ErrorData::internal_error(problem, None))?;
        if page.next_cursor.is_none() {
            page.tools.extend_from_slice(self.jobs.tools());
        }
        Ok(page)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        match self.jobs.tool(name) {
            Some(tool) => Some(tool.clone()),
            None => self.inner.get_tool(name),
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: Request,
    ) -> Result<GetTaskResult, ErrorData> {
        if self.is_inner_task(&request.task_id, &context).await {
            return self.inner.get_task(request, context).await;
        }
        answer_panics(self.jobs.get_task(request, &context)).await
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: Request,
    ) -> Result<(), ErrorData> {
        if self.is_inner_task(&request.task_id, &context).await {
            return self.inner.update_task(request, context).await;
        }
        answer_panics(self.jobs.update_task(request, &context)).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: Request,
    ) -> Result<(), ErrorData> {
        if self.is_inner_task(&request.task_id, &context).await {
            return self.inner.cancel_task(request, context).await;
        }
        answer_panics(self.jobs.cancel_task(request, &context)).await
    }

    /// The inner server's resources, then ours.
    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Request,
    ) -> Result<ListResourcesResult, ErrorData> {
        let cursor = request.as_ref().and_then(|request| request.cursor.as_ref());
        if cursor.is_some_and(|cursor| self.jobs.is_resource_cursor(cursor)) {
            return answer_panics(self.jobs.list_resources(request, &context)).await;
        }
        let own = self.inner.list_resources(request, context.clone()).await;
        answer_panics(self.jobs.resources_after(or_none(own)?, &context)).await
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Request,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let own = self.inner.list_resource_templates(request, context).await;
        Ok(self.jobs.templates_after(or_none(own)?))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: Request,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if self.jobs.is_resource(&request.uri) {
            let read = answer_panics(self.jobs.read_resource(request, &context)).await?;
            return Ok(read.into());
        }
        self.inner.read_resource(request, context).await
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        let ours = self.jobs.accepted_resources(requested);
        let inner = self.inner.accepted_subscription_filter(requested);
        Some(both(inner.unwrap_or_default(), ours))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let (sink, request) = (context.sink().clone(), context.request_context().clone());
        let ours = answer_panics(self.jobs.tell_of_resources(sink, &request));
        // Each goes on until the client leaves; who ends it before, ends both.
        tokio::select! {
            ended = ours => ended,
            ended = self.inner.listen(context) => ended,
        }
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: Request,
    ) -> Result<(), ErrorData> {
        if self.jobs.is_resource(&request.uri) {
            return answer_panics(self.jobs.subscribe(request.uri, &context)).await;
        }
        self.inner.subscribe(request, context).await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: Request,
    ) -> Result<(), ErrorData> {
        if self.jobs.is_resource(&request.uri) {
            return answer_panics(self.jobs.unsubscribe(request.uri, &context)).await;
        }
        self.inner.unsubscribe(request, context).await
    }

    // The rest is the inner server's alone.

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.inner.supported_protocol_versions()
    }

    async fn ping(&self, context: Request) -> Result<(), ErrorData> {
        self.inner.ping(context).await
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: Request,
    ) -> Result<CompleteResult, ErrorData> {
        self.inner.complete(request, context).await
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: Request,
    ) -> Result<(), ErrorData> {
        self.inner.set_level(request, context).await
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: Request,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.inner.get_prompt(request, context).await
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Request,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.inner.list_prompts(request, context).await
    }

    async fn read_resource_directory(
        &self,
        request: ReadResourceDirectoryRequestParams,
        context: Request,
    ) -> Result<ReadResourceDirectoryResult, ErrorData> {
        self.inner.read_resource_directory(request, context).await
    }

    async fn list_skills(
        &self,
        request: Option<PaginatedRequestParams>,
        context: Request,
    ) -> Result<ListSkillsResult, ErrorData> {
        self.inner.list_skills(request, context).await
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        context: Request,
    ) -> Result<GetSkillResult, ErrorData> {
        self.inner.get_skill(request, context).await
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: Request,
    ) -> Result<CustomResult, ErrorData> {
        self.inner.on_custom_request(request, context).await
    }

    async fn on_cancelled(&self, notification: CancelledNotificationParam, context: Notification) {
        self.inner.on_cancelled(notification, context).await;
    }

    async fn on_progress(&self, notification: ProgressNotificationParam, context: Notification) {
        self.inner.on_progress(notification, context).await;
    }

    async fn on_initialized(&self, context: Notification) {
        self.inner.on_initialized(context).await;
    }

    async fn on_roots_list_changed(&self, context: Notification) {
        self.inner.on_roots_list_changed(context).await;
    }

    async fn on_custom_notification(
        &self,
        notification: CustomNotification,
        context: Notification,
    ) {
        self.inner
            .on_custom_notification(notification, context)
            .await;
    }
}
