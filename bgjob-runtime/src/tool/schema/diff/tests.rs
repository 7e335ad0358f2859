//! Each kind of change gets its class, in both directions.

use serde_json::json;

use super::*;

fn changes(old: &Value, new: &Value, direction: Direction) -> Vec<(Kind, Class, String)> {
    let found = compare(
        old.as_object().unwrap(),
        new.as_object().unwrap(),
        direction,
    );
    found.into_iter().map(|c| (c.kind, c.class, c.at)).collect()
}

/// The kind and place of the only change, and its class as input and as result.
fn only(old: &Value, new: &Value) -> (Kind, String, Class, Class) {
    let input = changes(old, new, Direction::Input);
    let result = changes(old, new, Direction::Result);
    assert_eq!((input.len(), result.len()), (1, 1), "{input:?} {result:?}");
    (input[0].0, input[0].2.clone(), input[0].1, result[0].1)
}

fn narrows(old: Value, new: Value) {
    let (kind, _, input, result) = only(&old, &new);
    assert_eq!(
        (kind, input, result),
        (Kind::Narrowed, Class::Breaking, Class::Additive),
        "{old} {new}"
    );
    let (kind, _, input, result) = only(&new, &old);
    assert_eq!(
        (kind, input, result),
        (Kind::Widened, Class::Additive, Class::Breaking),
        "{new} {old}"
    );
}

fn object(properties: Value, required: Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

#[test]
fn less_is_narrower_whatever_it_is_less_of() {
    narrows(
        json!({"type": "integer"}),
        json!({"type": "integer", "minimum": 1}),
    );
    narrows(
        json!({"type": "integer", "minimum": 1}),
        json!({"type": "integer", "minimum": 2.5}),
    );
    narrows(
        json!({"type": "integer", "maximum": 2}),
        json!({"type": "integer", "maximum": 1}),
    );
    narrows(
        json!({"type": "array", "maxItems": 3}),
        json!({"type": "array", "maxItems": 2}),
    );
    narrows(
        json!({"type": "string"}),
        json!({"type": "string", "enum": ["a"]}),
    );
    narrows(
        json!({"type": "string", "enum": ["a", "b"]}),
        json!({"type": "string", "enum": ["a"]}),
    );
    narrows(
        json!({"type": "string"}),
        json!({"type": "string", "format": "date"}),
    );
    narrows(
        json!({"type": ["string", "null"]}),
        json!({"type": "string"}),
    );
    narrows(json!({"type": "number"}), json!({"type": "integer"}));
    narrows(
        json!({"type": "object"}),
        json!({"type": "object", "additionalProperties": false}),
    );
    narrows(
        json!({"type": "object", "additionalProperties": {"type": "number"}}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}}),
    );
    narrows(
        json!({"anyOf": [object(json!({"kind": {"type": "string", "enum": ["a"]}}), json!(["kind"])),
                         object(json!({"kind": {"type": "string", "enum": ["b"]}}), json!(["kind"]))]}),
        json!({"anyOf": [object(json!({"kind": {"type": "string", "enum": ["b"]}}), json!(["kind"]))]}),
    );
}

#[test]
fn keys_come_and_go() {
    let none = object(json!({}), json!([]));
    let optional = object(json!({"a": {"type": "string"}}), json!([]));
    let required = object(json!({"a": {"type": "string"}}), json!(["a"]));
    let at = || "/a".to_owned();
    use Class::{Additive, Breaking};
    assert_eq!(
        only(&none, &optional),
        (Kind::PropertyAdded, at(), Additive, Additive)
    );
    assert_eq!(
        only(&optional, &none),
        (Kind::PropertyRemoved, at(), Breaking, Breaking)
    );
    assert_eq!(
        only(&optional, &required),
        (Kind::RequiredAdded, at(), Breaking, Additive)
    );
    assert_eq!(
        only(&required, &optional),
        (Kind::RequiredRemoved, at(), Additive, Breaking)
    );
    let input = changes(&none, &required, Direction::Input);
    assert_eq!(input, [(Kind::RequiredAdded, Breaking, at())]);
    let result = changes(&none, &required, Direction::Result);
    assert_eq!(result, [(Kind::PropertyAdded, Additive, at())]);
}

#[test]
fn another_type_both_loses_and_gains() {
    let found = changes(
        &json!({"type": "string"}),
        &json!({"type": "boolean"}),
        Direction::Input,
    );
    let kinds: Vec<Kind> = found.iter().map(|change| change.0).collect();
    assert_eq!(kinds, [Kind::Narrowed, Kind::Widened]);
}

#[test]
fn words_and_defaults_break_nothing() {
    let (kind, _, input, result) = only(
        &json!({"type": "string", "description": "a"}),
        &json!({"type": "string", "description": "b"}),
    );
    assert_eq!(
        (kind, input, result),
        (Kind::TextChanged, Class::Text, Class::Text)
    );
    let (kind, _, input, _) = only(
        &json!({"type": "integer", "default": 1}),
        &json!({"type": "integer", "default": 2}),
    );
    assert_eq!((kind, input), (Kind::DefaultChanged, Class::Additive));
}

#[test]
fn recursive_types_are_compared_once_and_found_wherever_they_are() {
    let node = |kind: &str| {
        json!({
            "type": "object",
            "properties": {"x": {"$ref": "#/$defs/Node"}},
            "$defs": {"Node": {"type": "object", "properties": {
                "name": {"type": kind},
                "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
            }}},
        })
    };
    assert!(changes(&node("string"), &node("string"), Direction::Input).is_empty());
    let found = changes(&node("integer"), &node("number"), Direction::Input);
    assert_eq!(found, [(Kind::Widened, Class::Additive, "/x/name".into())]);
}

#[test]
fn every_code_is_its_own() {
    for (index, kind) in Kind::ALL.iter().enumerate() {
        assert!(
            Kind::ALL[..index]
                .iter()
                .all(|other| other.as_str() != kind.as_str())
        );
        assert!(!kind.about().is_empty());
    }
}
