//! Tests of the reply and of its schemas.

use super::*;

#[test]
fn a_result_or_a_part_of_one_may_be_null() {
    for field in ["result", "value"] {
        let schema = schema(&[field], None);
        let types = schema["properties"][field]["type"].as_array().unwrap();
        assert!(types.contains(&json!("null")), "{field}: {types:?}");
    }
}

#[test]
fn a_tool_s_result_is_described_in_the_envelope() {
    let result = json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}}, "$defs": {"X": {"type": "number"}, "Unused": {}}});
    let schema = schema(&["page"], result.as_object());
    let properties = schema["properties"].as_object().unwrap();
    assert_eq!(properties["result"]["properties"]["x"]["$ref"], "#/$defs/X");
    assert_eq!(schema["$defs"], json!({"X": {"type": "number"}}));
    assert!(properties.contains_key("page") && !properties.contains_key("log"));
    assert_eq!(schema["required"], json!(["state"]));
}

#[test]
fn a_definition_that_another_needs_is_there_too() {
    let result = json!({"$ref": "#/$defs/A", "$defs": {
        "A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
        "B": {"type": "array", "items": {"$ref": "#/$defs/A"}},
    }});
    let schema = schema(&[], result.as_object());
    assert_eq!(schema["$defs"], result["$defs"]);
}

#[test]
fn schemas_are_lean_and_closed_to_nothing() {
    let text = serde_json::to_string(&schema(&[], None)).unwrap();
    assert!(text.len() < 1200, "{} bytes: {text}", text.len());
    assert!(!text.contains("description") && !text.contains("additionalProperties"));
}

#[test]
fn the_text_is_the_structured_content() {
    let reply = Reply::ok().next("list_jobs", json!({"limit": 1}));
    let result = serde_json::to_value(reply.into_result(false)).unwrap();
    let text = result["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, result["structuredContent"].to_string());
    assert_eq!(
        text,
        r#"{"state":"ok","next":{"tool":"list_jobs","args":{"limit":1}}}"#
    );
}
