//! Background tools as routes of a server's own router.

use rmcp::RoleServer;
use rmcp::handler::server::router::tool::{ToolRoute, ToolRouter};
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::model::{CallToolRequestParams, InitializeResult};

use super::{introduce, refuse_collisions};
use crate::mcp::jobs::Jobs;
use crate::mcp::resources;
use crate::mcp::server::answer_panics;

impl Jobs {
    /// Adds the background tools, and those that follow their jobs, to a server's own router.
    ///
    /// A server that does so also says what it can do, with [`Jobs::introduce`], and answers for the
    /// tasks, with [`task_methods!`](crate::task_methods); without them clients that have tasks get
    /// handles that nobody answers for.
    ///
    /// # Errors
    /// When the router has a tool of one of these names: a programmer's error, in words for one.
    pub fn merge_into<S: Send + Sync + 'static>(
        &self,
        router: &mut ToolRouter<S>,
    ) -> Result<(), String> {
        refuse_collisions(self, router.map.keys().map(|name| &**name))?;
        for tool in self.tools() {
            let jobs = self.clone();
            let route = ToolRoute::new_dyn(tool.clone(), move |call: ToolCallContext<'_, S>| {
                let jobs = jobs.clone();
                Box::pin(async move {
                    let (params, context) = split(call);
                    answer_panics(jobs.call(params, &context)).await
                })
            });
            router.add_route(route);
        }
        Ok(())
    }

    /// Adds to what a server says of itself: that it has tools and tasks, and resources if
    /// [`Jobs::with_resources`] says so, and how models follow jobs.
    pub fn introduce(&self, info: &mut InitializeResult) {
        introduce(&mut info.capabilities, &mut info.instructions);
        if self.has_resources() {
            resources::advertise(&mut info.capabilities);
        }
    }
}

type Context = rmcp::service::RequestContext<RoleServer>;

fn split<S>(call: ToolCallContext<'_, S>) -> (CallToolRequestParams, Context) {
    let mut params = CallToolRequestParams::new(call.name);
    params.arguments = call.arguments;
    params.input_responses = call.input_responses;
    params.request_state = call.request_state;
    (params, call.request_context)
}

/// The three methods of `rmcp::ServerHandler` that answer for tasks (SEP-2663), for a server that
/// keeps a [`Jobs`](crate::mcp::Jobs) in the field of this name and has merged its routes.
///
/// ```ignore
/// #[tool_handler(router = self.router)]
/// impl ServerHandler for Workshop {
///     bgjob_runtime::task_methods!(jobs);
/// }
/// ```
#[macro_export]
macro_rules! task_methods {
    ($jobs:ident) => {
        async fn get_task(
            &self,
            request: $crate::mcp::rmcp::model::GetTaskParams,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<
            $crate::mcp::rmcp::model::GetTaskResult,
            $crate::mcp::rmcp::ErrorData,
        > {
            self.$jobs.get_task(request, &context).await
        }

        async fn update_task(
            &self,
            request: $crate::mcp::rmcp::model::UpdateTaskParams,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<(), $crate::mcp::rmcp::ErrorData> {
            self.$jobs.update_task(request, &context).await
        }

        async fn cancel_task(
            &self,
            request: $crate::mcp::rmcp::model::CancelTaskParams,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<(), $crate::mcp::rmcp::ErrorData> {
            self.$jobs.cancel_task(request, &context).await
        }
    };
}

/// The methods of `rmcp::ServerHandler` that answer for the resources of jobs and state, and tell of their
/// changes, for a server that keeps [`Jobs`](crate::mcp::Jobs) in the field of this name, made with
/// [`Jobs::with_resources`](crate::mcp::Jobs::with_resources).
///
/// A server that has resources of its own writes these methods itself and asks
/// [`Jobs::is_resource`](crate::mcp::Jobs::is_resource) whose a URI is;
/// [`Jobs::resources_after`](crate::mcp::Jobs::resources_after) adds to its list.
///
/// ```ignore
/// #[tool_handler(router = self.router)]
/// impl ServerHandler for Workshop {
///     bgjob_runtime::task_methods!(jobs);
///     bgjob_runtime::resource_methods!(jobs);
/// }
/// ```
#[macro_export]
macro_rules! resource_methods {
    ($jobs:ident) => {
        async fn list_resources(
            &self,
            request: ::core::option::Option<$crate::mcp::rmcp::model::PaginatedRequestParams>,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<
            $crate::mcp::rmcp::model::ListResourcesResult,
            $crate::mcp::rmcp::ErrorData,
        > {
            self.$jobs.list_resources(request, &context).await
        }

        async fn list_resource_templates(
            &self,
            _: ::core::option::Option<$crate::mcp::rmcp::model::PaginatedRequestParams>,
            _: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<
            $crate::mcp::rmcp::model::ListResourceTemplatesResult,
            $crate::mcp::rmcp::ErrorData,
        > {
            ::core::result::Result::Ok(self.$jobs.list_resource_templates())
        }

        async fn read_resource(
            &self,
            request: $crate::mcp::rmcp::model::ReadResourceRequestParams,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<
            $crate::mcp::rmcp::model::ReadResourceResponse,
            $crate::mcp::rmcp::ErrorData,
        > {
            let read = self.$jobs.read_resource(request, &context).await?;
            ::core::result::Result::Ok(read.into())
        }

        fn accepted_subscription_filter(
            &self,
            requested: &$crate::mcp::rmcp::model::SubscriptionFilter,
        ) -> ::core::option::Option<$crate::mcp::rmcp::model::SubscriptionFilter> {
            ::core::option::Option::Some(self.$jobs.accepted_resources(requested))
        }

        async fn listen(
            &self,
            context: $crate::mcp::rmcp::service::SubscriptionContext,
        ) -> ::core::result::Result<(), $crate::mcp::rmcp::ErrorData> {
            let (sink, request) = (context.sink().clone(), context.request_context());
            self.$jobs.tell_of_resources(sink, request).await
        }

        async fn subscribe(
            &self,
            request: $crate::mcp::rmcp::model::SubscribeRequestParams,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<(), $crate::mcp::rmcp::ErrorData> {
            self.$jobs.subscribe(request.uri, &context).await
        }

        async fn unsubscribe(
            &self,
            request: $crate::mcp::rmcp::model::UnsubscribeRequestParams,
            context: $crate::mcp::rmcp::service::RequestContext<$crate::mcp::rmcp::RoleServer>,
        ) -> ::core::result::Result<(), $crate::mcp::rmcp::ErrorData> {
            self.$jobs.unsubscribe(request.uri, &context).await
        }
    };
}
