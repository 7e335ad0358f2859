//! The named profile in the words of JSON Schema draft-07, for generators that read no newer one.

use serde_json::{Map, Value, json};

use super::for_each_child;

/// The draft-07 twin of a schema of the named profile.
pub fn twin(named: &Map<String, Value>) -> Map<String, Value> {
    let mut twin = Map::new();
    for (keyword, value) in named {
        match keyword.as_str() {
            "$schema" => twin.insert(
                "$schema".into(),
                "http://json-schema.org/draft-07/schema#".into(),
            ),
            "$id" => twin.insert(
                "$id".into(),
                format!("{}:draft-07", value.as_str().unwrap_or_default()).into(),
            ),
            _ => twin.insert(keyword.clone(), value.clone()),
        };
    }
    let mut twin = Value::Object(twin);
    turn(&mut twin);
    match twin {
        Value::Object(twin) => twin,
        _ => Map::new(),
    }
}

fn turn(schema: &mut Value) {
    let Value::Object(schema) = schema else {
        return;
    };
    for_each_child(schema, &mut turn);
    tuple(schema);
    if let Some(definitions) = schema.shift_remove("$defs") {
        schema.insert("definitions".into(), definitions);
    }
    refer(schema);
}

/// Draft-07 lists a tuple's places under `items` and what follows under `additionalItems`.
fn tuple(schema: &mut Map<String, Value>) {
    let Some(places) = schema.get("prefixItems").cloned() else {
        return;
    };
    let listed = places.as_array().map_or(0, Vec::len);
    let ends = schema.get("maxItems").and_then(Value::as_u64) == u64::try_from(listed).ok();
    let rest = schema.insert("items".into(), places);
    schema.shift_remove("prefixItems");
    let rest = if ends { Some(Value::Bool(false)) } else { rest };
    if let Some(rest) = rest {
        schema.insert("additionalItems".into(), rest);
    }
}

/// In draft-07 a reference hides what stands beside it.
fn refer(schema: &mut Map<String, Value>) {
    let Some(name) = super::reference(schema).map(str::to_owned) else {
        return;
    };
    let reference = json!({ "$ref": format!("#/definitions/{name}") });
    schema.shift_remove("$ref");
    if schema.is_empty() {
        schema.extend(reference.as_object().cloned().unwrap_or_default());
    } else {
        schema.insert("allOf".into(), json!([reference]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twin_of(named: Value) -> Value {
        Value::Object(twin(named.as_object().unwrap()))
    }

    #[test]
    fn tuples_definitions_and_references_are_turned() {
        let named = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "urn:bgjob:s:t:input",
            "properties": {
                "a": {"$ref": "#/$defs/Node"},
                "b": {"$ref": "#/$defs/Node", "description": "The root."},
                "c": {"prefixItems": [{"type": "string"}], "items": {"type": "string"}, "maxItems": 1},
                "d": {"prefixItems": [{"type": "string"}], "items": {"type": "null"}},
            },
            "$defs": {"Node": {"properties": {"next": {"$ref": "#/$defs/Node"}}}},
        });
        let expected = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "urn:bgjob:s:t:input:draft-07",
            "properties": {
                "a": {"$ref": "#/definitions/Node"},
                "b": {"description": "The root.", "allOf": [{"$ref": "#/definitions/Node"}]},
                "c": {"items": [{"type": "string"}], "maxItems": 1, "additionalItems": false},
                "d": {"items": [{"type": "string"}], "additionalItems": {"type": "null"}},
            },
            "definitions": {"Node": {"properties": {"next": {"$ref": "#/definitions/Node"}}}},
        });
        assert_eq!(twin_of(named), expected);
    }
}
