//! The servers that the MCP conformance suite judges; `tests/it/conformance.rs` runs it.
//!
//! `serve --http ADDR` is an ordinary program, but for letting anybody in: the suite sends no tokens.
//! `beside ADDR` has tools of its own, as the suite's task scenarios ask for, beside background tools
//! that run as real jobs.

#[path = "../fixture/asks.rs"]
mod asks;

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;

use bgjob_runtime::mcp::rmcp::handler::server::tool::schema_for_type;
use bgjob_runtime::mcp::rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest,
    ElicitRequestParams, Implementation, InputRequest, InputRequests, InputRequiredResult,
    ListPromptsRequestMethod, ListPromptsResult, ListResourcesRequestMethod, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use bgjob_runtime::mcp::rmcp::service::RequestContext;
use bgjob_runtime::mcp::rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use bgjob_runtime::mcp::rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService,
};
use bgjob_runtime::mcp::rmcp::{ErrorData, RoleServer, ServerHandler};
use bgjob_runtime::mcp::{Ended, HttpOptions, Jobs, WithJobs};
use bgjob_runtime::{App, Job, Owner};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

fn app() -> App {
    let anybody = |_: &http::request::Parts| Owner::new("anybody").ok();
    App::new("conformance", env!("CARGO_PKG_VERSION"))
        .http(HttpOptions::default().authenticate(anybody))
}

fn main() -> ExitCode {
    if let Some(code) = bgjob_runtime::enter() {
        return code;
    }
    let words: Vec<String> = std::env::args().collect();
    match &words[..] {
        [_, beside, address] if beside == "beside" => match serve_beside(address) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        _ => app().run(),
    }
}

#[tokio::main]
async fn serve_beside(address: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let jobs = app()
        .jobs(Ended::new())?
        .owned_by(|_| Owner::new("anybody").ok());
    let handler = WithJobs::new(Beside { jobs: jobs.clone() }, jobs)?;
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let sessions = Arc::<NeverSessionManager>::default();
    let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
    let listener = tokio::net::TcpListener::bind(address).await?;
    eprintln!("MCP is at http://{}/mcp", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        let answer = service_fn(move |request| {
            let service = service.clone();
            async move { Ok::<_, Infallible>(service.handle(request).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

/// A server that had tools before it had jobs.
#[derive(Clone)]
struct Beside {
    jobs: Jobs,
}

#[derive(Deserialize, JsonSchema)]
struct Greeting {
    name: String,
}

#[derive(JsonSchema)]
struct Nothing {}

fn greet() -> Tool {
    Tool::new("greet", "Greets at once.", schema_for_type::<Greeting>())
}

fn ask_then_work() -> Tool {
    Tool::new(
        "test_tool_with_task",
        "Asks for a name before it starts a job that says it.",
        schema_for_type::<Nothing>(),
    )
}

impl ServerHandler for Beside {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("conformance", "1"))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        [greet(), ask_then_work()]
            .into_iter()
            .find(|tool| tool.name == name)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![
            greet(),
            ask_then_work(),
        ]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match (&*request.name, &request.input_responses) {
            ("greet", _) => {
                let arguments = Value::Object(request.arguments.unwrap_or_default());
                let greeting: Greeting = serde_json::from_value(arguments)
                    .map_err(|error| ErrorData::invalid_params(error.to_string(), None))?;
                let text = format!("Hello, {}!", greeting.name);
                Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
            }
            ("test_tool_with_task", None) => Ok(ask_name()?.into()),
            ("test_tool_with_task", Some(answers)) => {
                let name = answers["user_name"]["content"]["name"].as_str();
                let arguments = json!({"label": name.unwrap_or("nobody")});
                let mut work = CallToolRequestParams::new("slow_compute");
                work.arguments = arguments.as_object().cloned();
                self.jobs.call(work, &context).await
            }
            _ => Err(ErrorData::invalid_params("no such tool", None)),
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }
}

/// The question before the job (SEP-2322).
fn ask_name() -> Result<InputRequiredResult, ErrorData> {
    let schema =
        json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    let requested_schema = serde_json::from_value(schema)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "What is your name?".into(),
        requested_schema,
    };
    let mut requests = InputRequests::new();
    requests.insert(
        "user_name".into(),
        InputRequest::Elicitation(ElicitRequest::new(params)),
    );
    Ok(InputRequiredResult::new(Some(requests), None))
}

pub(crate) fn wait_at(job: &Job, socket: &str) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    writeln!(stream, "{} {}", job.id(), job.attempt())?;
    let mut word = [0u8; 1];
    stream.read_exact(&mut word)
}
