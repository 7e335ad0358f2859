//! What to do with a line: hand it to the handler, answer it here, or drop it.

use rmcp::model::{ClientJsonRpcMessage, ErrorCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::glance::Glance;

/// Batches longer than this get one answer for all.
const LARGEST_BATCH: usize = 100;

/// What a line turned out to be.
#[derive(Debug)]
pub enum Sorted {
    /// A message for the handler.
    Message(Box<ClientJsonRpcMessage>),
    /// Lines to send back; the handler never hears of it.
    Answer(Vec<String>),
    /// Nothing to do: an empty line, or a notification that nobody knows.
    Nothing,
}

/// One error response as a line without its end. `id` is JSON text.
pub fn error(id: Option<&str>, code: ErrorCode, message: &str) -> String {
    let error = json!({ "code": code.0, "message": message });
    format!(
        r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#,
        id.unwrap_or("null")
    )
}

/// Sorts a whole line of at most `values` values and members.
pub fn sort(line: &[u8], values: u64) -> Sorted {
    let line = line
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(line)
        .trim_ascii();
    if line.is_empty() {
        return Sorted::Nothing;
    }
    // About one value per two bytes at most: short lines need no counting.
    if line.len() as u64 > 2 * values {
        let glance = Glance::of(line);
        if glance.values() > values {
            return refuse(
                &glance,
                ErrorCode::INVALID_REQUEST,
                &format!("the message holds more than {values} values"),
            );
        }
    }
    match serde_json::from_slice::<ClientJsonRpcMessage>(line) {
        Ok(message) => Sorted::Message(Box::new(message)),
        Err(why) => sort_odd(line, &why),
    }
}

/// Answers a line that was too long to hold.
pub fn too_long(glance: &Glance, cap: usize) -> Sorted {
    refuse(
        glance,
        ErrorCode::PARSE_ERROR,
        &format!("the line is longer than {cap} bytes"),
    )
}

/// Sorts a line that is no message the protocol library knows.
fn sort_odd(line: &[u8], why: &serde_json::Error) -> Sorted {
    let glance = Glance::of(line);
    if let Err(broken) = serde_json::from_slice::<&RawValue>(line) {
        return refuse(
            &glance,
            ErrorCode::PARSE_ERROR,
            &format!("not JSON: {broken}"),
        );
    }
    if !why.is_data() {
        // Well-formed, yet not read: nested deeper than the reader goes.
        return refuse(
            &glance,
            ErrorCode::PARSE_ERROR,
            &format!("cannot be read: {why}"),
        );
    }
    if glance.seen().batch {
        return sort_batch(line);
    }
    let seen = glance.seen();
    match glance.id() {
        _ if seen.answer && !seen.method => Sorted::Nothing,
        None if seen.method
            && serde_json::from_slice::<Value>(line).is_ok_and(|m| m.get("id").is_none()) =>
        {
            Sorted::Nothing
        }
        _ => refuse(
            &glance,
            ErrorCode::INVALID_REQUEST,
            "not a JSON-RPC 2.0 request, notification or response",
        ),
    }
}

/// Batches are no part of MCP; whoever sent one still hears about each request in it.
fn sort_batch(line: &[u8]) -> Sorted {
    let message = "batches are not supported: send one message per line";
    let items: Vec<&RawValue> = serde_json::from_slice(line).unwrap_or_default();
    let ids = |item: &&RawValue| {
        let glance = Glance::of(item.get().as_bytes());
        glance.id().filter(|_| glance.seen().method)
    };
    let ids: Vec<String> = if items.len() <= LARGEST_BATCH {
        items.iter().filter_map(ids).collect()
    } else {
        Vec::new()
    };
    if ids.is_empty() {
        return Sorted::Answer(vec![error(None, ErrorCode::INVALID_REQUEST, message)]);
    }
    Sorted::Answer(
        ids.iter()
            .map(|id| error(Some(id), ErrorCode::INVALID_REQUEST, message))
            .collect(),
    )
}

/// One error, under the request's own id where it has one.
fn refuse(glance: &Glance, code: ErrorCode, message: &str) -> Sorted {
    // The id of a response is one of ours: an error under it would answer a question of the client
    // that it never asked.
    let id = glance
        .id()
        .filter(|_| glance.seen().method || !glance.seen().answer);
    Sorted::Answer(vec![error(id.as_deref(), code, message)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(line: &str) -> Vec<(Value, i64)> {
        match sort(line.as_bytes(), 500_000) {
            Sorted::Answer(lines) => lines
                .iter()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .map(|answer| {
                    (
                        answer["id"].clone(),
                        answer["error"]["code"].as_i64().unwrap(),
                    )
                })
                .collect(),
            Sorted::Nothing => Vec::new(),
            Sorted::Message(message) => panic!("taken for a message: {message:?}"),
        }
    }

    #[test]
    fn messages_pass() {
        for line in [
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
            "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        ] {
            assert!(
                matches!(sort(line.as_bytes(), 1000), Sorted::Message(_)),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_not_json_gets_a_parse_error_under_its_id_where_it_shows_one() {
        assert_eq!(answers("hello"), [(Value::Null, -32700)]);
        assert_eq!(
            answers(r#"{"jsonrpc":"2.0","id":3,"method":"ping","#),
            [(json!(3), -32700)]
        );
        assert_eq!(
            answers(r#"{"id":"x","method":"\u{1}"}"#),
            [(json!("x"), -32700)]
        );
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":4,"method":"x","params":{{"a":{}{}}}}}"#,
            "[".repeat(5000),
            "]".repeat(5000)
        );
        assert_eq!(answers(&deep), [(json!(4), -32700)]);
    }

    #[test]
    fn json_that_is_no_request_gets_an_invalid_request() {
        assert_eq!(answers("7"), [(Value::Null, -32600)]);
        assert_eq!(answers("{}"), [(Value::Null, -32600)]);
        assert_eq!(
            answers(r#"{"jsonrpc":"1.0","id":5,"method":"ping"}"#),
            [(json!(5), -32600)]
        );
        assert_eq!(
            answers(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#),
            [(Value::Null, -32600)]
        );
        assert_eq!(
            answers(r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#),
            [(json!(1.5), -32600)]
        );
        assert_eq!(
            answers(r#"{"jsonrpc":"2.0","id":6,"method":7}"#),
            [(json!(6), -32600)]
        );
        assert_eq!(
            answers(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#),
            [(json!(2), -32600)]
        );
    }

    #[test]
    fn notifications_and_responses_are_never_answered() {
        assert_eq!(answers(r#"{"jsonrpc":"1.0","method":"ping"}"#), []);
        assert_eq!(answers(r#"{"jsonrpc":"1.0","id":5,"result":{}}"#), []);
        assert_eq!(answers(""), []);
        assert_eq!(answers(" \t\r"), []);
    }

    #[test]
    fn each_request_of_a_batch_is_answered() {
        let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n"},{"id":"b","method":"x"}]"#;
        assert_eq!(answers(batch), [(json!(1), -32600), (json!("b"), -32600)]);
        assert_eq!(answers("[]"), [(Value::Null, -32600)]);
        let many = format!("[{}]", vec![r#"{"id":1,"method":"x"}"#; 101].join(","));
        assert_eq!(answers(&many), [(Value::Null, -32600)]);
    }

    #[test]
    fn a_crowd_of_values_is_refused_before_it_is_built() {
        let crowd = format!(
            r#"{{"jsonrpc":"2.0","id":8,"method":"x","params":{{"a":[{}1]}}}}"#,
            "1,".repeat(600_000)
        );
        assert_eq!(answers(&crowd), [(json!(8), -32600)]);
    }
}
