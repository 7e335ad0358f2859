//! Objects that refuse unknown keys, so that a misspelt one is never dropped in silence.

use serde_json::{Map, Value};

/// Closes an object schema with known properties. A union beside properties (an enum flattened into a
/// struct) moves them into each of its branches, since `additionalProperties` sees only its own object.
pub(super) fn close(schema: &mut Map<String, Value>) {
    match schema.shift_remove("unevaluatedProperties") {
        Some(Value::Bool(false)) | None => {}
        Some(open) => {
            schema.entry("additionalProperties").or_insert(open);
        }
    }
    if !schema.contains_key("properties") || schema.contains_key("allOf") {
        return;
    }
    match schema.shift_remove("anyOf") {
        Some(Value::Array(branches)) => distribute(schema, branches),
        _ => {
            schema
                .entry("additionalProperties")
                .or_insert(Value::Bool(false));
        }
    }
}

fn distribute(schema: &mut Map<String, Value>, branches: Vec<Value>) {
    const OUTSIDE: [&str; 4] = ["title", "description", "default", "examples"];
    let base: Map<String, Value> = schema
        .iter()
        .filter(|(keyword, _)| !OUTSIDE.contains(&keyword.as_str()))
        .map(own)
        .collect();
    schema.retain(|keyword, _| OUTSIDE.contains(&keyword.as_str()));
    let merged = branches
        .into_iter()
        .map(|branch| Value::Object(merge(base.clone(), branch)))
        .collect();
    schema.insert("anyOf".into(), Value::Array(merged));
}

fn own((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

fn merge(mut base: Map<String, Value>, branch: Value) -> Map<String, Value> {
    let Value::Object(branch) = branch else {
        return base;
    };
    let adds_nothing = branch.get("type").is_some_and(|kind| kind != "object");
    for (keyword, value) in branch.into_iter().filter(|_| !adds_nothing) {
        match (base.get_mut(&keyword), value) {
            (Some(Value::Object(properties)), Value::Object(more)) if keyword == "properties" => {
                properties.extend(more)
            }
            (Some(Value::Array(required)), Value::Array(more)) if keyword == "required" => {
                let new: Vec<Value> = more.into_iter().filter(|n| !required.contains(n)).collect();
                required.extend(new);
            }
            // An open struct stays open, whichever variant is flattened into it.
            (Some(Value::Object(_)), Value::Bool(false)) if keyword == "additionalProperties" => {}
            (_, value) => {
                base.insert(keyword, value);
            }
        }
    }
    close(&mut base);
    base
}
