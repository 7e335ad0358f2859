//! The workshop with background tools among its routes: for a handler that keeps its router.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bgjob_runtime::App;
use bgjob_runtime::mcp::{Ended, Jobs, LineTransport, stdio};
use embed_in_rmcp::{Hole, describe};
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest,
    ElicitRequestParams, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult,
    ProtocolVersion, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, json};

#[derive(Clone)]
struct Merged {
    router: ToolRouter<Self>,
    jobs: Jobs,
}

#[tool_router]
impl Merged {
    /// Lists the machines.
    #[tool]
    fn machines(&self) -> String {
        "mill, lathe, laser".to_owned()
    }

    /// Orders cuts as order_cuts does, and asks first with which hole to begin.
    #[tool]
    async fn ask_and_order_cuts(
        &self,
        Parameters(plate): Parameters<Plate>,
        InputResponses(answers): InputResponses,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut call = CallToolRequestParams::new("order_cuts");
        let mut arguments = Map::from_iter([("holes".to_owned(), json!(plate.holes))]);
        match answers {
            // The question is the reply; the client calls again with the answer (SEP-2322).
            None if can_ask(&context) => return Ok(ask_first(plate.holes.len())?.into()),
            None => {}
            Some(answers) => match &answers["first"] {
                answer if answer["action"] == "accept" => {
                    arguments.insert("first".to_owned(), answer["content"]["first"].clone());
                }
                _ => {
                    let text =
                        ContentBlock::text("Nothing was started: nobody said where to begin.");
                    return Ok(CallToolResult::error(vec![text]).into());
                }
            },
        }
        // From here on it is a call like any other: checked, durable, a task or a handle.
        call.arguments = Some(arguments);
        self.jobs.call(call, &context).await
    }
}

/// A plate to be cut.
#[derive(Deserialize, JsonSchema)]
struct Plate {
    /// Its holes.
    holes: Vec<Hole>,
}

/// Whether the client takes a question for an answer, and has somebody to put it to.
fn can_ask(context: &RequestContext<RoleServer>) -> bool {
    let newer = |version: ProtocolVersion| version >= ProtocolVersion::V_2026_07_28;
    let elicits = |client: rmcp::model::ClientCapabilities| client.elicitation.is_some();
    context.protocol_version().is_some_and(newer)
        && context.client_capabilities().is_some_and(elicits)
}

fn ask_first(holes: usize) -> Result<InputRequiredResult, ErrorData> {
    let last = i64::try_from(holes).unwrap_or(i64::MAX).saturating_sub(1);
    let form = ElicitationSchema::builder()
        .required_integer("first", 0, last.max(0))
        .build()
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let request = ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: format!("With which of the {holes} holes does the tool begin?"),
        requested_schema: form,
    });
    let requests = InputRequests::from([("first".into(), InputRequest::Elicitation(request))]);
    Ok(InputRequiredResult::new(Some(requests), None))
}

impl Merged {
    fn new(ended: Ended) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let jobs = App::new("workshop", env!("CARGO_PKG_VERSION"))
            .jobs(ended)?
            .with_resources();
        let mut router = Self::tool_router();
        jobs.merge_into(&mut router)?;
        Ok(Merged { router, jobs })
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Merged {
    fn get_info(&self) -> ServerConfig {
        let mut info = describe();
        self.jobs.introduce(&mut info);
        info
    }

    bgjob_runtime::task_methods!(jobs);
    bgjob_runtime::resource_methods!(jobs);
}

fn main() -> ExitCode {
    if let Some(code) = bgjob_runtime::enter() {
        return code;
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (input, output) = stdio()?;
    let transport = LineTransport::new(input, output);
    let server = Merged::new(transport.ended())?;
    let jobs = server.jobs.clone();
    server.serve(transport).await?.waiting().await?;
    jobs.finish(Duration::from_millis(100)).await;
    Ok(())
}
