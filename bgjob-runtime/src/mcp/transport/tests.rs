//! The transport with the protocol library behind it, over streams in memory.

use std::collections::HashMap;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines as TokioLines, ReadHalf,
    WriteHalf,
};

use super::*;

/// `echo` answers; `wait` waits for the client to leave.
struct Handler(Ended);

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "wait" {
            self.0.fired().await;
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(request.name)]).into())
    }
}

struct Client {
    input: WriteHalf<DuplexStream>,
    output: TokioLines<BufReader<ReadHalf<DuplexStream>>>,
}

impl Client {
    fn start(limits: Limits) -> (Self, JoinHandle<()>) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(near);
        let transport = LineTransport::with_limits(input, output, limits);
        let handler = Handler(transport.ended());
        let server = tokio::spawn(async move {
            if let Ok(running) = handler.serve(transport).await {
                let _ = running.waiting().await;
            }
        });
        let (output, input) = tokio::io::split(far);
        (
            Client {
                input,
                output: BufReader::new(output).lines(),
            },
            server,
        )
    }

    async fn opened() -> (Self, JoinHandle<()>) {
        let (mut client, server) = Self::start(Limits::default());
        let hello = json!({"jsonrpc":"2.0","id":"hello","method":"initialize","params":{
            "protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}});
        client.say(&hello.to_string()).await;
        assert_eq!(client.hear().await["id"], "hello");
        client
            .say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            .await;
        (client, server)
    }

    async fn say(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).await.unwrap();
        self.input.write_all(b"\n").await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(10), self.output.next_line()).await;
        serde_json::from_str(
            &line
                .expect("no answer within 10 s")
                .unwrap()
                .expect("the stream ended"),
        )
        .unwrap()
    }
}

fn call(id: impl Into<Value>, tool: &str) -> String {
    json!({"jsonrpc":"2.0","id":id.into(),"method":"tools/call","params":{"name":tool}}).to_string()
}

#[tokio::test]
async fn a_request_is_answered() {
    let (mut client, _server) = Client::opened().await;
    client.say(&call(1, "echo")).await;
    assert_eq!(client.hear().await["result"]["content"][0]["text"], "echo");
}

#[tokio::test]
async fn broken_lines_are_answered_between_good_ones() {
    let (mut client, _server) = Client::opened().await;
    client.say("hello").await;
    client.say(r#"{"jsonrpc":"2.0","id":3,"method":"#).await;
    client.say("").await;
    client.say(&call(4, "echo")).await;
    let mut codes = HashMap::new();
    for _ in 0..3 {
        let answer = client.hear().await;
        codes.insert(answer["id"].to_string(), answer["error"]["code"].as_i64());
    }
    assert_eq!(
        codes,
        HashMap::from([
            ("null".into(), Some(-32700)),
            ("3".into(), Some(-32700)),
            ("4".into(), None)
        ])
    );
}

#[tokio::test]
async fn a_notification_before_the_handshake_does_not_end_the_server() {
    let (mut client, _server) = Client::start(Limits::default());
    client
        .say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
        .await;
    client.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
    client
        .say(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)
        .await;
    assert_eq!(
        client.hear().await,
        json!({"jsonrpc":"2.0","id":1,"result":{}})
    );
    client.say(&call(2, "echo")).await;
    assert_eq!(client.hear().await["error"]["code"], -32602);
}

#[tokio::test]
async fn an_id_in_flight_cannot_be_used_again_and_later_can() {
    let (mut client, server) = Client::opened().await;
    client.say(&call(1, "wait")).await;
    client.say(&call(1, "echo")).await;
    let refused = client.hear().await;
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(1), &json!(-32600))
    );
    client.say(&call(2, "echo")).await;
    assert_eq!(client.hear().await["id"], 2);
    client.say(&call(2, "echo")).await;
    assert_eq!(client.hear().await["result"]["content"][0]["text"], "echo");
    drop(client);
    server.await.unwrap();
}

#[tokio::test]
async fn a_line_beyond_the_cap_is_answered_under_its_id() {
    let (mut client, _server) = Client::start(Limits {
        line: 1000,
        values: 1000,
    });
    let long = json!({"method":"x","params":{"text":"a".repeat(500_000)},"jsonrpc":"2.0","id":9});
    client.say(&long.to_string()).await;
    let answer = client.hear().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(9), &json!(-32700))
    );
    client
        .say(r#"{"jsonrpc":"2.0","id":10,"method":"ping"}"#)
        .await;
    assert_eq!(client.hear().await["id"], 10);
}

#[tokio::test]
async fn a_client_that_leaves_ends_waits_and_the_server() {
    let (mut client, server) = Client::opened().await;
    client.say(&call(1, "wait")).await;
    client.input.shutdown().await.unwrap();
    assert_eq!(client.hear().await["id"], 1);
    assert!(client.output.next_line().await.unwrap().is_none());
    tokio::time::timeout(Duration::from_secs(2), server)
        .await
        .expect("the server stays")
        .unwrap();
}
