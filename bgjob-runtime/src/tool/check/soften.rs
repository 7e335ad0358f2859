//! Forms that mean the same: `30.0` for an integer, `null` for an absent option.

use serde_json::{Map, Value};

use super::{number, walk};
use crate::tool::schema::reference;

/// Rewrites `value` where its schema wants an integer or has no `null`; says whether anything changed.
pub(crate) fn soften(schema: &Value, definitions: &Map<String, Value>, value: &mut Value) -> bool {
    let Value::Object(schema) = schema else {
        return false;
    };
    if let Some(definition) = reference(schema).and_then(|name| definitions.get(name)) {
        return soften(definition, definitions, value);
    }
    let mut changed = false;
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        changed |= soften(part, definitions, value);
    }
    if let Some(Value::Array(branches)) = schema.get("anyOf") {
        let fitting = branches
            .iter()
            .find(|branch| walk::fits(branch, definitions, value));
        return changed | fitting.is_some_and(|branch| soften(branch, definitions, value));
    }
    changed
        | match value {
            Value::Number(_) => wants_integer(schema) && integral(value),
            Value::Array(items) => elements(schema, definitions, items),
            Value::Object(object) => members(schema, definitions, object),
            _ => false,
        }
}

fn wants_integer(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => {
            kinds.iter().any(|kind| kind == "integer") && kinds.iter().all(|kind| kind != "number")
        }
        Some(kind) => kind == "integer",
        None => false,
    }
}

fn integral(value: &mut Value) -> bool {
    let Some(integer) = number::integer(value).filter(|_| value.is_f64()) else {
        return false;
    };
    let integer = u64::try_from(integer)
        .map(Value::from)
        .or_else(|_| i64::try_from(integer).map(Value::from));
    integer.is_ok_and(|integer| {
        *value = integer;
        true
    })
}

fn elements(
    schema: &Map<String, Value>,
    definitions: &Map<String, Value>,
    items: &mut [Value],
) -> bool {
    let places = schema.get("prefixItems").and_then(Value::as_array);
    let mut changed = false;
    for (index, item) in items.iter_mut().enumerate() {
        if let Some(schema) = places
            .and_then(|places| places.get(index))
            .or_else(|| schema.get("items"))
        {
            changed |= soften(schema, definitions, item);
        }
    }
    changed
}

fn members(
    schema: &Map<String, Value>,
    definitions: &Map<String, Value>,
    object: &mut Map<String, Value>,
) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    let property = |key: &str| properties.and_then(|properties| properties.get(key));
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |key: &str| required.is_some_and(|names| names.iter().any(|name| name == key));
    let before = object.len();
    object.retain(|key, value| {
        !value.is_null()
            || is_required(key)
            || property(key).is_none_or(|schema| walk::fits(schema, definitions, value))
    });
    let mut changed = object.len() != before;
    for (key, value) in object.iter_mut() {
        if let Some(schema) = property(key).or_else(|| schema.get("additionalProperties")) {
            changed |= soften(schema, definitions, value);
        }
    }
    changed
}
