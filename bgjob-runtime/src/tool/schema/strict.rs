//! The profile for strict function calling: all keys required, absence written as `null`, objects closed, no bounds.

use serde_json::{Map, Value, json};

use super::{for_each_child, lints};

/// What strict modes refuse, and what they would not enforce anyway.
const DROPPED: [&str; 14] = [
    "default",
    "examples",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
];

/// The strict form of an input schema of the wire profile.
///
/// # Errors
/// Why there is none: an object with keys of the caller's choice, or a value of any type.
pub fn strict(wire: &Map<String, Value>) -> Result<Map<String, Value>, lints::Lint> {
    if let Some(lint) = lints::no_strict_form(wire) {
        return Err(lint);
    }
    let mut strict = wire.clone();
    tighten(&mut strict);
    Ok(strict)
}

fn tighten(schema: &mut Map<String, Value>) {
    for keyword in DROPPED {
        schema.shift_remove(keyword);
    }
    // The places of a tuple: their union stays, under `items`.
    schema.shift_remove("prefixItems");
    for_each_child(schema, &mut |child| {
        if let Value::Object(child) = child {
            tighten(child);
        }
    });
    require_all(schema);
}

fn require_all(schema: &mut Map<String, Value>) {
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    let required: Vec<Value> = schema
        .get("required")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let names: Vec<Value> = properties
            .keys()
            .map(|name| Value::from(name.as_str()))
            .collect();
        for (name, property) in properties.iter_mut() {
            if !required.iter().any(|r| r == name) {
                nullable(property);
            }
        }
        schema.insert("required".into(), Value::Array(names));
        schema.insert("additionalProperties".into(), Value::Bool(false));
    } else if is_object {
        schema.insert("properties".into(), json!({}));
        schema.insert("required".into(), json!([]));
        schema.insert("additionalProperties".into(), Value::Bool(false));
    }
}

fn nullable(schema: &mut Value) {
    let Value::Object(inner) = schema else {
        return;
    };
    if inner.contains_key("anyOf") {
        if let Some(Value::Array(branches)) = inner.get_mut("anyOf")
            && !branches.iter().any(takes_null)
        {
            branches.push(json!({ "type": "null" }));
        }
        return;
    }
    if inner.contains_key("$ref") {
        let description = inner.shift_remove("description");
        let mut union = json!({ "anyOf": [schema.take(), { "type": "null" }] });
        if let Some(description) = description {
            union["description"] = description;
        }
        *schema = union;
        return;
    }
    match inner.get_mut("type") {
        Some(Value::Array(kinds)) if !kinds.iter().any(|kind| kind == "null") => {
            kinds.push("null".into());
        }
        Some(kind @ Value::String(_)) if kind != "null" => *kind = json!([kind.take(), "null"]),
        _ => return,
    }
    if let Some(Value::Array(values)) = inner.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

fn takes_null(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "null"),
        Some(kind) => kind == "null",
        None => false,
    }
}
