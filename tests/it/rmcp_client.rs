//! The client of rmcp itself, in both lifecycles: over HTTP, and over standard input and output.

use std::process::Stdio;
use std::time::{Duration, Instant};

use bgjob_tests::http::{Listening, TOKENS};
use bgjob_tests::mcp::Era;
use bgjob_tests::oracle::Oracle;
use bgjob_tests::{PATIENCE, Sandbox, until};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ClientCapabilities, ClientConfig,
    DetailedTask, ErrorCode, GetTaskParams, Implementation, ProtocolVersion, TaskPayload,
    TaskStatus, UpdateTaskParams,
};
use rmcp::service::{ClientInitializeError, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::sandbox;

type Client = RunningService<RoleClient, ClientConfig>;

const ERAS: [Era; 2] = [Era::Session, Era::SelfContained];

fn lifecycle(era: Era) -> ClientLifecycleMode {
    match era {
        Era::Session => ClientLifecycleMode::Initialize,
        Era::SelfContained => ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
    }
}

/// A client that declares tasks and can ask its user.
fn declared() -> ClientConfig {
    let capabilities = ClientCapabilities::builder()
        .enable_tasks()
        .enable_elicitation()
        .build();
    ClientConfig::new(capabilities, Implementation::new("test", "1"))
}

async fn try_over_http(
    server: &Listening,
    token: &str,
    era: Era,
) -> Result<Client, ClientInitializeError> {
    let url = format!("http://{}/mcp", server.address);
    let config = StreamableHttpClientTransportConfig::with_uri(url).auth_header(token);
    let transport = StreamableHttpClientTransport::from_config(config);
    declared()
        .serve_with_lifecycle(transport, lifecycle(era))
        .await
}

async fn over_http(server: &Listening, user: usize, era: Era) -> Client {
    let client = try_over_http(server, TOKENS[user].1, era).await;
    client.expect("the server lets its user in")
}

/// A client of a server of its own, which is killed with the handle.
async fn over_stdio(sandbox: &Sandbox, era: Era) -> (Client, Child) {
    let mut server = Command::from(sandbox.command(["serve"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the server starts");
    let pipes = (
        server.stdout.take().expect("a pipe"),
        server.stdin.take().expect("a pipe"),
    );
    let client = declared()
        .serve_with_lifecycle(pipes, lifecycle(era))
        .await
        .expect("a client");
    (client, server)
}

fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object")
    };
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

/// Calls a tool that answers at once; its envelope.
async fn reply(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let result = client.call_tool(call(tool, arguments)).await;
    let result = result.unwrap_or_else(|error| panic!("{tool}: {error}"));
    result.structured_content.expect("an envelope")
}

/// Calls a tool that answers with a task; the task's id.
async fn start(client: &Client, tool: &'static str, arguments: Value) -> String {
    match client.call_tool_once(call(tool, arguments)).await {
        Ok(CallToolResponse::Task(created)) => created.task.task_id,
        other => panic!("no task: {other:?}"),
    }
}

async fn look(client: &Client, task: &str) -> DetailedTask {
    let got = client.get_task(GetTaskParams::new(task)).await;
    got.unwrap_or_else(|error| panic!("{task}: {error}")).task
}

/// Polls as often as the server advises, ten times a second, until the task is as it should be.
async fn poll(client: &Client, task: &str, wanted: impl Fn(&DetailedTask) -> bool) -> DetailedTask {
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let polled = async {
        loop {
            beat.tick().await;
            let seen = look(client, task).await;
            let advised = seen.task.poll_interval_ms >= Some(100);
            assert!(advised || seen.status().is_terminal(), "{seen:?}");
            if wanted(&seen) {
                return seen;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, polled).await;
    found.expect("the task becomes what it should be")
}

async fn end_of(client: &Client, task: &str) -> DetailedTask {
    poll(client, task, |task| task.status().is_terminal()).await
}

/// The code of an error that the server answered with.
fn code<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> ErrorCode {
    match answer {
        Err(ServiceError::McpError(error)) => error.code,
        other => panic!("no error of the server's: {other:?}"),
    }
}

/// A tool is called, followed to its end, and its result read, with nothing but tools.
async fn follow(client: &Client, era: Era) {
    let peer = client.peer_info().expect("the server introduced itself");
    let spoken = match era {
        Era::Session => ProtocolVersion::V_2025_11_25,
        Era::SelfContained => ProtocolVersion::V_2026_07_28,
    };
    assert_eq!(peer.protocol_version, spoken);
    let tools = client.list_all_tools().await.expect("a list");
    assert!(tools.iter().any(|tool| tool.name == "add"));
    let id = match client
        .call_tool_once(call("add", json!({"a": 20, "b": 22})))
        .await
    {
        Ok(CallToolResponse::Complete(result)) if era == Era::Session => {
            result.structured_content.expect("an envelope")["job_id"].clone()
        }
        // It declared tasks in words that the older protocol does not have (SEP-2663).
        Ok(CallToolResponse::Task(created)) if era == Era::SelfContained => {
            json!(created.task.task_id)
        }
        other => panic!("{era:?}: {other:?}"),
    };
    let status = json!({"job_id": id, "wait_s": 20});
    let mut seen = reply(client, "get_job_status", status.clone()).await;
    while ["queued", "running"].contains(&seen["state"].as_str().unwrap_or_default()) {
        seen = reply(client, "get_job_status", status.clone()).await;
    }
    assert_eq!(seen["state"], "completed", "{seen}");
    let read = reply(client, "get_job_results", json!({"job_id": id})).await;
    assert_eq!(read["result"], 42, "{read}");
    let refused = client.call_tool(call("add", json!({"a": 1}))).await;
    assert_eq!(refused.expect("a reply").is_error, Some(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tool_is_called_and_followed_in_either_lifecycle_over_either_transport() {
    let sandbox = sandbox();
    let server = Listening::for_users(&sandbox);
    for era in ERAS {
        let client = over_http(&server, 0, era).await;
        follow(&client, era).await;
        client.cancel().await.expect("the client leaves");
        let (client, mut process) = over_stdio(&sandbox, era).await;
        follow(&client, era).await;
        client.cancel().await.expect("the client leaves");
        let left = tokio::time::timeout(PATIENCE, process.wait()).await;
        assert!(left.expect("it leaves, too").expect("a child").success());
    }
}

/// Everything that a task can do, for a client of the newer protocol.
async fn live(client: &Client, other: &Client, oracle: &Oracle) {
    let added = start(client, "add", json!({"a": 1, "b": 2})).await;
    match end_of(other, &added).await.payload {
        TaskPayload::Completed { result } => {
            assert_eq!(result["structuredContent"]["result"], 3, "{result:?}");
        }
        payload => panic!("{payload:?}"),
    }
    let failed = start(client, "fail", json!({"text": "no water"})).await;
    match end_of(client, &failed).await.payload {
        TaskPayload::Completed { result } => assert_eq!(result["isError"], true, "{result:?}"),
        payload => panic!("{payload:?}"),
    }
    let crashed = start(client, "abort", json!({})).await;
    match end_of(client, &crashed).await.payload {
        TaskPayload::Failed { error } => assert_eq!(error["data"]["code"], "crashed", "{error:?}"),
        payload => panic!("{payload:?}"),
    }
    let held = start(client, "gate", json!({"socket": oracle.path()})).await;
    until("the body runs", || oracle.waiting().contains(&held));
    assert_eq!(look(other, &held).await.status(), TaskStatus::Working);
    let cancelled = other.cancel_task(CancelTaskParams::new(&held)).await;
    cancelled.expect("an acknowledgement");
    let ended = end_of(client, &held).await;
    assert_eq!(ended.status(), TaskStatus::Cancelled);
    answer(client).await;
}

/// A task asks, and is answered.
async fn answer(client: &Client) {
    let asks = start(client, "confirm_delete", json!({"filename": "a.txt"})).await;
    let asking = poll(client, &asks, |task| {
        task.status() == TaskStatus::InputRequired
    });
    let TaskPayload::InputRequired { input_requests } = asking.await.payload else {
        panic!("it asks")
    };
    assert_eq!(input_requests.keys().collect::<Vec<_>>(), ["confirm"]);
    let yes = json!({"action": "accept", "content": {"confirm": true}});
    let answers = [("confirm".to_owned(), yes)].into_iter().collect();
    let updated = client.update_task(UpdateTaskParams::new(&asks, answers));
    updated.await.expect("an acknowledgement");
    match end_of(client, &asks).await.payload {
        TaskPayload::Completed { result } => {
            let result = &result["structuredContent"]["result"];
            assert_eq!(result["deleted"], true, "{result}");
        }
        payload => panic!("{payload:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_lives_in_the_newer_lifecycle_over_either_transport() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let server = Listening::for_users(&sandbox);
    let (one, other) = (
        over_http(&server, 0, Era::SelfContained).await,
        over_http(&server, 0, Era::SelfContained).await,
    );
    live(&one, &other, &oracle).await;
    let (one, _first) = over_stdio(&sandbox, Era::SelfContained).await;
    let (other, _second) = over_stdio(&sandbox, Era::SelfContained).await;
    live(&one, &other, &oracle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_are_not_for_the_older_lifecycle_nor_for_somebody_else() {
    let sandbox = sandbox();
    let server = Listening::for_users(&sandbox);
    let alice = over_http(&server, 0, Era::SelfContained).await;
    let task = start(&alice, "add", json!({"a": 1, "b": 2})).await;
    let bob = over_http(&server, 1, Era::SelfContained).await;
    let unknown = [&*task, "add-0123456789abcdefghjk"];
    for id in unknown {
        let get = bob.get_task(GetTaskParams::new(id)).await;
        assert_eq!(code(get), ErrorCode::INVALID_PARAMS);
        let cancel = bob.cancel_task(CancelTaskParams::new(id)).await;
        assert_eq!(code(cancel), ErrorCode::INVALID_PARAMS);
    }
    end_of(&alice, &task).await;
    let older = over_http(&server, 0, Era::Session).await;
    let get = older.get_task(GetTaskParams::new(&task)).await;
    // What it declared was in a session, which HTTP has none of: for this request it is undeclared.
    assert_eq!(code(get), ErrorCode(-32021));
    for era in ERAS {
        let stranger = try_over_http(&server, "nobody's", era).await;
        let error = stranger.expect_err("a stranger is not let in");
        assert!(error.is_authorization_required(), "{era:?}: {error:?}");
        assert!(error.auth_challenge().is_some(), "{era:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_the_client_gives_up_is_dropped_and_its_job_goes_on() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let server = Listening::for_users(&sandbox);
    for era in ERAS {
        let client = over_http(&server, 0, era).await;
        let id = server
            .user("alice")
            .start("gate", json!({"socket": oracle.path()}));
        until("the body runs", || oracle.waiting().contains(&id));
        let wait = call("get_job_status", json!({"job_id": id, "wait_s": 50}));
        let peer = client.peer().clone();
        let waiting = tokio::spawn(async move { peer.call_tool_once(wait).await });
        until("the server waits", || server.waits());
        waiting.abort();
        let gave_up = Instant::now();
        until("the wait is dropped", || !server.waits());
        assert!(
            gave_up.elapsed() < Duration::from_secs(25),
            "{era:?}: it ended by itself"
        );
        // The same client is served as before.
        let seen = reply(
            &client,
            "get_job_status",
            json!({"job_id": id, "wait_s": 0}),
        )
        .await;
        assert_eq!(seen["state"], "running", "{era:?}: {seen}");
        oracle.let_go(&id);
        let ended = server.user("alice").finish(&id);
        assert_eq!(ended["state"], "completed", "{era:?}");
    }
}
