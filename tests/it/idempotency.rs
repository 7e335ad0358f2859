//! Keys under which a call may be repeated: after a lost reply, from anywhere, whatever came between.

use bgjob_tests::mcp::{Era, Reply, Server};
use bgjob_tests::oracle::Oracle;
use bgjob_tests::rpc::Rpc;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::sandbox;

/// The documented key of a request's `_meta`.
const KEY: &str = "io.github.bgjob/idempotency-key";

fn keyed(tool: &str, arguments: &Value, key: &Value) -> Value {
    json!({"name": tool, "arguments": arguments, "_meta": {KEY: key}})
}

fn call(server: &mut Server, tool: &str, arguments: &Value, key: &Value) -> Reply {
    let answer = server.request("tools/call", keyed(tool, arguments, key));
    server.reply(tool, &answer)
}

#[test]
fn a_client_that_lost_its_reply_repeats_the_call_to_two_servers_at_once_and_has_one_job() {
    let sandbox = sandbox();
    let oracle = Oracle::listen(&sandbox.path("gate"));
    let (input, key) = (json!({"socket": oracle.path()}), json!("lost reply"));
    let mut first = Server::start(&sandbox);
    first.begin("tools/call", keyed("gate", &input, &key));
    oracle.wait_for(1);
    first.signal(Signal::KILL);
    first.ended();
    let replies: Vec<Reply> = std::thread::scope(|scope| {
        let calls = [Era::Session, Era::SelfContained].map(|era| {
            let mut server = Server::start_as(&sandbox, era);
            let (input, key) = (&input, &key);
            scope.spawn(move || call(&mut server, "gate", input, key))
        });
        calls.map(|call| call.join().expect("a reply")).into()
    });
    let at_the_gate = &oracle.waiting()[0];
    for reply in &replies {
        assert_eq!(reply["replayed"], true, "{reply:?}");
        assert_eq!(&reply.id(), at_the_gate, "{reply:?}");
    }
    oracle.open();
    sandbox.wait(at_the_gate);
    assert_eq!(oracle.starts().len(), 1);
}

#[test]
fn a_key_is_the_same_on_the_command_line_over_mcp_and_for_tasks() {
    let sandbox = sandbox();
    let ran = sandbox.run([
        "run", "add", "--a", "1", "--b", "2", "--key", "k", "--detach",
    ]);
    let id = ran.stdout.trim().to_owned();
    let input = json!({"a": 1, "b": 2});
    let mut server = Server::start(&sandbox);
    let reply = call(&mut server, "add", &input, &json!("k"));
    assert_eq!((reply.id(), &reply["replayed"]), (id.clone(), &json!(true)));
    let mut tasks = Rpc::with_tasks(sandbox.command(["serve"]));
    let answer = tasks.request("tools/call", keyed("add", &input, &json!("k")));
    assert_eq!(answer["result"]["taskId"], id, "{answer}");
    sandbox.wait(&id);
}

#[test]
fn a_key_with_another_input_or_that_is_none_is_refused() {
    let sandbox = sandbox();
    let mut server = Server::start(&sandbox);
    let first = call(&mut server, "add", &json!({"a": 1, "b": 2}), &json!("k"));
    assert!(first["replayed"].is_null(), "{first:?}");
    for (input, key, code) in [
        (json!({"a": 1, "b": 3}), json!("k"), "idempotency_conflict"),
        (json!({"a": 1, "b": 2}), json!(7), "invalid_argument"),
        (json!({"a": 1, "b": 2}), json!(""), "invalid_argument"),
        (
            json!({"a": 1, "b": 2}),
            json!("k".repeat(257)),
            "invalid_argument",
        ),
    ] {
        let refused = call(&mut server, "add", &input, &key);
        assert!(refused.is_error, "{refused:?}");
        assert_eq!(refused["error"]["code"], code, "{refused:?}");
    }
    let other = call(&mut server, "add", &json!({"a": 1, "b": 3}), &json!("k2"));
    assert_ne!(other.id(), first.id());
    sandbox.wait(&first.id());
    sandbox.wait(&other.id());
}

#[test]
fn a_repeated_call_stands_whatever_became_of_the_state_since() {
    let sandbox = sandbox();
    sandbox.finish("note", &json!({"text": "then"}));
    let read = || sandbox.run(["run", "read_note", "--key", "k", "--detach"]);
    let id = read().stdout;
    sandbox.wait(id.trim());
    sandbox.finish("note_of_another_type", &json!({"value": {"text": 5}}));
    assert_eq!(read().stdout, id, "the value does not fit any more");
    assert_eq!(sandbox.run(["state", "reset", "note"]).code, Some(0));
    assert_eq!(read().stdout, id, "there is no value any more");
}
